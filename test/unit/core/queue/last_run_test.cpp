#include "bytes_handoff/core/queue/last_run.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/core/budget/budget_state.hpp"
#include "bytes_handoff/core/memory/pool.hpp"
#include "bytes_handoff/core/queue/busy_queue.hpp"
#include "support/memory/allocation_counter.hpp"
#include "support/memory/counting_resource.hpp"
#include "support/memory/pooling.hpp"
#include "support/pattern.hpp"

namespace bytes_handoff::detail {
namespace {

using test::pattern;

class LastRunTest : public testing::Test {
 protected:
  LastRunTest() = default;
  explicit LastRunTest(AccountPointer payer)
      : payer_(std::move(payer)), compactor_(nullptr, payer_.get()) {}
  ~LastRunTest() override {
    pop(items_.size());
    releases_.run();
  }

  /// `size` bytes at the front of a block of `capacity`, nobody else holding it.
  static Bytes slice_of_block(std::size_t size, std::size_t capacity,
                              std::pmr::memory_resource* source = nullptr) {
    BytesMut block = BytesMut::with_capacity(capacity, source);
    block.extend(pattern(size));
    return block.split_to_frozen(size).value();
  }

  void push(Bytes bytes, std::uint64_t first_movable = 0) {
    items_.reserve(1);
    const WriteItem item = WriteItem::take(bytes);
    LastRun& run = items_.head().run;
    if (run.ends_at(item.owner)) {
      compactor_.end_run(run, first_movable, releases_);
    }
    run.note(item, items_.push_back(item), pushed_++);
  }

  /// The first `n` items are written.
  void pop(std::size_t n) {
    if (n == 0) {
      return;
    }
    for (; n != 0; --n) {
      if (Owner* owner = items_.front().owner) {
        owner->release(1);
      }
      items_.pop_front();
    }
    items_.head().run.forget_first(pushed_ - items_.size());
  }

  void retry() { compactor_.retry(items_, pushed_ - items_.size(), releases_); }

  [[nodiscard]] const WriteItem& item(std::size_t index) {
    auto at = items_.front_cursor();
    for (; index != 0; --index) {
      ++at;
    }
    return *at;
  }
  [[nodiscard]] std::string text(std::size_t index) {
    return {reinterpret_cast<const char*>(item(index).data), item(index).size};
  }
  [[nodiscard]] std::size_t footprint(std::size_t index) {
    const Block* block = Block::of(item(index).owner);
    return block == nullptr ? 0 : block->footprint();
  }

  std::uint64_t pushed_ = 0;
  WriteItems items_;
  AccountPointer payer_;
  RunCompactor compactor_;
  DeferredReleases releases_;
};

TEST_F(LastRunTest, ASmallSliceLetsGoOfItsLargeBlockWhenAnotherOwnerComes) {
  test::CountingResource source;
  push(slice_of_block(10, 65536, &source));
  releases_.run();
  EXPECT_EQ(source.blocks_out(), 1U) << "it may still grow";
  push(Bytes::copy_of("other"));
  EXPECT_EQ(source.blocks_out(), 1U) << "given back only when the releases are run";
  releases_.run();
  EXPECT_EQ(source.blocks_out(), 0U);
  EXPECT_EQ(text(0), pattern(10));
}

TEST_F(LastRunTest, ARunIsCopiedBelowTheThresholdAndSharedFromItOn) {
  // A block of 4096 takes 4160 bytes: twice 2048 and 64 for the item are just that.
  for (const std::size_t size : {1U, 2046U, 2047U, 2048U, 2049U, 4096U}) {
    const Bytes bytes = slice_of_block(size, 4096);
    const auto* data = bytes.data();
    push(bytes);
    push(Bytes::copy_of("x"));
    EXPECT_EQ(item(0).data == data, size >= 2048) << size;
    EXPECT_EQ(text(0), pattern(size));
    pop(2);
    compactor_.reset(releases_);
  }
}

TEST_F(LastRunTest, ASmallSliceLetsGoOfALargerCopyAndAWholeCopyIsShared) {
  for (const std::size_t whole : {1U, 23U, 256U, 1000U, 2049U}) {
    for (const std::size_t part : {std::size_t{1}, whole / 4, whole}) {
      if (part == 0) continue;
      const Bytes copy = Bytes::copy_of(pattern(whole));
      push(copy.slice(0, part).value());
      push(Bytes::copy_of("x"));
      const bool is_wasteful = whole + 24 > 2 * part + 64;
      EXPECT_EQ(item(0).data != copy.data(), is_wasteful) << part << " of " << whole;
      EXPECT_EQ(text(0), pattern(part));
      pop(2);
      compactor_.reset(releases_);
    }
  }
}

TEST_F(LastRunTest, EachItemOfARunIsWorthSixtyFourBytes) {
  for (const std::size_t size : {1007U, 1008U}) {
    BytesMut block = BytesMut::with_capacity(4096);
    block.extend(pattern(2 * size));
    const auto* data = block.data();
    push(block.split_to_frozen(size).value());
    push(block.split_to_frozen(size).value());
    block = BytesMut();
    push(Bytes::copy_of("x"));
    // 4160 - 2 * 2 * size against 2 * 64
    EXPECT_EQ(item(0).data == data, size >= 1008) << size;
    EXPECT_EQ(text(0) + text(1), pattern(2 * size));
    pop(3);
    compactor_.reset(releases_);
  }
}

TEST_F(LastRunTest, ACopiedRunStaysOneRunOfNeighbours) {
  BytesMut block = BytesMut::with_capacity(65536);
  block.extend(pattern(300));
  for (int i = 0; i < 3; ++i) {
    push(block.split_to_frozen(100).value());
  }
  push(Bytes::copy_of("x"));
  EXPECT_EQ(item(0).data + 100, item(1).data);
  EXPECT_EQ(item(1).data + 100, item(2).data);
  EXPECT_EQ(item(0).owner, item(2).owner);
  EXPECT_EQ(text(0) + text(1) + text(2), pattern(300));
}

TEST_F(LastRunTest, SmallRunsShareABlockAndALargeOneGetsItsOwn) {
  for (int i = 0; i < 20; ++i) {
    push(slice_of_block(100, 65536));
  }
  push(slice_of_block(20000, 65536));
  push(Bytes::copy_of("x"));
  EXPECT_EQ(item(0).owner, item(19).owner);
  EXPECT_NE(item(20).owner, item(19).owner);
  EXPECT_EQ(text(20), pattern(20000));
  for (std::size_t i = 0; i < 20; ++i) {
    EXPECT_EQ(text(i), pattern(100));
  }
  EXPECT_LE(footprint(0), 4096U + 64U);
}

TEST_F(LastRunTest, ARunThatTheStreamIsReadingIsLeftWhereItIsUntilItMayMove) {
  test::CountingResource source;
  Bytes bytes = slice_of_block(10, 65536, &source);
  const auto* data = bytes.data();
  push(std::move(bytes));
  push(Bytes::copy_of("other"), 1);
  EXPECT_EQ(item(0).data, data);
  retry();
  EXPECT_NE(item(0).data, data);
  EXPECT_EQ(text(0), pattern(10));
  releases_.run();
  EXPECT_EQ(source.blocks_out(), 0U);
}

TEST_F(LastRunTest, OfARunThatIsPartlyWrittenTheRestIsCopied) {
  test::CountingResource source;
  BytesMut block = BytesMut::with_capacity(65536, &source);
  block.extend(pattern(300));
  for (int i = 0; i < 3; ++i) {
    push(block.split_to_frozen(100).value());
  }
  block = BytesMut();
  push(Bytes::copy_of("other"), 2);
  pop(2);
  retry();
  releases_.run();
  EXPECT_EQ(source.blocks_out(), 0U);
  EXPECT_EQ(text(0), pattern(100, 200));
}

TEST_F(LastRunTest, ARunThatIsWhollyWrittenIsForgotten) {
  push(slice_of_block(10, 65536));
  push(Bytes::from_static("literal"), 1);
  push(Bytes::copy_of("other"), 1);
  pop(1);
  retry();
  EXPECT_EQ(text(0), "literal");
  EXPECT_EQ(text(1), "other");
}

TEST_F(LastRunTest, AnOwnerThatWasWrittenAndFreedIsNotLookedAt) {
  push(slice_of_block(10, 65536));
  push(Bytes::from_static("literal"));
  pop(1);
  push(Bytes::copy_of("other"), 1);
  EXPECT_EQ(text(0), "literal");
  EXPECT_EQ(text(1), "other");
}

TEST_F(LastRunTest, EmptyItemsAndLiteralsWithinARunAreLeftAlone) {
  BytesMut block = BytesMut::with_capacity(65536);
  block.extend(pattern(200));
  const Bytes literal = Bytes::from_static("literal");
  push(block.split_to_frozen(100).value());
  push(Bytes());
  push(literal);
  push(block.split_to_frozen(100).value());
  push(Bytes::copy_of("other"));
  EXPECT_EQ(text(0), pattern(100));
  EXPECT_EQ(item(1).owner, nullptr);
  EXPECT_EQ(item(1).size, 0U);
  EXPECT_EQ(item(2).data, literal.data());
  EXPECT_EQ(text(3), pattern(100, 100));
  EXPECT_NE(item(0).owner, nullptr);
}

TEST_F(LastRunTest, ForeignOwnersAreLeftAlone) {
  std::vector<char> large(100000, 'x');
  const Bytes foreign = Bytes::from_owner(std::move(large)).slice(5, 10).value();
  const auto* data = foreign.data();
  push(foreign);
  push(Bytes::copy_of("other"));
  EXPECT_EQ(item(0).data, data);
}

TEST_F(LastRunTest, ARunOverSeveralSegmentsIsCopiedWhole) {
  BytesMut block = BytesMut::with_capacity(65536);
  block.extend(pattern(500));
  for (int i = 0; i < 250; ++i) {
    push(block.split_to_frozen(2).value());
  }
  block = BytesMut();
  push(Bytes::copy_of("other"));
  std::string all;
  for (std::size_t i = 0; i < 250; ++i) {
    all += text(i);
    EXPECT_LE(footprint(i), 4160U);
  }
  EXPECT_EQ(all, pattern(500));
}

/// Takes all small slots that the pool could still hand out.
class NoSmallSlots {
 public:
  NoSmallSlots() {
    const test::FailingAllocations failing;
    for (std::size_t each = 0; small_slot_size(each) <= kLargestSmall; ++each) {
      try {
        for (;;) {
          void* const slot = pool_allocate_small(small_slot_size(each));
          last_ = ::new (slot) Slot{last_, small_slot_size(each)};
        }
      } catch (const std::bad_alloc&) {  // this size is used up
      }
    }
  }
  NoSmallSlots(const NoSmallSlots&) = delete;
  NoSmallSlots& operator=(const NoSmallSlots&) = delete;
  ~NoSmallSlots() {
    while (last_ != nullptr) {
      Slot* const slot = std::exchange(last_, last_->next);
      pool_deallocate_small(slot, slot->size);
    }
  }

 private:
  struct Slot {
    Slot* next;
    std::size_t size;
  };
  Slot* last_ = nullptr;
};

TEST_F(LastRunTest, WhereMemoryIsShortTheRunIsLeftAsItIs) {
  Bytes bytes = slice_of_block(10, 65536);
  Bytes other = Bytes::copy_of("other");
  Bytes third = Bytes::copy_of("third");
  const auto* data = bytes.data();
  push(std::move(bytes));
  items_.reserve(2);
  {
    const NoSmallSlots no_slots;
    const test::AllocationScope counted;
    const test::FailingAllocations failing;
    push(std::move(other));
    EXPECT_EQ(counted.refusals(), 1U);
  }
  EXPECT_EQ(item(0).data, data);
  EXPECT_EQ(text(0), pattern(10));
  EXPECT_EQ(text(1), "other");
  push(std::move(third));
  EXPECT_EQ(item(0).data, data) << "a run that was left is not looked at again";
}

TEST_F(LastRunTest, ResetKeepsNoMemory) {
  if (test::kPooled) {
    GTEST_SKIP() << "only told apart where nothing is pooled; run under AddressSanitizer";
  }
  const test::AllocationScope counted;
  push(slice_of_block(10, 65536));
  push(Bytes::copy_of("other"));
  pop(2);
  items_.release_segments();
  releases_.run();
  EXPECT_GT(counted.allocations(), counted.deallocations());
  compactor_.reset(releases_);
  EXPECT_EQ(counted.allocations(), counted.deallocations());
}

// ---- Copies that a budget pays for. Who waits for memory is resumed when their blocks go.

class PaidLastRunTest : public LastRunTest {
 protected:
  static constexpr std::size_t kRoom = DeferredReleases::kCapacity;

  PaidLastRunTest()
      : LastRunTest(MemberAccount::make(
            MemoryBudget({.limit = 100'000, .high_mark = 100'000, .floor = 0}))) {}

  /// Leaves room for so many.
  void fill_releases(std::size_t room) {
    for (std::size_t i = room; i != kRoom; ++i) {
      Bytes bytes = Bytes::copy_of("x");
      releases_.add(BytesAccess::release(bytes));
    }
  }
  [[nodiscard]] std::size_t charged() const { return payer_->state().statistics().charged_bytes; }
};

TEST_F(PaidLastRunTest, ARunIsLeftWhereBothBlocksThatMayGoHaveNoRoom) {
  for (const std::size_t room : {0U, 1U, 2U}) {
    Bytes bytes = slice_of_block(10, 65536);
    const auto* const data = bytes.data();
    push(std::move(bytes));
    Bytes other = Bytes::copy_of("other");
    fill_releases(room);
    push(std::move(other));
    EXPECT_EQ(item(0).data == data, room < 2) << room;
    EXPECT_EQ(compactor_.take_discharged(), room < 2 ? 0U : 10U);
    EXPECT_EQ(text(0), pattern(10));
    releases_.run();
    pop(2);
  }
}

TEST_F(PaidLastRunTest, AtTheEndTheBlockOfTheCopiesGoesOutsideOfTheLock) {
  push(slice_of_block(10, 65536));
  push(Bytes::copy_of("other"));
  releases_.run();
  pop(2);
  const std::size_t of_copies = charged();
  EXPECT_GT(of_copies, 0U);
  fill_releases(0);
  compactor_.reset(releases_);
  releases_.run();
  EXPECT_EQ(charged(), of_copies) << "it went although there was no room to put that off";
  compactor_.reset(releases_);
  EXPECT_EQ(charged(), of_copies) << "it went at once";
  releases_.run();
  EXPECT_EQ(charged(), 0U);
}

}  // namespace
}  // namespace bytes_handoff::detail
