// What frames allocate beside the blocks that they are read into.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/handoff_buffer.hpp"
#include "support/memory/allocation_counter.hpp"
#include "support/memory/counting_resource.hpp"
#include "support/streams/buffer_feed.hpp"

namespace bytes_handoff::test {
namespace {

constexpr std::size_t kFrames = 1000;

/// Reads as many frames as go into one block, and takes them, some times over.
template <Framer F>
void expect_no_allocation(F framer, const std::string& frame) {
  std::string block;
  for (std::size_t i = 0; i < kFrames; ++i) {
    block += frame;
  }
  CountingResource source;
  HandoffBuffer buffer({.max_size = block.size(),
                        .read_reserve = block.size(),
                        .block_size = block.size(),
                        .block_source = &source});
  std::vector<Bytes> kept;
  kept.reserve(kFrames);
  for (int round = 0; round < 10; ++round) {
    feed(buffer, block);
    const std::size_t blocks = source.allocations();
    const AllocationScope scope;
    for (Bytes& each : buffer.frames(framer)) {
      kept.push_back(std::move(each));
    }
    EXPECT_EQ(scope.allocations(), 0U);
    EXPECT_EQ(source.allocations(), blocks);
    EXPECT_EQ(kept.size(), kFrames);
    kept.clear();
  }
  EXPECT_EQ(source.allocations(), 1U) << "the block is used anew";
}

TEST(FramesSteadyState, LinesAllocateNothing) {
  expect_no_allocation(DelimiterFramer("\r\n"), std::string(50, 'x') + "\r\n");
}

TEST(FramesSteadyState, MessagesAllocateNothing) {
  expect_no_allocation(LengthFramer({.length_bytes = 2}),
                       std::string("\0\x20", 2) + std::string(32, 'x'));
}

TEST(FramesSteadyState, AScanOfALineThatDripsInAllocatesNothing) {
  HandoffBuffer buffer({.max_size = 4096, .read_reserve = 4096, .block_size = 4096});
  DelimiterFramer framer("\r\n");
  feed(buffer, "x");
  const AllocationScope scope;
  for (int i = 0; i < 1000; ++i) {
    feed(buffer, "x");
    auto lines = buffer.frames(framer);
    EXPECT_EQ(lines.begin(), lines.end());
    EXPECT_FALSE(lines.error());
  }
  EXPECT_EQ(scope.allocations(), 0U);
}

}  // namespace
}  // namespace bytes_handoff::test
