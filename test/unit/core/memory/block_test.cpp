#include "bytes_handoff/core/memory/block.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <latch>
#include <new>
#include <stdexcept>
#include <thread>

#include "support/memory/counting_resource.hpp"

namespace bytes_handoff::detail {
namespace {

using test::CountingResource;

struct CountedOwner final : Owner {
  explicit CountedOwner(std::size_t references) : Owner(references, &CountedOwner::note) {}
  static void note(Owner* owner) noexcept { ++static_cast<CountedOwner*>(owner)->destroyed; }
  int destroyed = 0;
};

TEST(Owner, IsDestroyedOnceByTheLastReference) {
  CountedOwner owner(3);
  owner.release(1);
  owner.add_references(2);
  owner.release(3);
  EXPECT_EQ(owner.destroyed, 0);
  owner.release(1);
  EXPECT_EQ(owner.destroyed, 1);
}

TEST(Owner, ManyReferencesAreReleasedAtOnce) {
  CountedOwner owner(1000);
  owner.release(999);
  EXPECT_EQ(owner.destroyed, 0);
  owner.release(1);
  EXPECT_EQ(owner.destroyed, 1);

  CountedOwner all_at_once(1000);
  all_at_once.release(1000);
  EXPECT_EQ(all_at_once.destroyed, 1);
}

TEST(Owner, IsUniqueOnlyForAHolderOfAllReferences) {
  CountedOwner owner(5);
  EXPECT_TRUE(owner.is_unique(5));
  EXPECT_FALSE(owner.is_unique(4));
  owner.add_references(1);
  EXPECT_FALSE(owner.is_unique(5));
  owner.release(1);
  EXPECT_TRUE(owner.is_unique(5));
  owner.reset_references(1);
  EXPECT_TRUE(owner.is_unique(1));
}

TEST(Owner, WhatEveryHolderWroteHasHappenedBeforeItIsDestroyed) {
  for (int round = 0; round < 200; ++round) {
    CountedOwner owner(2);
    int first = 0;
    int second = 0;
    std::latch start(2);
    const auto drop = [&](int& mine) {
      start.arrive_and_wait();
      mine = 1;
      owner.release(1);
      return owner.is_unique(0);
    };
    std::thread other([&] { drop(first); });
    drop(second);
    other.join();
    EXPECT_EQ(owner.destroyed, 1);
    EXPECT_EQ(first + second, 2);
  }
}

TEST(Block, CapacityIsTheNextPowerOfTwoAndAtLeast64) {
  const std::size_t expected[][2] = {{0, 64},
                                     {1, 64},
                                     {63, 64},
                                     {64, 64},
                                     {65, 128},
                                     {128, 128},
                                     {129, 256},
                                     {4095, 4096},
                                     {65536, 65536},
                                     {65537, 131072},
                                     {kLargestBlock - 1, kLargestBlock},
                                     {kLargestBlock, kLargestBlock}};
  for (const auto& [least, capacity] : expected) {
    EXPECT_EQ(block_capacity_for(least), capacity) << least;
  }
}

TEST(Block, TwoOfTheLargestCanBeAddedUp) {
  EXPECT_GT(kLargestBlock + kLargestBlock, kLargestBlock);
  EXPECT_GT(kLargestBlock + sizeof(Block), kLargestBlock);
}

TEST(Block, ASizeThatNoBlockCanHaveIsALengthErrorBeforeTheSourceIsAsked) {
  CountingResource source;
  for (const std::size_t size : {kLargestBlock + 1, SIZE_MAX / 2, SIZE_MAX}) {
    EXPECT_THROW(static_cast<void>(block_capacity_for(size)), std::length_error);
    EXPECT_THROW(static_cast<void>(Block::make(size)), std::length_error);
    EXPECT_THROW(static_cast<void>(Block::make(size, &source)), std::length_error);
  }
  EXPECT_EQ(source.allocations(), 0U);
}

TEST(Block, AFailingSourceIsPassedOn) {
  CountingResource source;
  source.fail(true);
  EXPECT_THROW(static_cast<void>(Block::make(100, &source)), std::bad_alloc);
  EXPECT_THROW(static_cast<void>(Block::make(kLargestBlock)), std::bad_alloc);
}

TEST(Block, DataStartsOnACacheLineOfItsOwnAndReachesToTheEnd) {
  CountingResource source;
  for (const std::size_t size :
       {std::size_t{1}, std::size_t{64}, std::size_t{65}, std::size_t{70000}}) {
    for (std::pmr::memory_resource* from : {static_cast<std::pmr::memory_resource*>(nullptr),
                                            static_cast<std::pmr::memory_resource*>(&source)}) {
      Block* block = Block::make(size, from);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block->data()) % 64, 0U);
      EXPECT_EQ(block->data(), reinterpret_cast<std::byte*>(block) + 64);
      EXPECT_GE(block->capacity, size);
      EXPECT_EQ(block->end(), block->data() + block->capacity);
      EXPECT_EQ(block->footprint(), block->capacity + 64);
      EXPECT_EQ(block->source, from);
      std::memset(block->data(), 1, block->capacity);
      block->release(Block::kReferencesAtOnce);
    }
  }
}

TEST(Block, AFreshOneHasOneBulkOfReferences) {
  Block* block = Block::make(1);
  EXPECT_TRUE(block->is_unique(Block::kReferencesAtOnce));
  block->release(Block::kReferencesAtOnce);
}

TEST(Block, GoesBackToItsSourceWithTheSameSizeAndAlignmentWhenTheLastReferenceGoes) {
  CountingResource source;  // checks sizes and alignments itself
  Block* block = Block::make(5000, &source);
  EXPECT_EQ(source.bytes_out(), 8192U + 64U);
  block->release(Block::kReferencesAtOnce - 1);
  EXPECT_EQ(source.blocks_out(), 1U);
  block->release(1);
  EXPECT_EQ(source.blocks_out(), 0U);
}

TEST(Block, OfTellsBlocksFromOtherOwners) {
  Block* block = Block::make(1);
  CountedOwner foreign(1);
  EXPECT_EQ(Block::of(block), block);
  EXPECT_EQ(Block::of(&foreign), nullptr);
  EXPECT_EQ(Block::of(nullptr), nullptr);
  block->release(Block::kReferencesAtOnce);
}

}  // namespace
}  // namespace bytes_handoff::detail
