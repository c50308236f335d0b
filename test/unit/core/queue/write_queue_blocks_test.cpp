// Where the blocks come from that the queue takes itself: joined records, and runs of slices that
// are copied together.
#include <gtest/gtest.h>

#include <memory_resource>
#include <string>
#include <vector>

#include "bytes_handoff/bytes_mut.hpp"
#include "bytes_handoff/core/memory/block.hpp"
#include "bytes_handoff/core/queue/write_queue.hpp"
#include "support/memory/counting_resource.hpp"
#include "support/pattern.hpp"
#include "support/queue/queue_fixture.hpp"

namespace bytes_handoff::test {
namespace {

/// Throws something that is no exception class.
class HostileResource : public std::pmr::memory_resource {
 public:
  int asked = 0;

 private:
  void* do_allocate(std::size_t, std::size_t) override {
    ++asked;
    throw 1;
  }
  void do_deallocate(void*, std::size_t, std::size_t) override {
    ADD_FAILURE() << "it gave nothing";
  }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    return this == &other;
  }
};

class WriteQueueBlocks : public QueueTest {
 protected:
  static constexpr std::size_t kJoinAtMost = 1000;

  void open_with(std::pmr::memory_resource* source, std::size_t join_at_most = 0) {
    expected_.clear();
    open({.max_items = 1000, .block_source = source}, join_at_most);
  }

  /// `size` bytes in a block of 64 KiB of the library's pool.
  void send_from_large_block(std::size_t size) {
    BytesMut block = BytesMut::with_capacity(65536);
    block.extend(pattern(size, expected_.size()));
    expected_ += block.view();
    ASSERT_TRUE(send(std::vector<Bytes>{std::move(block).freeze()}));
  }
  void send_copy(std::size_t size) {
    const std::string text = pattern(size, expected_.size());
    expected_ += text;
    ASSERT_TRUE(send(text));
  }

  /// The source of each slice's block, once the queue has been aborted.
  [[nodiscard]] std::vector<std::pmr::memory_resource*> sources() {
    abort();
    if (stream().is_writing()) {
      stream().finish(Reply::nothing());
    }
    std::vector<std::pmr::memory_resource*> all;
    const UnwrittenEntries unwritten = unwritten_of(queue()).value();
    for (const Bytes& bytes : unwritten.entries) {
      all.push_back(detail::Block::of(detail::BytesAccess::owner(bytes))->source);
    }
    EXPECT_EQ(rest_of(unwritten), expected_);
    return all;
  }

  std::string expected_;
};

TEST_F(WriteQueueBlocks, JoinedRecordsAreOfTheConfiguredSource) {
  CountingResource source;
  open_with(&source, kJoinAtMost);
  for (int i = 0; i < 20; ++i) {
    send_copy(40);
  }
  ASSERT_EQ(stream().begin(), Turn::kWrite);
  EXPECT_EQ(stream().batch().count, 1U);
  EXPECT_EQ(source.blocks_out(), 1U);
  EXPECT_EQ(source.allocations(), 1U);
  for (const auto* from : sources()) {
    EXPECT_EQ(from, &source);
  }
  EXPECT_EQ(source.blocks_out(), 0U);
}

TEST_F(WriteQueueBlocks, RunsThatAreCopiedTogetherAreOfTheConfiguredSource) {
  CountingResource source;
  open_with(&source);
  for (const std::size_t size : {10U, 20U, 3000U, 30U, 5000U, 1U}) {  // small ones, larger ones
    send_from_large_block(size);
  }
  const auto all = sources();
  ASSERT_EQ(all.size(), 6U);
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i], i < 5 ? &source : nullptr) << "the last run may still grow";
  }
  EXPECT_GE(source.allocations(), 2U);
}

TEST_F(WriteQueueBlocks, ARunThatTheStreamHadToReadFirstIsCopiedToTheConfiguredSource) {
  CountingResource source;
  open_with(&source);
  send_from_large_block(10);
  ASSERT_EQ(stream().begin(), Turn::kWrite);
  send_from_large_block(20);
  EXPECT_EQ(source.allocations(), 0U) << "the stream is reading the first";
  ASSERT_EQ(stream().finish(Reply::nothing()), Turn::kWrite);
  EXPECT_EQ(source.blocks_out(), 1U);
  stream().run();
  EXPECT_EQ(stream().received(), expected_);
  EXPECT_EQ(source.blocks_out(), 0U);
}

TEST_F(WriteQueueBlocks, WithoutASourceTheyAreOfThePool) {
  for (const std::size_t join_at_most : {std::size_t{0}, kJoinAtMost}) {
    open_with(nullptr, join_at_most);
    send_from_large_block(10);
    send_from_large_block(20);
    static_cast<void>(stream().begin());
    for (const auto* from : sources()) {
      EXPECT_EQ(from, nullptr);
    }
  }
}

TEST_F(WriteQueueBlocks, AnEndedQueueKeepsNone) {
  CountingResource source;
  open_with(&source);
  send_from_large_block(10);
  send_from_large_block(20);
  EXPECT_EQ(source.blocks_out(), 1U);
  static_cast<void>(sources());
  EXPECT_EQ(source.blocks_out(), 0U) << "the queue is still there";
}

TEST_F(WriteQueueBlocks, ASourceThatThrowsAnythingCostsOnlyTheCopy) {
  for (const std::size_t join_at_most : {std::size_t{0}, kJoinAtMost}) {
    HostileResource source;
    open_with(&source, join_at_most);
    send_from_large_block(10);
    ASSERT_EQ(stream().begin(), Turn::kWrite);
    for (int i = 0; i < 10; ++i) {
      send_from_large_block(20);
      stream().finish(Reply::only(1));
    }
    stream().run();
    EXPECT_EQ(stream().received(), expected_);
    EXPECT_GE(source.asked, 10);
  }
}

}  // namespace
}  // namespace bytes_handoff::test
