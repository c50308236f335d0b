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
        return "it was aborted";
      case Errc::timed_out:
        return "a time limit is over";
      case Errc::no_progress:
        return "the stream accepts writes without taking any bytes";
      case Errc::wait_in_progress:
        return "a wait on this ticket is still running";
      case Errc::stream_exception:
        return "the stream threw an exception that carries no error code";
      case Errc::can_never_fit:
        return "the write is larger than the whole queue";
      case Errc::too_many_waiters:
        return "as many writes are waiting as may wait";
      case Errc::too_many_waiting_bytes:
        return "as many bytes are waiting as may wait";
      case Errc::slow_consumer:
        return "the write queue lagged too far behind what was published to it";
      case Errc::frame_too_long:
        return "a frame is too long";
      case Errc::malformed_frame:
        return "the bytes are no frame";
      case Errc::truncated_frame:
        return "the input ended inside of a frame";
      case Errc::memory_exhausted:
        return "the memory budget is exhausted";
      case Errc::shed:
        return "shed by the memory budget";
    }
    return "unknown bytes_handoff error " + std::to_string(value);
  }

  [[nodiscard]] std::error_condition default_error_condition(int value) const noexcept override {
    switch (static_cast<Errc>(value)) {
      case Errc::limit_exceeded:
        return std::errc::no_buffer_space;
      case Errc::memory_exhausted:
        return std::errc::not_enough_memory;
      case Errc::aborted:
        return std::errc::operation_canceled;
      case Errc::timed_out:
        return std::errc::timed_out;
      case Errc::read_in_progress:
      case Errc::wait_in_progress:
        return std::errc::operation_in_progress;
      case Errc::closed:
      case Errc::no_progress:
      case Errc::stream_exception:
      case Errc::can_never_fit:
      case Errc::too_many_waiters:
      case Errc::too_many_waiting_bytes:
      case Errc::slow_consumer:
      case Errc::frame_too_long:
      case Errc::malformed_frame:
      case Errc::truncated_frame:
      case Errc::shed:
        break;
    }
    return {value, *this};
  }
};

// Never destroyed, as the standard library's. Made before anything runs: in the child of a fork
// nobody waits for a thread that was about to make it.
union CategoryHolder {
  constexpr CategoryHolder() noexcept : category() {}
  ~CategoryHolder() {}  // NOLINT(modernize-use-equals-default): it would be deleted
  Category category;
};
constinit const CategoryHolder category_holder;

}  // namespace

const std::error_category& error_category() noexcept { return category_holder.category; }

std::string_view to_string(WriteRefusalReason reason) noexcept {
  switch (reason) {
    case WriteRefusalReason::closed:
      return "closed";
    case WriteRefusalReason::can_never_fit:
      return "can_never_fit";
    case WriteRefusalReason::byte_budget_exceeded:
      return "byte_budget_exceeded";
    case WriteRefusalReason::queue_full:
      return "queue_full";
    case WriteRefusalReason::too_many_waiters:
      return "too_many_waiters";
    case WriteRefusalReason::too_many_waiting_bytes:
      return "too_many_waiting_bytes";
    case WriteRefusalReason::cancelled:
      return "cancelled";
    case WriteRefusalReason::exceeds_permit:
      return "exceeds_permit";
    case WriteRefusalReason::memory_exhausted:
      return "memory_exhausted";
  }
  return "unknown";
}

}  // namespace bytes_handoff
