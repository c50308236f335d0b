// Reads that let more bytes come first.
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "bytes_handoff/front_end.hpp"
#include "bytes_handoff/handoff_buffer.hpp"
#include "support/memory/counting_resource.hpp"
#include "support/pattern.hpp"
#include "support/queue/probes.hpp"
#include "support/run_for.hpp"
#include "support/sampled_types.hpp"
#include "support/streams/socket_pairs.hpp"

namespace bytes_handoff::test {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

[[nodiscard]] HandoffBuffer gathering(std::chrono::nanoseconds time,
                                      std::pmr::memory_resource* source = nullptr) {
  HandoffBufferConfig config;
  config.gather_for = time;
  config.block_source = source;
  return HandoffBuffer(config);
}

template <class Pair>
class Gathering : public testing::Test {
 protected:
  void write(const std::string& bytes) { net::write(ends.second, net::buffer(bytes)); }

  void expect_read(HandoffBuffer& buffer, std::size_t n) {
    CountOutcome outcome;
    buffer.async_read_available(ends.first, outcome.handler());
    ASSERT_TRUE(run_until(*context, [&] { return outcome.has_come(); }));
    outcome.expect({}, n);
  }

  std::unique_ptr<net::io_context> context = std::make_unique<net::io_context>(1);
  std::pair<typename Pair::Stream, typename Pair::Stream> ends = Pair::make(*context);
};
using Pairs = SampledTypes<TcpPair, UnixPair, DuplexPair>;
TYPED_TEST_SUITE(Gathering, Pairs);

TYPED_TEST(Gathering, takes_what_drips_in_together_after_its_time) {
  constexpr milliseconds kTime{30};
  auto buffer = gathering(kTime);
  this->write("a");
  const auto before = steady_clock::now();
  this->expect_read(buffer, 1);
  this->write("b");
  CountOutcome outcome;
  buffer.async_read_available(this->ends.first, outcome.handler());
  run_ready(*this->context);
  if (steady_clock::now() - before < kTime) {
    EXPECT_FALSE(outcome.has_come());
    this->write("c");
  }
  ASSERT_TRUE(run_until(*this->context, [&] { return outcome.has_come(); }));
  EXPECT_GE(steady_clock::now() - before, kTime);
  EXPECT_EQ(buffer.peek_view().substr(0, 2), "ab");
}

TYPED_TEST(Gathering, holds_up_neither_the_first_bytes_nor_many) {
  auto buffer = gathering(hours(1));
  this->write(pattern(5000));
  this->expect_read(buffer, 5000);
  this->write("a");
  this->expect_read(buffer, 1);
}

TYPED_TEST(Gathering, may_be_cancelled_and_holds_no_block) {
  CountingResource blocks;
  auto buffer = gathering(hours(1), &blocks);
  this->write("a");
  this->expect_read(buffer, 1);
  EXPECT_TRUE(buffer.advance(1).has_value());
  net::cancellation_signal signal;
  CountOutcome cancelled;
  buffer.async_read_available(this->ends.first,
                              net::bind_cancellation_slot(signal.slot(), cancelled.handler()));
  this->write("b");
  run_ready(*this->context);
  EXPECT_FALSE(cancelled.has_come());
  EXPECT_TRUE(front_end::is_reading(buffer));
  EXPECT_EQ(blocks.blocks_out(), 0U);
  signal.emit(net::cancellation_type::total);
  ASSERT_TRUE(run_until(*this->context, [&] { return cancelled.has_come(); }));
  cancelled.expect(net::error::operation_aborted, 0);
  EXPECT_FALSE(front_end::is_reading(buffer));
  this->expect_read(buffer, 1);
}

TYPED_TEST(Gathering, may_be_cancelled_when_it_is_over) {
  auto buffer = gathering(milliseconds(1));
  this->write("a");
  this->expect_read(buffer, 1);
  this->write("b");
  net::cancellation_signal signal;
  CountOutcome outcome;
  buffer.async_read_available(this->ends.first,
                              net::bind_cancellation_slot(signal.slot(), outcome.handler()));
  ASSERT_TRUE(run_until(*this->context, [&] { return outcome.has_come(); }));
  outcome.expect({}, 1);
  signal.emit(net::cancellation_type::terminal);
  run_ready(*this->context);
}

TYPED_TEST(Gathering, ends_with_its_context) {
  Sentinel never;
  HandoffBuffer buffer = gathering(hours(1));
  {
    net::io_context other(1);
    auto streams = TypeParam::make(other);
    net::write(streams.second, net::buffer("a", 1));
    CountOutcome first;
    buffer.async_read_available(streams.first, first.handler());
    ASSERT_TRUE(run_until(other, [&] { return first.has_come(); }));
    buffer.async_read_available(streams.first, never.handler());
    run_ready(other);
    EXPECT_FALSE(never.is_destroyed());
  }
  EXPECT_TRUE(never.is_destroyed());
  EXPECT_EQ(never.calls(), 0U);
}

// A serial port has options, too, and no low-water mark among them.
static_assert(detail::HasLowWaterMark<TcpPair::Stream>);
static_assert(!detail::HasLowWaterMark<net::serial_port>);
[[maybe_unused]] void read_from_a_serial_port(HandoffBuffer& buffer, net::serial_port& port) {
  buffer.async_read_available(port, [](net_error_code, std::size_t) {});
}

TEST(GatheringFromASocket, RaisesItsLowWaterMarkMeanwhile) {
  net::io_context context(1);
  auto ends = TcpPair::make(context);
  const auto mark = [&] {
    net::socket_base::receive_low_watermark of;
    ends.first.get_option(of);
    return of.value();
  };
  auto buffer = gathering(milliseconds(5));
  net::write(ends.second, net::buffer("a", 1));
  for (int i = 0; i < 2; ++i) {
    CountOutcome outcome;
    buffer.async_read_available(ends.first, outcome.handler());
    if (i == 1) {
      EXPECT_EQ(mark(), 4096);
      net::write(ends.second, net::buffer("b", 1));
    }
    ASSERT_TRUE(run_until(context, [&] { return outcome.has_come(); }));
    EXPECT_EQ(mark(), 1);
  }
  EXPECT_EQ(buffer.peek_view(), "ab");
}

}  // namespace
}  // namespace bytes_handoff::test
