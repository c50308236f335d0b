#include "bytes_handoff/core/queue/write_item.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bytes_handoff/core/budget/budget_state.hpp"
#include "bytes_handoff/core/budget/region_access.hpp"
#include "bytes_handoff/core/queue/departure.hpp"
#include "support/memory/allocation_counter.hpp"
#include "support/pattern.hpp"

namespace bytes_handoff::detail {
namespace {

TEST(WriteItem, TakesTheBytesOver) {
  Bytes bytes = Bytes::copy_of("abc");
  const auto* data = bytes.data();
  auto* owner = BytesAccess::owner(bytes);
  const WriteItem item = WriteItem::take(bytes);
  EXPECT_TRUE(bytes.empty());
  EXPECT_EQ(BytesAccess::owner(bytes), nullptr);
  EXPECT_EQ(item.data, data);
  EXPECT_EQ(item.size, 3U);
  EXPECT_EQ(item.waiter, nullptr);
  ASSERT_EQ(item.owner, owner);
  item.owner->release(1);
}

// Owners that count how often they were let go of.
struct Counted {
  std::shared_ptr<int> alive = std::make_shared<int>(0);
  std::string text = "x";
  [[nodiscard]] const char* begin() const { return text.data(); }
  [[nodiscard]] const char* end() const { return text.data() + text.size(); }
  [[nodiscard]] const char* data() const { return text.data(); }
  [[nodiscard]] std::size_t size() const { return text.size(); }
};

TEST(DeferredReleases, DropReferencesWhenTheyAreRunAndNotBefore) {
  Counted counted;
  const auto watch = counted.alive;
  Bytes bytes = Bytes::from_owner(std::move(counted));
  counted.alive.reset();
  Bytes second = bytes;
  DeferredReleases releases;
  releases.add(BytesAccess::release(bytes));
  releases.add(nullptr);
  releases.add(BytesAccess::release(second));
  EXPECT_EQ(watch.use_count(), 2);
  releases.run();
  EXPECT_EQ(watch.use_count(), 1);
  releases.run();
}

TEST(DeferredReleases, NeighboursOfOneOwnerTakeOnePlace) {
  DeferredReleases releases;
  std::vector<Bytes> owners;
  for (std::size_t i = 0; i < DeferredReleases::kCapacity; ++i) {
    EXPECT_TRUE(releases.has_room());
    Bytes bytes = Bytes::copy_of("abc");
    for (int k = 0; k < 3; ++k) {
      Bytes copy = bytes;
      releases.add(BytesAccess::release(copy));
    }
    owners.push_back(std::move(bytes));
  }
  EXPECT_FALSE(releases.has_room());
  releases.run();
  EXPECT_TRUE(releases.has_room());
}

class WriteBatchTest : public testing::Test {
 protected:
  ~WriteBatchTest() override {
    for (; !items_.empty(); items_.pop_front()) {
      if (Owner* owner = items_.front().owner) {
        owner->release(1);
      }
    }
  }
  void push(Bytes bytes) {
    items_.reserve(1);
    items_.push_back(WriteItem::take(bytes));
  }
  [[nodiscard]] std::string text() const {
    std::string text;
    for (std::size_t i = 0; i < batch_.count; ++i) {
      text.append(reinterpret_cast<const char*>(batch_.buffers[i].data), batch_.buffers[i].size);
    }
    return text;
  }
  WriteItems items_;
  WriteBatch batch_{};
};

TEST_F(WriteBatchTest, StartsAtTheFirstUnwrittenByte) {
  push(Bytes::copy_of("abcdef"));
  push(Bytes::copy_of("gh"));
  batch_.gather(items_, 4);
  EXPECT_EQ(text(), "efgh");
  EXPECT_EQ(batch_.bytes, 4U);
  EXPECT_EQ(batch_.items, 2U);
  EXPECT_EQ(batch_.count, 2U);
}

TEST_F(WriteBatchTest, TheOffsetIsOfTheFirstItemAlone) {
  Bytes block = Bytes::copy_of("abcdef");
  push(block.split_to(3).value());
  push(block);
  batch_.gather(items_, 2);
  EXPECT_EQ(text(), "cdef");
  EXPECT_EQ(batch_.count, 1U);
}

TEST_F(WriteBatchTest, NeighboursByChanceWithTwoOwnersStayTwoBuffers) {
  const std::string text_of_both = "abcdef";
  const auto whole = Bytes::copy_of(text_of_both);
  const auto head = Bytes::borrow_static(whole.span().subspan(0, 3));
  push(head);
  push(whole.slice(3, 3).value());
  batch_.gather(items_, 0);
  EXPECT_EQ(batch_.count, 2U);
  EXPECT_EQ(text(), text_of_both);
}

TEST_F(WriteBatchTest, ALastBufferStillGrowsWhenAllBuffersAreInUse) {
  for (std::size_t i = 0; i + 1 < kMaxBatchBuffers; ++i) {
    push(Bytes::copy_of("x"));
  }
  Bytes block = Bytes::copy_of("abcd");
  push(block.split_to(2).value());
  push(Bytes());
  push(block);
  push(Bytes::copy_of("y"));
  batch_.gather(items_, 0);
  EXPECT_EQ(batch_.count, kMaxBatchBuffers);
  EXPECT_EQ(batch_.items, kMaxBatchBuffers + 2);
  EXPECT_EQ(text(), std::string(kMaxBatchBuffers - 1, 'x') + "abcd");
}

TEST_F(WriteBatchTest, AnItemOfExactlyTheByteLimitFillsTheBatch) {
  const std::string large = test::pattern(kMaxBatchBytes);
  push(Bytes::copy_of(large));
  push(Bytes());
  push(Bytes::copy_of("x"));
  batch_.gather(items_, 0);
  EXPECT_EQ(batch_.bytes, kMaxBatchBytes);
  EXPECT_EQ(batch_.items, 1U);
  EXPECT_EQ(text() == large, true);
}

TEST_F(WriteBatchTest, TheByteLimitCutsANeighbourInItsMiddle) {
  Bytes block = Bytes::copy_of(test::pattern(kMaxBatchBytes + 10));
  push(block.split_to(kMaxBatchBytes - 5).value());
  push(block);
  batch_.gather(items_, 0);
  EXPECT_EQ(batch_.bytes, kMaxBatchBytes);
  EXPECT_EQ(batch_.items, 2U);
  EXPECT_EQ(batch_.count, 1U);
  batch_.gather(items_, 10);
  EXPECT_EQ(batch_.bytes, kMaxBatchBytes);
  EXPECT_EQ(text() == test::pattern(kMaxBatchBytes, 10), true);
}

/// Slices that are joined up to 1000 bytes.
class JoinedBatchTest : public WriteBatchTest {
 protected:
  static constexpr std::size_t kJoinAtMost = 1000;

  void push_all(std::size_t slices, std::size_t bytes_each) {
    for (std::size_t i = 0; i < slices; ++i) {
      push(Bytes::copy_of(test::pattern(bytes_each, i * bytes_each)));
    }
  }
  void gather(std::size_t offset = 0) { joined_.gather(items_, offset); }
  void expect_one_buffer(std::string_view expected) const {
    ASSERT_EQ(joined_.count, 1U);
    EXPECT_EQ(joined_.bytes, expected.size());
    EXPECT_EQ(joined_.buffers[0].size, expected.size());
    EXPECT_TRUE(std::ranges::equal(std::span(joined_.buffers[0].data, joined_.bytes),
                                   test::bytes_of(expected)));
  }

  WriteBatch joined_{kJoinAtMost};
};

TEST_F(JoinedBatchTest, ScatteredSlicesBecomeOneBufferThatTheItemsOwn) {
  push_all(200, 30);  // more than one segment of items, and more than one gather's buffers
  gather();
  EXPECT_TRUE(joined_.must_join());
  EXPECT_EQ(joined_.items, 33U);
  EXPECT_EQ(joined_.bytes, 990U);
  joined_.join();
  EXPECT_FALSE(joined_.must_join());
  expect_one_buffer(test::pattern(990));
  const auto* expected = joined_.buffers[0].data;
  auto at = items_.front_cursor();
  for (std::size_t i = 0; i < 33; ++i, ++at, expected += 30) {
    EXPECT_EQ(at->data, expected);
    EXPECT_EQ(at->size, 30U);
    EXPECT_EQ(at->owner, items_.front().owner);
  }
  EXPECT_NE(at->owner, items_.front().owner);
  gather();
  EXPECT_FALSE(joined_.must_join()) << "joined slices are neighbours";
  expect_one_buffer(test::pattern(990));
}

TEST_F(JoinedBatchTest, MoreOwnersThanOneGatherReleasesAreAllLetGo) {
  std::vector<std::weak_ptr<int>> owners;
  for (std::size_t i = 0; i < 300; ++i) {
    Counted counted;
    owners.push_back(counted.alive);
    push(Bytes::from_owner(std::move(counted)));
  }
  gather();
  EXPECT_EQ(joined_.items, 300U);
  joined_.join();
  for (const auto& owner : owners) {
    EXPECT_TRUE(owner.expired());
  }
  expect_one_buffer(std::string(300, 'x'));
}

TEST_F(JoinedBatchTest, FillsUpToTheLimitAndCutsNoSlice) {
  push_all(2, 500);
  push(Bytes::copy_of("x"));
  gather();
  EXPECT_EQ(joined_.items, 2U);
  joined_.join();
  expect_one_buffer(test::pattern(1000));
  gather(400);
  EXPECT_EQ(joined_.bytes, 600U);
}

TEST_F(JoinedBatchTest, ASliceThatDoesNotFitAnyMoreWaitsForTheNext) {
  push_all(2, 501);
  gather();
  EXPECT_FALSE(joined_.must_join());
  EXPECT_EQ(joined_.items, 1U);
  expect_one_buffer(test::pattern(501));
}

TEST_F(JoinedBatchTest, ALargeSliceGoesAsItIs) {
  for (const std::size_t size : {kJoinAtMost, 5 * kJoinAtMost}) {
    const Bytes large = Bytes::copy_of(test::pattern(size));
    push(large);
    push(Bytes::copy_of("x"));
    gather();
    EXPECT_FALSE(joined_.must_join());
    EXPECT_EQ(joined_.buffers[0].data, large.data());
    expect_one_buffer(test::pattern(size));
    for (; !items_.empty(); items_.pop_front()) {
      items_.front().owner->release(1);
    }
  }
}

TEST_F(JoinedBatchTest, NeighboursAreNotCopied) {
  Bytes block = Bytes::copy_of(test::pattern(3000));
  const auto* data = block.data();
  for (int i = 0; i < 30; ++i) {
    push(block.split_to(100).value());
  }
  gather();
  EXPECT_FALSE(joined_.must_join());
  EXPECT_EQ(joined_.buffers[0].data, data);
  expect_one_buffer(test::pattern(1000));
}

TEST_F(JoinedBatchTest, TheRestOfAPartlyWrittenBufferGoesAsItIs) {
  push_all(3, 100);
  const auto* data = items_.front().data;
  gather(40);
  EXPECT_FALSE(joined_.must_join());
  EXPECT_EQ(joined_.buffers[0].data, data + 40);
  expect_one_buffer(test::pattern(60, 40));
}

TEST_F(JoinedBatchTest, LiteralsAndEmptySlicesAreNoObstacle) {
  push(Bytes());
  push(Bytes::from_static("static "));
  push(Bytes());
  push(Bytes::copy_of("and copied"));
  push(Bytes());
  gather();
  EXPECT_EQ(joined_.items, 5U);
  joined_.join();
  expect_one_buffer("static and copied");
}

TEST_F(JoinedBatchTest, WhatCountsByItsLengthInABudgetIsDischarged) {
  const AccountPointer payer =
      MemberAccount::make(MemoryBudget({.limit = 100'000, .high_mark = 100'000, .floor = 0}));
  BytesMut paid = RegionAccess::make_paid(100, nullptr, payer.get());
  paid.extend("paid for, ");
  push(std::move(paid).freeze());
  push(Bytes::from_static("static, "));
  push(Bytes());
  push(Bytes::copy_of("copied, "));
  push(Bytes::from_owner(std::string("foreign")));
  joined_.gather(items_, 0, nullptr, payer.get());
  ASSERT_TRUE(joined_.must_join());
  joined_.join();
  EXPECT_EQ(joined_.discharged(), 15U);
  expect_one_buffer("paid for, static, copied, foreign");
}

TEST_F(JoinedBatchTest, WithoutMemoryTheFirstBufferGoesAlone) {
  WriteBatch batch(2 * kLargestPooled);  // its block does not come from the pool
  Bytes first = Bytes::copy_of(test::pattern(kLargestPooled));
  const auto* data = first.data();
  push(std::move(first));
  push(Bytes::copy_of("x"));
  batch.gather(items_, 0);
  ASSERT_TRUE(batch.must_join());
  {
    test::FailingAllocations failing;
    batch.join();
  }
  EXPECT_EQ(batch.count, 1U);
  EXPECT_EQ(batch.bytes, kLargestPooled);
  EXPECT_EQ(batch.buffers[0].data, data);
  EXPECT_EQ(items_.front().data, data);
}

}  // namespace
}  // namespace bytes_handoff::detail
