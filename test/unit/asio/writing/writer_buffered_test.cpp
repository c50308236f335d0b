// A queue in front of a stream that keeps what is written to it until it is flushed.

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "bytes_handoff/write_handoff.hpp"
#include "support/asio.hpp"
#include "support/pattern.hpp"
#include "support/queue/unwritten.hpp"
#include "support/queue/writer_fixture.hpp"
#include "support/streams/socket_pairs.hpp"

#if defined(BYTES_HANDOFF_BOOST_ASIO)
#include <boost/asio/buffered_stream.hpp>
#include <boost/asio/buffered_write_stream.hpp>
#else
#include <asio/buffered_stream.hpp>
#include <asio/buffered_write_stream.hpp>
#endif

namespace bytes_handoff::test {
namespace {

template <class Buffered>
class WriterOnBuffers : public testing::Test {
 protected:
  WriterOnBuffers() {
    auto [near, far] = TcpPair::make(context);
    socket.emplace(std::move(near));
    stream = std::make_shared<Buffered>(*socket);
    peer.emplace(std::move(far));
  }

  net::io_context context{1};
  std::optional<TcpPair::Stream> socket;
  std::shared_ptr<Buffered> stream;
  std::optional<TcpPair::Stream> peer;
};
using Buffers = testing::Types<net::buffered_write_stream<net::ip::tcp::socket&>,
                               net::buffered_stream<net::ip::tcp::socket&>>;
TYPED_TEST_SUITE(WriterOnBuffers, Buffers);

TYPED_TEST(WriterOnBuffers, tells_of_a_write_when_the_peer_can_have_it) {
  auto out = WriteHandoff(this->stream, {});
  CountOutcome done;
  try_send(out, "small").value().async_wait(done.handler());
  Outcome<net_error_code> flushed;
  out.async_flush(flushed.handler());
  ASSERT_TRUE(run_until(this->context, [&] { return done.has_come() && flushed.has_come(); }));
  done.expect({}, 5);
  EXPECT_FALSE(flushed.get());
  EXPECT_EQ(this->peer->available(), 5U) << "it is still in the buffer";
  EXPECT_TRUE(out.is_open());
  out.abort();
  ASSERT_TRUE(run_out(this->context));
}

TYPED_TEST(WriterOnBuffers, ends_in_order_behind_everything) {
  Collector<TcpPair::Stream> collector(*this->peer);
  auto out = WriteHandoff(this->stream, {});
  std::string all;
  for (const std::size_t size : {1U, 1023U, 1024U, 1025U, 70000U, 3U}) {
    all += pattern(size);
    EXPECT_TRUE(try_send(out, pattern(size)));
  }
  Outcome<net_error_code> closed;
  out.async_close(closed.handler());
  ASSERT_TRUE(run_until(this->context, [&] { return collector.is_over(); }));
  EXPECT_EQ(collector.text() == all, true);
  EXPECT_EQ(collector.error(), net::error::eof);
  EXPECT_FALSE(closed.get()) << closed.get().message();
}

TYPED_TEST(WriterOnBuffers, gives_back_what_a_flush_could_not_pass_on) {
  auto out = WriteHandoff(this->stream, limits(8, 64 * 1024 * 1024));
  const std::string much(32 * 1024 * 1024, 'x');
  auto ticket = try_send(out, much).value();
  run_ready(this->context);  // nobody reads: it must wait
  CountOutcome done;
  ticket.async_wait(done.handler());
  out.abort();
  ASSERT_TRUE(run_out(this->context));
  EXPECT_TRUE(done.has_come());
  const UnwrittenEntries unwritten = unwritten_of(out).value();
  ASSERT_EQ(unwritten.entries.size(), 1U);
  EXPECT_EQ(unwritten.first_written, out.statistics().written_bytes);
  EXPECT_GT(unwritten.first_written, 0U);
}

}  // namespace
}  // namespace bytes_handoff::test
