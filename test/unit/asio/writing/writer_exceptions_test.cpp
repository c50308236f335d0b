// Streams whose calls throw, or are particular about memory.

#include <memory>
#include <string>
#include <utility>

#include "bytes_handoff/write_handoff.hpp"
#include "support/memory/aligned_state.hpp"
#include "support/memory/throwing.hpp"
#include "support/queue/unwritten.hpp"
#include "support/queue/writer_fixture.hpp"

namespace bytes_handoff::test {
namespace {

/// Throws at the call that the test says.
struct ThrowScript {
  Throws at_mode = Throws::nothing;
  Throws at_write_now = Throws::nothing;
  Throws at_write = Throws::nothing;
  Throws at_shutdown = Throws::nothing;
  bool must_wait = true;
};

class ThrowingStream : public IoStream {
 public:
  ThrowingStream(const net::io_context::executor_type& executor,
                 std::shared_ptr<StreamScript> script, const ThrowScript& throws)
      : IoStream(executor, std::move(script)), throws_(throws) {}

  [[nodiscard]] bool non_blocking() const {
    throw_as(throws_.at_mode);
    return true;
  }
  void non_blocking(bool, net_error_code& error) { error = {}; }
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers, net_error_code& error) {
    throw_as(throws_.at_write_now);
    if (throws_.must_wait) {
      error = net::error::would_block;
      return 0;
    }
    const std::size_t n = net::buffer_size(buffers);
    take(buffers, n);
    return n;
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    throw_as(throws_.at_write);
    return IoStream::async_write_some(buffers, std::forward<Token>(token));
  }
  friend void end_write(ThrowingStream& stream, net_error_code& error) {
    throw_as(stream.throws_.at_shutdown);
    error = {};
  }

 private:
  ThrowScript throws_;
};

class WriterExceptions : public WriterFixture {
 protected:
  void expect_error(const ThrowScript& throws, const net_error_code& error) {
    script = std::make_shared<StreamScript>();
    auto out = WriteHandoff(ThrowingStream(context->get_executor(), script, throws), {});
    auto ticket = try_send(out, "abcd").value();
    CountOutcome done;
    Outcome<net_error_code> closed;
    ticket.async_wait(done.handler());
    out.async_closed(closed.handler());
    ASSERT_TRUE(run_out(*context)) << "and nothing is thrown out of it";
    done.expect(error, 0);
    EXPECT_EQ(closed.get(), error);
    EXPECT_EQ(try_send(out, "late").error().first_error, error);
    EXPECT_EQ(unwritten_of(out).value().entries.at(0).view(), "abcd");
    EXPECT_FALSE(script->is_alive);
  }
};

TEST_F(WriterExceptions, reach_the_ticket_as_the_errors_that_they_were) {
  for (const Throws what : kThrows) {
    ThrowScript throws;
    throws.at_mode = what;
    expect_error(throws, error_of(what));
    throws = {};
    throws.at_write_now = what;
    expect_error(throws, error_of(what));
    throws = {};
    throws.at_write = what;
    expect_error(throws, error_of(what));
  }
}

TEST_F(WriterExceptions, of_a_shutdown_are_the_error_of_the_close) {
  for (const Throws what : kThrows) {
    ThrowScript throws;
    throws.at_shutdown = what;
    auto out = WriteHandoff(ThrowingStream(context->get_executor(), script, throws), {});
    auto ticket = try_send(out, "abcd").value();
    CountOutcome done;
    Outcome<net_error_code> closed;
    ticket.async_wait(done.handler());
    out.async_close(closed.handler());
    ASSERT_TRUE(run_until(*context, [&] { return closed.has_come(); }));
    done.expect({}, 4);
    EXPECT_EQ(closed.get(), error_of(what));
  }
}

/// Keeps its operation in memory by the handler's allocator, aligned to a cache line.
class AlignedSink : public IoStream {
 public:
  using IoStream::IoStream;

  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    expect_aligned_memory(token);
    return IoStream::async_write_some(buffers, std::forward<Token>(token));
  }
};

TEST_F(WriterExceptions, none_comes_of_an_operation_that_is_aligned_to_more_than_usual) {
  auto out = WriteHandoff(AlignedSink(context->get_executor(), script), {});
  EXPECT_TRUE(try_send(out, "abc"));
  run_ready(*context);
  EXPECT_EQ(script->written, "abc");
}

}  // namespace
}  // namespace bytes_handoff::test
