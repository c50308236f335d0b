// A signal may interrupt a system call of a stream in its non-blocking mode; that is no end.
#include "bytes_handoff/handoff_buffer.hpp"
#include "bytes_handoff/testing/duplex.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "support/queue/writer_fixture.hpp"
#include "support/run_for.hpp"
#include "support/shell_pch.hpp"

namespace bytes_handoff::test {
namespace {

/// An end of the duplex whose every other call at once is interrupted, the first one too.
class InterruptedStream : public BasicDuplexStream<net::io_context::executor_type> {
  using Base = BasicDuplexStream<net::io_context::executor_type>;

 public:
  explicit InterruptedStream(Base base) : Base(std::move(base)) {}

  template <class Buffers>
  std::size_t read_some(const Buffers& buffers, net_error_code& error) {
    return is_interrupted(error) ? 0 : Base::read_some(buffers, error);
  }
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers, net_error_code& error) {
    return is_interrupted(error) ? 0 : Base::write_some(buffers, error);
  }

 private:
  bool is_interrupted(net_error_code& error) {
    interrupt_ = !interrupt_;
    if (interrupt_) error = net::error::interrupted;
    return interrupt_;
  }

  bool interrupt_ = false;
};

TEST(InterruptedCall, IsTriedAgain) {
  net::io_context context;
  auto [near, far] = make_duplex(context, 100);
  auto out = WriteHandoff(InterruptedStream(std::move(near)), {});
  InterruptedStream in(std::move(far));
  const std::string text(1000, 'i');
  ASSERT_TRUE(try_send(out, text));
  out.close();
  HandoffBuffer buffer;
  bool ended = false;
  std::function<void()> read = [&] {
    buffer.async_read_available(in, [&](net_error_code error, std::size_t n) {
      ASSERT_FALSE(error) << error.message();
      ended = n == 0;
      if (!ended) read();
    });
  };
  read();
  ASSERT_TRUE(run_out(context));
  EXPECT_TRUE(ended);
  EXPECT_EQ(buffer.peek_view(), text);
}

}  // namespace
}  // namespace bytes_handoff::test
