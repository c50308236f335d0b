// What the library's blocks retain for admitted items: at most twice the counted bytes, 64 bytes an
// item, one block a buffer, and for the queue two blocks (the front one, mostly written, and one
// that the stream is reading when it turns out to be mostly empty) and 4 KiB where small runs are
// copied together.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <set>

#include "bytes_handoff/bytes_mut.hpp"
#include "bytes_handoff/core/memory/block.hpp"
#include "support/memory/counting_resource.hpp"
#include "support/pattern.hpp"
#include "support/queue/queue_fixture.hpp"
#include "support/stepping/seed.hpp"

namespace bytes_handoff::test {
namespace {

class WriteQueueRetention : public QueueTest {
 protected:
  void SetUp() override { open({.max_items = 2000, .max_pending_bytes = 64 * 1024 * 1024}); }

  static std::vector<Bytes> slices_of_block(std::size_t count, std::size_t size,
                                            std::size_t capacity,
                                            std::pmr::memory_resource* source = nullptr) {
    BytesMut block = BytesMut::with_capacity(capacity, source);
    std::vector<Bytes> slices;
    for (std::size_t i = 0; i < count && (i + 1) * size <= capacity; ++i) {
      block.extend(pattern(size, size + i));
      slices.push_back(block.split_to_frozen(size).value());
    }
    return slices;
  }

  /// Submits each slice on its own, and remembers its text.
  void admit(std::vector<Bytes> slices) {
    for (Bytes& slice : slices) {
      expected_ += slice.view();
      ASSERT_TRUE(send(std::vector<Bytes>{std::move(slice)}));
    }
  }

  /// Ends the queue and checks the bound, with blocks of at most `capacity` in use.
  void expect_bound(std::size_t capacity) {
    const std::size_t counted = queue().pending_bytes();
    const std::size_t items = queue().pending_items();
    abort();
    if (stream().is_writing()) {
      stream().finish(Reply::nothing());
    }
    const auto left = unwritten_of(queue());
    ASSERT_TRUE(left.has_value());
    std::set<detail::Owner*> owners;
    const std::string text = stream().received() + rest_of(*left);
    std::size_t retained = 0;
    for (const Bytes& bytes : left->entries) {
      auto* block = detail::Block::of(detail::BytesAccess::owner(bytes));
      if (block != nullptr && owners.insert(block).second) {
        retained += block->footprint();
      }
    }
    EXPECT_EQ(text == expected_, true) << "what was moved is not what was admitted";
    const std::size_t one_a_buffer = capacity + sizeof(detail::Block);
    constexpr std::size_t kGatherBlock = 4096 + sizeof(detail::Block);
    const std::size_t two_a_queue = 2 * std::max(capacity + sizeof(detail::Block), kGatherBlock);
    EXPECT_LE(retained, 2 * counted + 64 * items + one_a_buffer + two_a_queue + kGatherBlock)
        << items << " items, " << counted << " bytes";
  }

  std::string expected_;
};

constexpr std::size_t kCapacities[] = {64, 128, 4096, 16384, 65536};

// Of slices of which `a_block` fit into a block: where copying a run begins to pay, too.
std::vector<std::size_t> sizes_in(std::size_t capacity, std::size_t a_block) {
  const std::size_t most = capacity + sizeof(detail::Block);
  const std::size_t pays = most > 64 * a_block ? (most - 64 * a_block) / (2 * a_block) : 0;
  std::vector<std::size_t> sizes;
  for (const std::size_t size :
       {std::size_t{1}, std::size_t{31}, std::size_t{32}, std::size_t{33}, std::size_t{2015},
        std::size_t{2047}, std::size_t{2048}, std::size_t{2049}, capacity / 2 - 1, capacity / 2,
        capacity / 2 + 1, pays > 0 ? pays - 1 : 0, pays, pays + 1, capacity - 1, capacity}) {
    if (size != 0 && size <= capacity) {
      sizes.push_back(size);
    }
  }
  return sizes;
}

TEST_F(WriteQueueRetention, HoldsForQueuedSlicesOfEverySizeAroundTheThresholds) {
  for (const std::size_t capacity : kCapacities) {
    for (const std::size_t a_block : {1U, 2U, 3U}) {
      for (const std::size_t size : sizes_in(capacity, a_block)) {
        SCOPED_TRACE(testing::Message() << a_block << " of " << size << " in " << capacity);
        SetUp();
        expected_.clear();
        for (int i = 0; i < 20; ++i) {
          admit(slices_of_block(a_block, size, capacity));
        }
        expect_bound(capacity);
      }
    }
  }
}

// Each turn takes the newest item into flight before the next one ends its run.
TEST_F(WriteQueueRetention, HoldsWhileASlowStreamTakesAByteBetweenAnyTwoWrites) {
  for (const std::size_t size : {1U, 100U, 2047U, 20000U}) {
    SCOPED_TRACE(size);
    SetUp();
    expected_.clear();
    admit({Bytes::copy_of(std::string(5000, 'h'))});
    stream().begin();
    for (int i = 0; i < 200; ++i) {
      admit(slices_of_block(1, size, 65536));
      stream().finish(Reply::only(1), i % 3 == 0);
      if (stream().turn_posted()) {
        stream().begin();
      }
    }
    expect_bound(65536);
  }
}

TEST_F(WriteQueueRetention, HoldsForAGroupOfManyBlocks) {
  std::vector<Bytes> group;
  for (int i = 0; i < 300; ++i) {
    group.push_back(std::move(slices_of_block(1, 3, 65536).front()));
    expected_ += group.back().view();
  }
  ASSERT_TRUE(send(std::move(group)));
  expect_bound(65536);
}

TEST_F(WriteQueueRetention, HoldsForAGroupOfManyBlocksOfAUsersOwnSource) {
  CountingResource source;
  std::vector<Bytes> group;
  for (int i = 0; i < 300; ++i) {
    group.push_back(std::move(slices_of_block(1, 3, 65536, &source).front()));
    expected_ += group.back().view();
  }
  ASSERT_TRUE(send(std::move(group)));
  expect_bound(65536);
}

TEST_F(WriteQueueRetention, HoldsWhenManyWaitersComeInAtOnce) {
  open({.max_items = 500, .max_pending_bytes = 100000});
  // 64 buffers leave in the write that makes the room, each with an owner to let go of.
  std::deque<WriteProbe> probes;
  for (int i = 0; i < 64; ++i) {
    admit({Bytes::copy_of(pattern(1562, static_cast<std::size_t>(i)))});
  }
  for (int i = 0; i < 300; ++i) {
    std::vector<Bytes> slices = slices_of_block(1, i == 0 ? 40 : 3, 65536);
    expected_ += slices[0].view();
    ASSERT_EQ(wait(probes.emplace_back(std::move(slices))), Wait::kWaiting);
  }
  stream().begin();
  stream().finish(Reply::all());
  EXPECT_EQ(queue().pending_items(), 300U);
  expect_bound(65536);
}

TEST_F(WriteQueueRetention, AnOwnerThatLeftBehindALiteralIsNotLookedAtAgain) {
  admit(slices_of_block(1, 10, 65536));
  admit({Bytes::from_static("literal")});
  stream().begin();
  stream().finish(Reply::only(10));
  admit(slices_of_block(1, 20, 65536));
  admit(slices_of_block(1, 30, 65536));
  expect_bound(65536);
}

TEST_F(WriteQueueRetention, HoldsAndTheBytesStayRightUnderRandomSubmissionsAndProgress) {
  SCOPED_TRACE(seed_note());
  Random random;
  for (int round = 0; round < 60; ++round) {
    SetUp();
    expected_.clear();
    const std::size_t capacity = kCapacities[random.between(0, 4)];
    for (int i = 0; i < 150; ++i) {
      const std::size_t size = random.one_in(4)
                                   ? random.between(1, capacity)
                                   : random.between(1, std::min<std::size_t>(capacity, 100));
      switch (random.between(0, 5)) {
        case 0:
          admit({Bytes::from_static("literal")});
          break;
        case 1:
          admit({Bytes()});
          break;
        case 2:
        case 3:
          admit(slices_of_block(random.between(1, 4), size, capacity));
          break;
        default:
          if (stream().is_writing()) {
            stream().finish(Reply::only(random.between(0, random.one_in(3) ? 5000 : 5)),
                            random.one_in(3));
          } else if (stream().turn_posted()) {
            stream().begin();
          }
      }
    }
    expect_bound(capacity);
    ASSERT_FALSE(HasFailure());
  }
}

TEST_F(WriteQueueRetention, BlocksGoAsSoonAsTheirBytesAreWritten) {
  CountingResource source;
  for (int i = 0; i < 50; ++i) {
    admit(slices_of_block(1, 40000, 65536, &source));
  }
  EXPECT_EQ(source.blocks_out(), 50U);
  stream().begin();
  for (std::size_t i = 0; i < 50; ++i) {
    stream().finish(Reply::only(40000));
    EXPECT_EQ(source.blocks_out(), 49 - i);
  }
}

}  // namespace
}  // namespace bytes_handoff::test
