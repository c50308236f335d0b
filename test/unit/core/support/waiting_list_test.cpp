#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <vector>

#include "bytes_handoff/core/queue/effects.hpp"
#include "bytes_handoff/core/queue/waiting.hpp"
#include "support/queue/queue_probes.hpp"
#include "support/stepping/seed.hpp"

namespace bytes_handoff::test {
namespace {

using detail::Waiting;
using detail::WaitingList;

TEST(WaitingList, ANewOneIsEmpty) {
  WaitingList list;
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.size(), 0U);
  EXPECT_EQ(list.front(), nullptr);
  EXPECT_EQ(list.pop_front(), nullptr);
}

TEST(WaitingList, FirstInFirstOut) {
  WaitingList list;
  std::array<CloseProbe, 3> nodes;
  for (CloseProbe& node : nodes) {
    list.push_back(node);
  }
  EXPECT_EQ(list.size(), 3U);
  for (CloseProbe& node : nodes) {
    EXPECT_EQ(list.front(), &node);
    EXPECT_EQ(list.pop_front(), &node);
  }
  EXPECT_TRUE(list.empty());
}

TEST(WaitingList, AnyoneCanLeaveAndComeBackAtTheEnd) {
  Random random;
  SCOPED_TRACE(seed_note());
  WaitingList list;
  std::array<CloseProbe, 8> nodes;
  std::vector<Waiting*> model;
  for (int step = 0; step < 5000; ++step) {
    CloseProbe& node = nodes[random.between(0, nodes.size() - 1)];
    const auto found = std::find(model.begin(), model.end(), &node);
    if (found == model.end()) {
      list.push_back(node);
      model.push_back(&node);
    } else {
      list.remove(node);
      model.erase(found);
    }
    ASSERT_EQ(list.size(), model.size());
    ASSERT_EQ(list.front(), model.empty() ? nullptr : model.front());
  }
  for (Waiting* node : model) {
    ASSERT_EQ(list.pop_front(), node);
  }
}

TEST(Effects, ResumeAllGoesInOrderAndTellsTheDestroyedContext) {
  detail::Effects effects;
  ResumeLog log;
  CloseProbe first("first", &log);
  FlushProbe second("second", &log);
  const int context = 0;
  effects.resumed.push_back(first);
  effects.resumed.push_back(second);
  effects.destroyed_context = &context;
  effects.resume_all();
  EXPECT_THAT(log, testing::ElementsAre("first", "second"));
  EXPECT_EQ(first.destroyed_context, &context);
  effects.resume_all();
  EXPECT_EQ(first.resumed, 1);
}

// Nothing of that happens before, or by itself.
TEST(Effects, FinishDropsReferencesAndLetsTheContextGoOnce) {
  struct Watched {
    std::shared_ptr<int> alive;
    [[nodiscard]] const char* data() const { return "x"; }
    [[nodiscard]] const char* begin() const { return data(); }
    [[nodiscard]] const char* end() const { return data() + size(); }
    [[nodiscard]] std::size_t size() const { return 1; }
  };
  const auto alive = std::make_shared<int>();
  Bytes bytes = Bytes::from_owner(Watched{alive});
  detail::PostGuard guard;
  detail::Effects effects(guard);
  EXPECT_FALSE(effects.asks_for_something());
  effects.ask_for_turn();
  effects.ask_for_time();
  effects.releases.add(detail::BytesAccess::release(bytes));
  effects.resume_all();
  EXPECT_TRUE(effects.asks_for_something());
  EXPECT_EQ(alive.use_count(), 2);
  effects.finish();
  EXPECT_EQ(alive.use_count(), 1);
  guard.wait_until_left();
  effects.finish();
  guard.wait_until_left();
}

// A front end may free or reuse a waiter as soon as it is resumed.
TEST(Effects, AResumedWaiterMayBeUsedAgainAtOnce) {
  struct Again : CloseProbe {
    void resume(const void* context) noexcept override {
      CloseProbe::resume(context);
      next->push_back(*this);
    }
    WaitingList* next = nullptr;
  };
  detail::Effects effects;
  WaitingList next;
  std::array<Again, 3> waiters;
  for (Again& waiter : waiters) {
    waiter.next = &next;
    effects.resumed.push_back(waiter);
  }
  effects.resume_all();
  EXPECT_EQ(next.size(), 3U);
  for (Again& waiter : waiters) {
    EXPECT_EQ(waiter.resumed, 1);
    EXPECT_EQ(next.pop_front(), &waiter);
  }
}

TEST(WaitingList, CanBeWalkedThrough) {
  WaitingList list;
  std::array<CloseProbe, 3> nodes;
  for (CloseProbe& node : nodes) {
    list.push_back(node);
  }
  list.remove(nodes[1]);
  EXPECT_EQ(list.after(nodes[0]), &nodes[2]);
  EXPECT_EQ(list.after(nodes[2]), nullptr);
}

}  // namespace
}  // namespace bytes_handoff::test
