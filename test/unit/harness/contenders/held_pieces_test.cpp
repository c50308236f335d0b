#include "contenders/held_pieces.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <span>
#include <string>

namespace stream_harness {
namespace {

using bytes_handoff::Bytes;

TEST(HeldPieces, AreTakenInOrderAndCutWhereAsked) {
  HeldPieces held;
  EXPECT_TRUE(held.is_empty());
  for (int round = 0; round < 2; ++round) {
    held.add(Bytes::copy_of("abc"));
    held.add(Bytes::copy_of("defgh"));
    EXPECT_EQ(held.bytes(), 8u);
    EXPECT_EQ(held.take(2).view(), "ab");
    EXPECT_EQ(held.take(7).view(), "c") << "of one piece at a time";
    EXPECT_EQ(held.take(5).view(), "defgh");
    EXPECT_TRUE(held.is_empty());
  }
}

// A block is free when what was taken of it is.
TEST(HeldPieces, KeepNothingOfWhatWasTaken) {
  HeldPieces held;
  const auto owner = std::make_shared<std::string>("abc");
  held.add(Bytes::from_owner(std::shared_ptr(owner), std::as_bytes(std::span(*owner))));
  held.add(Bytes::copy_of("d"));
  static_cast<void>(held.take(3));
  EXPECT_EQ(owner.use_count(), 1);
}

}  // namespace
}  // namespace stream_harness
