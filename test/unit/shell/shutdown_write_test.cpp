#include "bytes_handoff/shutdown_write.hpp"

#include <memory>
#include <string>
#include <utility>

#include "bytes_handoff/write_handoff.hpp"
#include "support/socket_pairs.hpp"
#include "support/writer_fixture.hpp"

namespace bytes_handoff::test {

/// A stream whose shutdown takes time, as its user says.
struct SlowToShutDown : IoStream {
  using IoStream::IoStream;
  std::function<void(net_error_code)>* pending = nullptr;

  template <class Handler>
  friend void async_shutdown_write(SlowToShutDown& stream, Handler handler) {
    *stream.pending = std::move(handler);
  }
};

/// A stream with a shutdown that is over at once.
struct QuickToShutDown : IoStream {
  using IoStream::IoStream;
  int* shutdowns = nullptr;
  net_error_code result;

  friend void shutdown_write(QuickToShutDown& stream, net_error_code& error) {
    ++*stream.shutdowns;
    error = stream.result;
  }
};

/// A stream with a closing handshake, as TLS streams have.
struct WithHandshake : IoStream {
  using IoStream::IoStream;
  int* handshakes = nullptr;
  int aborts = 0;  // handshakes that say, before the others, that they were aborted

  template <class Handler>
  void async_shutdown(Handler handler) {
    net_error_code error;
    if ((*handshakes)++ < aborts) {
      error = net::error::operation_aborted;
    }
    net::post(get_executor(),
              [handler = std::move(handler), error]() mutable { std::move(handler)(error); });
  }
};

/// A stream whose shutdown cannot even start.
struct ThrowsAtShutdown : IoStream {
  using IoStream::IoStream;
  friend void shutdown_write(ThrowsAtShutdown&, net_error_code&) {
    throw std::runtime_error("no shutdown");
  }
};

namespace {

class ShutdownWrite : public WriterFixture {
 protected:
  template <class Stream>
  WriteHandoff spawn_on(Stream stream) {
    auto out = WriteHandoff::spawn(std::move(stream), {}).value();
    out.async_closed(closed.handler());
    EXPECT_TRUE(out.try_write_detached(text("all of it")));
    return out;
  }

  Outcome<net_error_code> closed;
};

TEST_F(ShutdownWrite, of_a_users_stream_may_take_time) {
  std::function<void(net_error_code)> pending;
  SlowToShutDown stream(context->get_executor(), script);
  stream.pending = &pending;
  auto out = spawn_on(std::move(stream));
  run_ready(*context);
  EXPECT_FALSE(pending) << "it is not closed yet";
  out.close();
  EXPECT_FALSE(pending) << "not by who closes: on the stream's executor";
  run_ready(*context);
  ASSERT_TRUE(pending);
  EXPECT_EQ(script->written, "all of it");
  EXPECT_FALSE(closed.has_come());
  std::exchange(pending, nullptr)({});
  run_ready(*context);
  EXPECT_FALSE(closed.get());
}

TEST_F(ShutdownWrite, that_never_ends_is_ended_by_the_deadline) {
  std::function<void(net_error_code)> pending;
  SlowToShutDown stream(context->get_executor(), script);
  stream.pending = &pending;
  auto out = spawn_on(std::move(stream));
  out.close();
  run_ready(*context);
  ASSERT_TRUE(pending);
  Outcome<net_error_code> close;
  out.async_close(std::chrono::milliseconds(3), close.handler());
  ASSERT_TRUE(run_until(*context, [&] { return close.has_come(); }));
  EXPECT_EQ(close.get(), Errc::timed_out);
  EXPECT_EQ(script->written, "all of it");
  EXPECT_FALSE(out.take_unwritten().has_value()) << "the shutdown is still with the stream";
  std::exchange(pending, nullptr)(net::error::operation_aborted);
  ASSERT_TRUE(run_out(*context));
  EXPECT_TRUE(out.take_unwritten().value().empty());
  EXPECT_EQ(out.try_write(text("x")).error().error, Errc::timed_out) << "the first error is kept";
}

TEST_F(ShutdownWrite, of_a_users_stream_may_be_over_at_once) {
  int shutdowns = 0;
  QuickToShutDown stream(context->get_executor(), script);
  stream.shutdowns = &shutdowns;
  { auto out = spawn_on(std::move(stream)); }
  ASSERT_TRUE(run_out(*context));
  EXPECT_EQ(shutdowns, 1);
  EXPECT_EQ(script->written, "all of it");
  EXPECT_FALSE(closed.get());
}

TEST_F(ShutdownWrite, that_fails_ends_the_queue_with_its_error) {
  int shutdowns = 0;
  QuickToShutDown stream(context->get_executor(), script);
  stream.shutdowns = &shutdowns;
  stream.result = net::error::not_connected;
  auto out = spawn_on(std::move(stream));
  out.close();
  run_ready(*context);
  EXPECT_EQ(closed.get(), net::error::not_connected);
  EXPECT_EQ(out.try_write(text("x")).error().error, net::error::not_connected);
  EXPECT_TRUE(out.take_unwritten().value().empty());
}

TEST_F(ShutdownWrite, that_throws_ends_the_queue) {
  auto out = spawn_on(ThrowsAtShutdown(context->get_executor(), script));
  out.close();
  ASSERT_TRUE(run_out(*context));
  EXPECT_TRUE(closed.get());
  EXPECT_EQ(script->written, "all of it");
}

TEST_F(ShutdownWrite, of_a_stream_with_a_handshake_is_the_handshake) {
  int handshakes = 0;
  WithHandshake stream(context->get_executor(), script);
  stream.handshakes = &handshakes;
  { auto out = spawn_on(std::move(stream)); }
  ASSERT_TRUE(run_out(*context));
  EXPECT_EQ(handshakes, 1);
  EXPECT_FALSE(closed.get());
}

TEST_F(ShutdownWrite, by_a_handshake_that_nobody_aborted_is_asked_for_once_more) {
  for (const int aborts : {1, 2}) {
    int handshakes = 0;
    Outcome<net_error_code> ended;
    WithHandshake stream(context->get_executor(), script);
    stream.handshakes = &handshakes;
    stream.aborts = aborts;
    auto out = WriteHandoff::spawn(std::move(stream), {}).value();
    out.async_close(kPatience, ended.handler());
    ASSERT_TRUE(run_out(*context));
    EXPECT_EQ(handshakes, 2);
    EXPECT_EQ(ended.get() == net::error::operation_aborted, aborts == 2);
  }
}

TEST_F(ShutdownWrite, of_a_stream_that_has_none_is_nothing_in_success) {
  { auto out = spawn_on(IoStream(context->get_executor(), script)); }
  ASSERT_TRUE(run_out(*context));
  EXPECT_FALSE(closed.get());
  EXPECT_FALSE(script->is_alive);
}

TEST_F(ShutdownWrite, does_not_happen_after_an_error_or_an_abort) {
  int shutdowns = 0;
  for (const bool fails : {false, true}) {
    script = std::make_shared<StreamScript>();
    script->fail_at = fails ? 0 : kNever;
    script->error = net::error::connection_reset;
    script->hold_from = fails ? kNever : 0;
    QuickToShutDown stream(context->get_executor(), script);
    stream.shutdowns = &shutdowns;
    auto out = WriteHandoff::spawn(std::move(stream), {}).value();
    EXPECT_TRUE(out.try_write_detached(text("lost")));
    run_ready(*context);
    out.abort();
    out.close();
    ASSERT_TRUE(run_out(*context));
  }
  EXPECT_EQ(shutdowns, 0);
}

template <class Pair>
class ShutdownWriteOn : public testing::Test {};
using Pairs = testing::Types<TcpPair, UnixPair, DuplexPair>;
TYPED_TEST_SUITE(ShutdownWriteOn, Pairs);

TYPED_TEST(ShutdownWriteOn, lets_the_peer_read_everything_and_then_the_end) {
  net::io_context context(1);
  auto [near, far] = TypeParam::make(context);
  Collector<typename TypeParam::Stream> peer(far);
  const std::string large(300 * 1000, 'x');
  auto stream = std::make_shared<typename TypeParam::Stream>(std::move(near));
  Outcome<net_error_code> closed;
  auto out = WriteHandoff::spawn(stream, {}).value();
  EXPECT_TRUE(out.try_write_detached(text(large)));
  EXPECT_TRUE(out.try_write_detached(text("end")));
  out.async_close(kPatience, closed.handler());
  ASSERT_TRUE(run_until(context, [&] { return peer.is_over() && closed.has_come(); }));
  EXPECT_EQ(peer.error(), net::error::eof);
  EXPECT_EQ(peer.text(), large + "end");
  EXPECT_FALSE(closed.get()) << closed.get().message();
  // Only the write side is shut down: the other one still reads.
  net::write(far, net::buffer("back", 4));
  std::string back(4, '\0');
  net_error_code error;
  stream->non_blocking(true, error);
  EXPECT_EQ(stream->read_some(net::buffer(back), error), 4U) << error.message();
}

}  // namespace
}  // namespace bytes_handoff::test
