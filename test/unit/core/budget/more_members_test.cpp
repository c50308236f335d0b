// Writes that wait in a queue, while the floors of new members take what they would need.

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/budget/budget_queue.hpp"

namespace bytes_handoff::test {
namespace {

Bytes slice_of(std::size_t n) { return Bytes::copy_of(std::string(n, 'x')); }

// 900 bytes are the most that one write may have, until there is another member.
class MoreMembers : public testing::Test {
 protected:
  void TearDown() override {
    queue_->end();
    EXPECT_EQ(queue_->holds(), 0);
    queue_.reset();
    EXPECT_EQ(pot_.figures().waiters, 0U);
    EXPECT_EQ(pot_.figures().free_bytes, 899U);
  }

  detail::MemoryPot pot_{900, 900};
  std::optional<BudgetQueue<>> queue_{std::in_place, pot_, 100, WriteHandoffConfig{.max_items = 1}};
};

TEST_F(MoreMembers, MakeAWaiterImpossible) {
  EXPECT_TRUE(queue_->try_write(Bytes::borrow_static(std::string_view("static"))));
  WriteProbe large(std::vector<Bytes>{slice_of(900)});
  WriteProbe small(std::vector<Bytes>{slice_of(200)});
  EXPECT_EQ(queue_->wait(large), detail::WriteQueue::Wait::kWaiting);  // for a place
  EXPECT_EQ(queue_->wait(small), detail::WriteQueue::Wait::kWaiting);
  ASSERT_TRUE(pot_.try_take_floor(1));
  EXPECT_EQ(queue_->read(6), 6U);
  ASSERT_EQ(large.resumed, 1);
  ASSERT_TRUE(large.refusal);
  EXPECT_EQ(large.refusal->reason, WriteRefusalReason::memory_exhausted);
  EXPECT_EQ(large.refusal->attempted, 900U);
  EXPECT_EQ(large.slices.front().size(), 900U);
  EXPECT_TRUE(small.was_admitted());
  EXPECT_EQ(queue_->holds(), 0);
}

TEST_F(MoreMembers, MakeABurstImpossible) {
  EXPECT_TRUE(queue_->try_write(Bytes::borrow_static(std::string_view("static"))));
  BurstProbe burst(std::vector<Bytes>{slice_of(100), slice_of(900)});
  EXPECT_EQ(queue_->wait(burst), detail::WriteQueue::Wait::kWaiting);
  ASSERT_TRUE(pot_.try_take_floor(1));
  EXPECT_EQ(queue_->read(106), 106U);
  ASSERT_TRUE(burst.refusal);
  EXPECT_EQ(burst.refusal->reason, WriteRefusalReason::memory_exhausted);
  EXPECT_EQ(burst.refusal->attempted, 900U);
}

// Granted with its floor in use, a queue needs less once that is free.
TEST(GrantedCredit, ThatIsNotNeededAnyMoreGoesBack) {
  detail::MemoryPot pot(1000, 1000);
  BudgetQueue<> rich(pot, 100, {});
  BudgetQueue<> poor(pot, 100, {});
  EXPECT_TRUE(poor.try_write(slice_of(100)));
  EXPECT_TRUE(rich.try_write(slice_of(900)));
  WriteProbe probe(std::vector<Bytes>{slice_of(300)});
  EXPECT_EQ(poor.wait(probe), detail::WriteQueue::Wait::kWaiting);
  EXPECT_EQ(rich.read(900), 900U);
  EXPECT_EQ(pot.figures().free_bytes, 500U);
  EXPECT_EQ(poor.read(100), 100U);
  poor.run_errands();
  EXPECT_TRUE(probe.was_admitted());
  EXPECT_EQ(poor.granted(), 0U);
  EXPECT_EQ(pot.figures().free_bytes, 600U);
  poor.end();
  rich.end();
}

}  // namespace
}  // namespace bytes_handoff::test
