#include "bytes_handoff/relay.hpp"

#include <optional>
#include <string>
#include <utility>

#include "support/asio.hpp"
#include "support/pattern.hpp"
#include "support/relaying/relay_outcome.hpp"
#include "support/run_for.hpp"
#include "support/sampled_types.hpp"
#include "support/streams/buffer_feed.hpp"
#include "support/streams/pipes.hpp"
#include "support/streams/socket_pairs.hpp"
#include "support/streams/test_streams.hpp"

namespace bytes_handoff::test {
namespace {

/// client -> in | out -> sink, of one kind of stream each.
template <class Pair>
class RelayBetween : public testing::Test {
 protected:
  using Stream = typename Pair::Stream;

  RelayBetween() {
    auto [client_end, in_end] = Pair::make(context);
    client.emplace(std::move(client_end));
    in.emplace(std::move(in_end));
    auto [out_end, sink_end] = Pair::make(context);
    out.emplace(std::move(out_end));
    sink.emplace(std::move(sink_end));
  }

  void collect() { collected.emplace(*sink); }
  void end_input() {
    net_error_code error;
    client->shutdown(Stream::shutdown_send, error);
  }

  RelayOptions options{.by = Pair::kBy};
  net::io_context context{1};
  std::optional<Stream> client;
  std::optional<Stream> in;
  std::optional<Stream> out;
  std::optional<Stream> sink;
  std::optional<Collector<Stream>> collected;
  HandoffBuffer buffer;
  RelayOutcome outcome;
};
using MovedPairs =
    SampledTypes<Moved<TcpPair, RelayBy::copy>, Moved<TcpPair, RelayBy::kernel>,
                 Moved<TcpPair, RelayBy::kernel_if_it_pays>, Moved<UnixPair, RelayBy::copy>,
                 Moved<UnixPair, RelayBy::kernel>, Moved<DuplexPair, RelayBy::kernel_if_it_pays>>;
TYPED_TEST_SUITE(RelayBetween, MovedPairs);

TYPED_TEST(RelayBetween, passes_on_the_tail_then_all_that_comes_then_the_end) {
  this->collect();
  const std::string tail = pattern(1000);
  const std::string rest = pattern(300'000, 1000);
  feed(this->buffer, tail);
  async_relay(this->buffer, *this->in, *this->out, this->options, this->outcome.handler());
  net::async_write(*this->client, net::buffer(rest), [this](net_error_code error, std::size_t) {
    EXPECT_FALSE(error);
    this->end_input();
  });
  ASSERT_TRUE(run_until(this->context, [this] { return this->outcome.is_over(); }));
  this->outcome.expect({}, {301'000, 301'000, RelaySide::none});
  ASSERT_TRUE(run_until(this->context, [this] { return this->collected->is_over(); }));
  EXPECT_EQ(this->collected->text(), tail + rest);
  EXPECT_EQ(this->collected->error(), net::error::eof);
  EXPECT_TRUE(this->out->is_open());
}

TYPED_TEST(RelayBetween, passes_on_to_a_queue_then_the_end) {
  this->collect();
  const std::string tail = pattern(1000);
  const std::string rest = pattern(300'000, 1000);
  feed(this->buffer, tail);
  WriteHandoff queue(std::move(*this->out), {.max_pending_bytes = 50'000});
  async_relay(this->buffer, *this->in, queue, this->outcome.handler());
  net::async_write(*this->client, net::buffer(rest), [this](net_error_code error, std::size_t) {
    EXPECT_FALSE(error);
    this->end_input();
  });
  ASSERT_TRUE(run_until(this->context, [this] { return this->outcome.is_over(); }));
  this->outcome.expect({}, {301'000, 301'000, RelaySide::none});
  ASSERT_TRUE(run_until(this->context, [this] { return this->collected->is_over(); }));
  EXPECT_EQ(this->collected->text(), tail + rest);
  EXPECT_EQ(this->collected->error(), net::error::eof);
  EXPECT_FALSE(queue.is_open());
}

TYPED_TEST(RelayBetween, passes_on_a_cut_behind_all_that_came_before_it) {
  this->collect();
  const std::string text = pattern(200'000);
  const auto script = std::make_shared<StreamScript>();
  script->input = text;
  script->fail_at = 3;
  script->error = net::error::connection_reset;
  script->bytes_with_error = 10;
  IoStream failing(this->context.get_executor(), script);
  async_relay(this->buffer, failing, *this->out, this->options, this->outcome.handler());
  ASSERT_TRUE(run_until(this->context, [this] { return this->outcome.is_over(); }));
  const std::size_t n = text.size() - script->input.size();
  this->outcome.expect(net::error::connection_reset, {n, n, RelaySide::in});
  ASSERT_TRUE(run_until(this->context, [this] { return this->collected->is_over(); }));
  EXPECT_EQ(this->collected->text(), text.substr(0, n));
  const bool knows_resets = !std::is_base_of_v<UnixPair, TypeParam>;
  const net_error_code reset = net::error::connection_reset;
  const net_error_code end = net::error::eof;
  EXPECT_EQ(this->collected->error(), knows_resets ? reset : end);
  EXPECT_FALSE(this->out->is_open());
}

TYPED_TEST(RelayBetween, a_peer_that_has_gone_fails_out) {
  this->sink.reset();
  feed(this->buffer, pattern(100));
  async_relay(this->buffer, *this->in, *this->out, this->options, this->outcome.handler());
  // A socket may take the first write and fail at the next one.
  const std::string more = pattern(200'000);
  net::async_write(*this->client, net::buffer(more), [](net_error_code, std::size_t) {});
  ASSERT_TRUE(run_until(this->context, [this] { return this->outcome.is_over(); }));
  EXPECT_TRUE(this->outcome.error());
  EXPECT_EQ(this->outcome.counts().failed, RelaySide::out);
  EXPECT_EQ(this->buffer.size(),
            this->outcome.counts().received - this->outcome.counts().passed_on);
  EXPECT_TRUE(this->in->is_open());
  this->client.reset();
  run_ready(this->context);
}

TYPED_TEST(RelayBetween, goes_at_the_pace_of_a_peer_that_does_not_read_and_is_cancelled_exactly) {
  const std::string text = pattern(16 << 20);
  std::size_t sent = 0;
  net::async_write(*this->client, net::buffer(text),
                   [&](net_error_code, std::size_t n) { sent = n; });
  RelayProgress progress;
  net::cancellation_signal cancel;
  this->options.progress = &progress;
  async_relay(this->buffer, *this->in, *this->out, this->options,
              net::bind_cancellation_slot(cancel.slot(), this->outcome.handler()));
  run_ready(this->context);
  EXPECT_LE(this->buffer.size(), this->buffer.config().block_size);
  const std::size_t held = progress.counts().received - progress.counts().passed_on;
  EXPECT_NE(held, 0U);
  cancel.emit(net::cancellation_type::total);
  run_ready(this->context);
  EXPECT_EQ(this->buffer.size(), held) << "not exact: it was in the buffer, or in the pipe";
  EXPECT_EQ(this->outcome.error(), net::error::operation_aborted);
  EXPECT_EQ(progress.counts(), this->outcome.counts());

  // Taken up again, with the rest.
  this->collect();
  RelayOutcome second;
  async_relay(this->buffer, *this->in, *this->out, this->options, second.handler());
  ASSERT_TRUE(run_until(this->context, [&] { return sent == text.size(); }));
  this->end_input();
  ASSERT_TRUE(run_until(this->context, [&] { return second.is_over(); }));
  EXPECT_FALSE(second.error());
  ASSERT_TRUE(run_until(this->context, [this] { return this->collected->is_over(); }));
  EXPECT_TRUE(this->collected->text() == text);
}

TYPED_TEST(RelayBetween, leaves_the_other_way_alone) {
  std::string answer(3, '\0');
  this->end_input();
  async_relay(this->buffer, *this->in, *this->out, this->options, this->outcome.handler());
  ASSERT_TRUE(run_until(this->context, [this] { return this->outcome.is_over(); }));
  net::write(*this->sink, net::buffer("yes", 3));
  bool has_come = false;
  net::async_read(*this->out, net::buffer(answer), [&](net_error_code error, std::size_t) {
    EXPECT_FALSE(error);
    has_come = true;
  });
  ASSERT_TRUE(run_until(this->context, [&] { return has_come; }));
  EXPECT_EQ(answer, "yes");
}

TEST(RelayThroughPipes, passes_on_the_bytes_and_the_end) {
  net::io_context context{1};
  auto [first_read, first_write] = make_pipe(context);
  auto [second_read, second_write] = make_pipe(context);
  const std::string text = pattern(300'000);
  HandoffBuffer buffer;
  RelayOutcome outcome;
  net::async_write(first_write, net::buffer(text),
                   [&](net_error_code, std::size_t) { first_write.close(); });
  Collector<ReadablePipe> collected(second_read);
  async_relay(buffer, first_read, second_write, outcome.handler());
  ASSERT_TRUE(run_until(context, [&] { return outcome.is_over() && collected.is_over(); }));
  outcome.expect({}, {300'000, 300'000, RelaySide::none});
  EXPECT_EQ(collected.text(), text);
  EXPECT_EQ(collected.error(), net::error::eof);
  EXPECT_FALSE(second_write.is_open());
}

}  // namespace
}  // namespace bytes_handoff::test
