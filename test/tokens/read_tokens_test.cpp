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

/// Frames of four bytes.
struct Fours {
  [[nodiscard]] static FrameScan scan(const FrameWindow& window) {
    return window.size() < 4 ? FrameScan::need_at_least(4) : FrameScan::complete(4);
  }
};

/// A wait for a frame, of which the stream has the last bytes, or has none yet, or is closed; one
/// that is there; and one that the buffer can never hold.
class WaitFrame : public DuplexOperation {
 public:
  static std::vector<std::string> states() { return {"ready", "waits", "closed", "there", "full"}; }
  static std::string expected(unsigned state) {
    return state == 4 ? describe(Errc::limit_exceeded) : expected_of(state, describe(4));
  }

  WaitFrame(Environment& environment, unsigned state) : DuplexOperation(environment, state) {
    HandoffBufferConfig config;
    config.max_size = state == 4 ? 3 : 8;
    BytesMut tail;
    if (state != 2) {
      tail.extend(std::string_view("of 4").substr(0, state == 3 ? 4 : 3));
    }
    buffer_.emplace(std::move(*HandoffBuffer::from_tail(tail, config)));
    framer_.emplace();
    if (!is_to_wait()) {
      far_end_writes();
    }
  }
  void go_on() { far_end_writes(); }
  void let_go() {
    buffer_.reset();
    framer_.reset();
    DuplexOperation::let_go();
  }
  template <class Token>
  auto start(Token&& token) {
    return buffer_->async_wait_frame(near_end(), *framer_, std::forward<Token>(token));
  }

 private:
  std::optional<HandoffBuffer> buffer_;
  std::optional<Fours> framer_;
};

TEST(HandoffBufferTokens, async_wait_frame) { run_operation<WaitFrame>("async_wait_frame"); }

}  // namespace
}  // namespace bytes_handoff::test
