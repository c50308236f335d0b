#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/adaptors/copying_write_stream.hpp"
#include "tokens/queue_operation.hpp"
#include "tokens/run_case.hpp"

namespace bytes_handoff::test {
namespace {

/// A write of 4 bytes that finds room, or must wait for it; one of more bytes than fit, and of
/// none; one that finds the queue aborted while it starts; one that is cancelled while it waits.
///
/// What it copies goes where the end of the write is told, together with the stream.
class CopyingWriteOperation : public QueueOperation {
 public:
  static constexpr bool kHasErrorCode = true;
  static std::vector<std::string> states() {
    return {"room", "waits", "takes_part", "is_aborted", "is_cancelled", "empty"};
  }
  static bool is_meanwhile(unsigned state) { return state == 3; }
  static bool is_cancelled(unsigned state) { return state == 4; }
  static std::string expected(unsigned state) {
    switch (state) {
      case 2:
        return describe(16);
      case 3:
        return describe(Errc::closed);
      case 4:
        return describe(net_error_code(net::error::operation_aborted));
      case 5:
        return describe(0);
      default:
        return describe(4);
    }
  }

  CopyingWriteOperation(Environment& environment, unsigned state)
      : QueueOperation(environment), state_(state), stream_(std::in_place, out()) {
    from_.emplace(state == 2 ? "a write of 20 bytes." : state == 5 ? "" : "4 b.");
    if (state == 1 || state >= 4) {
      static_cast<void>(fill());
    } else if (is_meanwhile(state)) {
      let_another_abort();
    }
  }

  bool is_waiting() { return out().statistics().waits != 0; }
  void go_on() {
    if (!is_cancelled(state_)) {
      read_all();
    }
  }
  void let_go() {
    from_.reset();
    stream_.reset();
    QueueOperation::let_go();
  }
  template <class Token>
  auto start(Token&& token) {
    return stream_->async_write_some(net::buffer(*from_), std::forward<Token>(token));
  }

 private:
  const unsigned state_;
  std::optional<std::string> from_;
  std::optional<CopyingWriteStream> stream_;
};

TEST(CopyingWriteStreamTokens, async_write_some) {
  run_operation<CopyingWriteOperation>("copying.async_write_some");
}

}  // namespace
}  // namespace bytes_handoff::test
