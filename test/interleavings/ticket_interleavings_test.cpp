// A ticket: its queue finishes it while its holder waits, cancels, looks, and drops it.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bytes_handoff/core/queue/ticket_state.hpp"
#include "support/queue/queue_probes.hpp"
#include "support/stepping/explorer.hpp"

namespace bytes_handoff::test {
namespace {

struct TicketProgram {
  using Ticket = detail::TicketState<SteppingSync>;
  enum class Holder { kWaits, kCancels, kCancelsAndWaitsAgain, kLooks, kDrops };

  explicit TicketProgram(Holder how) : holder(how) {}

  std::vector<std::function<void()>> bodies() {
    return {[this] { finish(); }, [this] { hold(); }};
  }

  void finish() {
    if (auto* waiter = ticket->finish({{}, 7})) {
      Stepper::mark();
      waiter->resume(nullptr);
    }
    ticket->release();
  }

  void hold() {
    if (holder == Holder::kLooks) {
      written = ticket->is_done() ? ticket->result().written : 7;
    } else if (holder != Holder::kDrops) {
      bool waits = start();
      if (waits && holder != Holder::kWaits && ticket->cancel_wait(probe)) {
        if (probe.resumed != 0) {
          wrong = "cancelled, and resumed";
        }
        waits = holder == Holder::kCancelsAndWaitsAgain && start();
        written = waits ? written : 7;
      }
      if (waits) {
        Stepper::wait_until([this] { return probe.resumed != 0; });
        written = probe.result.written;
      }
    }
    ticket->release();
  }

  // Whether it is waiting now.
  bool start() {
    const auto started = ticket->start_wait(probe);
    if (started == Ticket::WaitStart::kBusy) {
      wrong = "busy, and nobody waits";
    }
    if (started == Ticket::WaitStart::kDone) {
      written = ticket->result().written;
    }
    return started == Ticket::WaitStart::kWaiting;
  }

  [[nodiscard]] std::string verdict() const {
    if (holder != Holder::kDrops && written != 7) {
      return "no result";
    }
    return probe.resumed > 1 ? "resumed twice" : wrong;
  }

  Holder holder;
  Ticket* ticket = Ticket::make();
  TicketProbe probe;
  std::size_t written = 0;
  std::string wrong;
};

class TicketInterleavings : public testing::TestWithParam<TicketProgram::Holder> {};

const char* name_of(const testing::TestParamInfo<TicketProgram::Holder>& holder) {
  constexpr const char* kNames[] = {"Waits", "Cancels", "CancelsAndWaitsAgain", "Looks", "Drops"};
  return kNames[static_cast<std::size_t>(holder.param)];
}

TEST_P(TicketInterleavings, AreAllRight) {
  Explorer explorer;
  const auto result =
      explorer.explore([] { return std::make_unique<TicketProgram>(GetParam()); }, {});
  EXPECT_EQ(result.failure, "");
  EXPECT_TRUE(result.is_complete);
  EXPECT_GE(result.schedules, 10U);
}

INSTANTIATE_TEST_SUITE_P(Holders, TicketInterleavings,
                         testing::Values(TicketProgram::Holder::kWaits,
                                         TicketProgram::Holder::kCancels,
                                         TicketProgram::Holder::kCancelsAndWaitsAgain,
                                         TicketProgram::Holder::kLooks,
                                         TicketProgram::Holder::kDrops),
                         name_of);

}  // namespace
}  // namespace bytes_handoff::test
