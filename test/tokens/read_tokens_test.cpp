#include "bytes_handoff/handoff_buffer.hpp"
#include "tokens/duplex_operation.hpp"
#include "tokens/run_case.hpp"

namespace bytes_handoff::test {
namespace {

/// A read into a buffer with room, from a stream that has bytes, or has none yet, or is closed; and
/// into one without room.
class ReadAvailable : public DuplexOperation {
 public:
  static std::vector<std::string> states() { return {"ready", "waits", "closed", "full"}; }
  static std::string expected(unsigned state) {
    return state == 3 ? describe(Errc::limit_exceeded) : expected_of(state, describe(4));
  }

  ReadAvailable(Environment& environment, unsigned state) : DuplexOperation(environment, state) {
    HandoffBufferConfig config;
    config.max_size = 8;
    BytesMut tail;
    if (state == 3) {
      tail.extend(std::string_view("8 bytes."));
    }
    buffer_.emplace(std::move(*HandoffBuffer::from_tail(tail, config)));
    if (!is_to_wait()) {
      far_end_writes();
    }
  }
  void go_on() { far_end_writes(); }
  void let_go() {
    buffer_.reset();
    DuplexOperation::let_go();
  }
  template <class Token>
  auto start(Token&& token) {
    return buffer_->async_read_available(near_end(), std::forward<Token>(token));
  }

 private:
  std::optional<HandoffBuffer> buffer_;
};

TEST(HandoffBufferTokens, async_read_available) {
  run_operation<ReadAvailable>("async_read_available");
}

}  // namespace
}  // namespace bytes_handoff::test
