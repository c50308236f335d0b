// The names of enumerators, which are labels of logs and metrics.

#include <gtest/gtest.h>

#include <cstddef>
#include <set>
#include <string_view>

#include "bytes_handoff/error.hpp"
#include "bytes_handoff/observing/queue_event.hpp"

namespace bytes_handoff {
namespace {

// Those of the first `n` values, which are all that there are.
template <class Enum>
std::set<std::string_view> names(std::size_t n) {
  std::set<std::string_view> all;
  for (std::size_t i = 0; i != n; ++i) {
    EXPECT_TRUE(all.insert(to_string(static_cast<Enum>(i))).second) << i;
  }
  EXPECT_EQ(to_string(static_cast<Enum>(n)), "unknown");
  EXPECT_FALSE(all.contains("unknown"));
  return all;
}

TEST(Names, OfReasonsForARefusal) {
  EXPECT_EQ(names<WriteRefusalReason>(kWriteRefusalReasons),
            (std::set<std::string_view>{"closed", "can_never_fit", "byte_budget_exceeded",
                                        "queue_full", "too_many_waiters", "too_many_waiting_bytes",
                                        "cancelled", "exceeds_permit", "memory_exhausted"}));
  EXPECT_EQ(to_string(WriteRefusalReason::queue_full), "queue_full");
}

TEST(Names, OfEvents) {
  EXPECT_EQ(names<QueueEventKind>(kQueueEventKinds),
            (std::set<std::string_view>{"refusing", "admitting", "waiting", "nobody_waits",
                                        "stalled", "moving", "shed", "ended"}));
  EXPECT_EQ(to_string(QueueEventKind::stalled), "stalled");
}

TEST(Names, OfWhoEndedAQueue) {
  EXPECT_EQ(names<EndedBy>(static_cast<std::size_t>(EndedBy::context) + 1),
            (std::set<std::string_view>{"close", "abort", "last_handle", "time_limit", "stream",
                                        "memory_budget", "no_memory", "context"}));
  EXPECT_EQ(to_string(EndedBy::last_handle), "last_handle");
}

}  // namespace
}  // namespace bytes_handoff
