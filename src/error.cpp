#include "bytes_handoff/error.hpp"

namespace bytes_handoff {
namespace {

class Category final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "bytes_handoff"; }

  [[nodiscard]] std::string message(int value) const override {
    switch (static_cast<Errc>(value)) {
      case Errc::limit_exceeded:
        return "the buffer holds as many bytes as it may";
      case Errc::read_in_progress:
        return "a read into this buffer is still running";
      case Errc::closed:
        return "the write queue is closed";
      case Errc::aborted:
        return "the write queue was aborted";
      case Errc::timed_out:
        return "the write queue ran out of time";
      case Errc::no_progress:
        return "the stream accepts writes without taking any bytes";
      case Errc::wait_in_progress:
        return "a wait on this ticket is still running";
    }
    return "unknown bytes_handoff error " + std::to_string(value);
  }
};

}  // namespace

const std::error_category& error_category() noexcept {
  static const Category category;
  return category;
}

}  // namespace bytes_handoff
