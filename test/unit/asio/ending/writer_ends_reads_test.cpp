// What the end of a queue does to reads of the same stream.

#include <memory>
#include <string>
#include <utility>

#include "bytes_handoff/handoff_buffer.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "support/queue/writer_fixture.hpp"
#include "support/sampled_types.hpp"
#include "support/streams/socket_pairs.hpp"

namespace bytes_handoff::test {
namespace {

template <class Pair>
class WriterEndsReads : public testing::Test {
 protected:
  using Stream = typename Pair::Stream;

  WriterEndsReads() {
    auto [near, far] = Pair::make(context);
    stream = std::make_shared<Stream>(std::move(near));
    peer.emplace(std::move(far));
    WriteHandoffConfig config;
    config.close_timeout = std::chrono::milliseconds(5);
    config.max_pending_bytes = 64 * 1024 * 1024;
    out.emplace(WriteHandoff(stream, config));
  }

  void read() {
    plain.async_read_available(*stream, of_plain.handler());
    run_ready(context);
  }
  void read_told() {
    told.async_read_available(*stream, *out, of_told.handler());
    run_ready(context);
  }

  net::io_context context{1};
  std::shared_ptr<Stream> stream;
  std::optional<Stream> peer;
  std::optional<WriteHandoff> out;
  HandoffBuffer plain;
  HandoffBuffer told;
  CountOutcome of_plain;
  CountOutcome of_told;
};
using Pairs = SampledTypes<TcpPair, UnixPair, DuplexPair>;
TYPED_TEST_SUITE(WriterEndsReads, Pairs);

TYPED_TEST(WriterEndsReads, by_an_abort) {
  this->read();
  this->out->abort();
  ASSERT_TRUE(run_out(this->context));
  this->of_plain.expect(net::error::operation_aborted, 0);
}

TYPED_TEST(WriterEndsReads, and_tells_those_that_know_of_it_why) {
  this->read_told();
  this->out->abort();
  ASSERT_TRUE(run_out(this->context));
  this->of_told.expect(Errc::aborted, 0);
}

TYPED_TEST(WriterEndsReads, that_begin_later_too) {
  this->out->abort();
  ASSERT_TRUE(run_out(this->context));
  this->read_told();
  ASSERT_TRUE(run_out(this->context));
  this->of_told.expect(Errc::aborted, 0);
}

TYPED_TEST(WriterEndsReads, by_the_end_of_a_close_in_silence) {
  EXPECT_TRUE(try_send(*this->out, std::string(32 * 1024 * 1024, 'x')));
  this->read_told();
  this->out->close();
  ASSERT_TRUE(run_until(this->context, [&] { return this->of_told.has_come(); }));
  this->of_told.expect(Errc::timed_out, 0);
}

TYPED_TEST(WriterEndsReads, by_its_last_handle) {
  this->read_told();
  this->out.reset();
  ASSERT_TRUE(run_until(this->context, [&] { return this->of_told.has_come(); }));
  this->of_told.expect(Errc::aborted, 0);
}

TYPED_TEST(WriterEndsReads, not_by_a_close) {
  this->read_told();
  this->out->close();
  run_ready(this->context);
  EXPECT_FALSE(this->of_told.has_come());
  net::write(*this->peer, net::buffer("answer", 6));
  ASSERT_TRUE(run_until(this->context, [&] { return this->of_told.has_come(); }));
  this->of_told.expect({}, 6);
}

TYPED_TEST(WriterEndsReads, not_where_the_stream_itself_has_failed) {
  net::write(*this->peer, net::buffer("early answer", 12));
  this->peer.reset();
  Outcome<net_error_code> closed;
  this->out->async_closed(closed.handler());
  while (!closed.has_come()) {
    static_cast<void>(try_send(*this->out, "x"));
    run_ready(this->context);
  }
  EXPECT_TRUE(closed.get());
  this->read_told();
  ASSERT_TRUE(run_until(this->context, [&] { return this->of_told.has_come(); }));
  this->of_told.expect({}, 12);
  EXPECT_EQ(this->told.peek_view(), "early answer");
}

}  // namespace
}  // namespace bytes_handoff::test
