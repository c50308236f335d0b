#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/adaptors/buffer_first_stream.hpp"
#include "tokens/duplex_operation.hpp"
#include "tokens/run_case.hpp"

namespace bytes_handoff::test {
namespace {

/// A stream with a buffer in front, which the handlers' executor has with the near end.
class BufferFirstOperation : public DuplexOperation {
 public:
  BufferFirstOperation(Environment& environment, unsigned state)
      : DuplexOperation(environment, state > 2 ? 0 : state) {
    stream_.emplace(buffer_.emplace(), near_end());
  }
  void let_go() {
    stream_.reset();
    buffer_.reset();
    DuplexOperation::let_go();
  }

 protected:
  void fill_buffer() {
    BytesMut tail = BytesMut::copy_of(std::string_view("buffered"));
    *buffer_ = *HandoffBuffer::from_tail(tail, {});
  }
  [[nodiscard]] HandoffBuffer& buffer() { return *buffer_; }
  [[nodiscard]] auto& stream() { return *stream_; }

 private:
  std::optional<HandoffBuffer> buffer_;
  std::optional<BufferFirstStream<Stream&>> stream_;
};

/// A read of the stream that has bytes, or has none yet, or is closed; of the buffer, and of
/// nothing.
class BufferFirstRead : public BufferFirstOperation {
 public:
  static std::vector<std::string> states() {
    return {"ready", "waits", "closed", "buffered", "empty"};
  }
  static std::string expected(unsigned state) {
    return state == 4 ? describe(0) : expected_of(state, describe(4));
  }
  BufferFirstRead(Environment& environment, unsigned state)
      : BufferFirstOperation(environment, state), is_empty_(state == 4) {
    if (state >= 3) {
      fill_buffer();
    } else if (!is_to_wait()) {
      far_end_writes();
    }
  }
  void go_on() { far_end_writes(); }
  template <class Token>
  auto start(Token&& token) {
    return stream().async_read_some(is_empty_ ? net::mutable_buffer() : net::mutable_buffer(room()),
                                    std::forward<Token>(token));
  }

 private:
  const bool is_empty_;
};

class BufferFirstWrite : public BufferFirstOperation {
 public:
  static std::string expected(unsigned state) { return expected_of(state, describe(4)); }
  BufferFirstWrite(Environment& environment, unsigned state)
      : BufferFirstOperation(environment, state) {
    fill_buffer();
    if (is_to_wait()) {
      fill();
    }
  }
  void go_on() { far_end_reads(); }
  template <class Token>
  auto start(Token&& token) {
    return stream().async_write_some(net::buffer("4 b.", 4), std::forward<Token>(token));
  }
};

TEST(BufferFirstStreamTokens, async_read_some) {
  run_operation<BufferFirstRead>("buffer_first.async_read_some");
}
TEST(BufferFirstStreamTokens, async_write_some) {
  run_operation<BufferFirstWrite>("buffer_first.async_write_some");
}

}  // namespace
}  // namespace bytes_handoff::test
