// Each call of both streams fails once in each way, and the context ends before each step. Whatever
// happens, no byte is lost or doubled, and a cut is never an end in order.

#include <array>
#include <memory>
#include <string>
#include <tuple>

#include "bytes_handoff/relay.hpp"
#include "support/asio.hpp"
#include "support/pattern.hpp"
#include "support/queue/writer_fixture.hpp"
#include "support/relaying/relay_outcome.hpp"
#include "support/run_for.hpp"
#include "support/streams/buffer_feed.hpp"
#include "support/streams/test_streams.hpp"

namespace bytes_handoff::test {
namespace {

enum class RelayKind { kStream, kQueue };
enum class Fault { kNone, kError, kErrorAfterBytes, kThrows, kNoByte };

/// One relay of a text whose front is buffered, in small reads and smaller writes.
class FaultyRelay {
 public:
  explicit FaultyRelay(RelayKind kind, Fault fault = Fault::kNone, bool of_in = false,
                       unsigned at = kNever)
      : kind_(kind) {
    feed(buffer, text.substr(0, 100));
    from->input = text.substr(100);
    from->most_per_call = (text.size() - 100) / kReads;
    to->most_per_call = 70;
    StreamScript& faulty = of_in ? *from : *to;
    faulty.error = net::error::connection_reset;
    if (fault == Fault::kThrows) {
      faulty.throw_at = at;
    } else if (fault != Fault::kNone) {
      faulty.fail_at = at;
      const bool has_bytes = !of_in || at < kReads;
      faulty.bytes_with_error = fault == Fault::kErrorAfterBytes && has_bytes ? 13 : 0;
      if (fault == Fault::kNoByte) {
        faulty.error = {};
      }
    }
  }

  void start() {
    auto handler = net::bind_cancellation_slot(
        cancel.slot(),
        [told = outcome.handler(), life = life_](const auto&... results) { told(results...); });
    if (kind_ == RelayKind::kStream) {
      out = std::make_unique<IoStream>(context->get_executor(), to);
      async_relay(buffer, in, *out, std::move(handler));
    } else {
      queue = WriteHandoff(IoStream(context->get_executor(), to), limits(3, 120));
      async_relay(buffer, in, queue, std::move(handler));
    }
  }
  void step(unsigned steps) {
    for (unsigned i = 0; i < steps; ++i) {
      context->restart();
      context->poll_one();
    }
  }
  void finish() {
    ASSERT_TRUE(run_out(*context));
    ASSERT_TRUE(outcome.is_over());
    EXPECT_TRUE(is_handler_gone());
    const RelayCounts& counts = outcome.counts();
    const std::string left(buffer.peek_view());
    EXPECT_EQ(counts.received - counts.passed_on, left.size());
    EXPECT_EQ(counts.received, text.size() - from->input.size());
    const std::string passed_on = text.substr(0, counts.passed_on);
    EXPECT_EQ(left + from->input, text.substr(counts.passed_on));
    if (kind_ == RelayKind::kStream) {
      EXPECT_EQ(to->written, passed_on);
    } else {
      EXPECT_TRUE(passed_on.starts_with(to->written));
    }
    const bool is_whole = to->written == text && counts.failed == RelaySide::none;
    EXPECT_LE(to->ends, is_whole || ends_early ? 1U : 0U);
    if (!outcome.error()) {
      EXPECT_EQ(to->ends, 1U);
      EXPECT_EQ(to->written, passed_on);
    }
    if (counts.failed == RelaySide::in) {
      EXPECT_EQ(to->resets, 1U);
    }
  }
  [[nodiscard]] bool is_handler_gone() const { return life_.use_count() == 1; }

  static constexpr unsigned kReads = 4;

  const std::string text = pattern(700);
  bool ends_early = false;  // the input says that it has ended before it has
  std::unique_ptr<net::io_context> context = std::make_unique<net::io_context>(1);
  std::shared_ptr<StreamScript> from = std::make_shared<StreamScript>();
  std::shared_ptr<StreamScript> to = std::make_shared<StreamScript>();
  IoStream in{context->get_executor(), from};
  std::unique_ptr<IoStream> out;
  WriteHandoff queue;
  HandoffBuffer buffer;
  net::cancellation_signal cancel;
  RelayOutcome outcome;

 private:
  const RelayKind kind_;
  std::shared_ptr<int> life_ = std::make_shared<int>(0);
};

constexpr std::array kKinds{RelayKind::kStream, RelayKind::kQueue};

TEST(RelayFaults, at_every_call_of_a_stream_lose_nothing) {
  unsigned points = 0;
  for (const RelayKind kind : kKinds) {
    for (const bool of_in : {false, true}) {
      for (const Fault fault :
           {Fault::kError, Fault::kErrorAfterBytes, Fault::kThrows, Fault::kNoByte}) {
        for (unsigned at = 0;; ++at, ++points) {
          SCOPED_TRACE(std::to_string(static_cast<int>(kind)) + " in " + std::to_string(of_in) +
                       " fault " + std::to_string(static_cast<int>(fault)) + " at " +
                       std::to_string(at));
          FaultyRelay relay(kind, fault, of_in, at);
          relay.ends_early = of_in && fault == Fault::kNoByte;
          relay.start();
          ASSERT_NO_FATAL_FAILURE(relay.finish());
          if ((of_in ? relay.from : relay.to)->calls <= at || testing::Test::HasFailure()) {
            break;
          }
        }
      }
    }
  }
  EXPECT_GE(points, 80U);
}

TEST(RelayFaults, and_a_cancellation_at_any_step_lose_nothing) {
  for (const RelayKind kind : kKinds) {
    for (const Fault fault : {Fault::kError, Fault::kErrorAfterBytes, Fault::kThrows}) {
      for (const bool of_in : {false, true}) {
        for (unsigned steps = 0; steps < 40; ++steps) {
          SCOPED_TRACE(std::to_string(static_cast<int>(kind)) + " in " + std::to_string(of_in) +
                       " steps " + std::to_string(steps));
          FaultyRelay relay(kind, fault, of_in, 3);
          relay.start();
          relay.step(steps);
          relay.cancel.emit(net::cancellation_type::total);
          ASSERT_NO_FATAL_FAILURE(relay.finish());
        }
      }
    }
  }
}

TEST(RelayFaults, a_context_that_ends_before_any_step_takes_the_handler_with_it) {
  for (const RelayKind kind : kKinds) {
    bool has_ended = false;
    for (unsigned steps = 0; !has_ended; ++steps) {
      SCOPED_TRACE(std::to_string(static_cast<int>(kind)) + " steps " + std::to_string(steps));
      FaultyRelay relay(kind);
      relay.start();
      relay.step(steps);
      has_ended = relay.outcome.is_over();
      relay.context.reset();
      EXPECT_EQ(relay.outcome.is_over(), has_ended);
      EXPECT_TRUE(relay.is_handler_gone());
      // The buffer can be used on, and what is in it is what comes behind the bytes that have gone.
      const std::string left(relay.buffer.peek_view());
      EXPECT_NE(relay.text.find(left), std::string::npos);
      feed(relay.buffer, "more");
    }
  }
}

TEST(RelayFaults, a_context_that_ends_after_a_cancellation_takes_the_handler_with_it) {
  for (const RelayKind kind : kKinds) {
    for (unsigned steps = 0; steps < 30; ++steps) {
      FaultyRelay relay(kind);
      relay.start();
      relay.step(steps);
      relay.cancel.emit(net::cancellation_type::terminal);
      relay.context.reset();
      EXPECT_TRUE(relay.is_handler_gone());
    }
  }
}

}  // namespace
}  // namespace bytes_handoff::test
