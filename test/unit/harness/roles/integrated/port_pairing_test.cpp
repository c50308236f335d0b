#include "roles/integrated/port_pairing.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace stream_harness {
namespace {

using Pairing = PortPairing<std::string, std::unique_ptr<int>>;

TEST(PortPairing, EitherSideMayComeFirst) {
  Pairing pairing;
  EXPECT_FALSE(pairing.expect(1, "one"));
  EXPECT_FALSE(pairing.accepted(2, std::make_unique<int>(22)));
  EXPECT_EQ(pairing.unpaired(), 2u);

  const auto second = pairing.expect(2, "two");
  ASSERT_TRUE(second);
  EXPECT_EQ(second->owner, "two");
  EXPECT_EQ(*second->socket, 22);

  const auto first = pairing.accepted(1, std::make_unique<int>(11));
  ASSERT_TRUE(first);
  EXPECT_EQ(first->owner, "one");
  EXPECT_EQ(*first->socket, 11);
  EXPECT_EQ(pairing.unpaired(), 0u);
}

TEST(PortPairing, APortCanBeUsedAgain) {
  Pairing pairing;
  for (int round = 0; round < 3; ++round) {
    EXPECT_FALSE(pairing.expect(7, "seven"));
    EXPECT_TRUE(pairing.accepted(7, std::make_unique<int>(round)));
  }
}

TEST(PortPairing, StrangersAreDroppedWhenCleared) {
  PortPairing<std::string, std::shared_ptr<int>> pairing;
  const auto socket = std::make_shared<int>(1);
  EXPECT_FALSE(pairing.accepted(9, socket));
  EXPECT_EQ(socket.use_count(), 2);
  pairing.clear();
  EXPECT_EQ(socket.use_count(), 1);
  EXPECT_FALSE(pairing.expect(9, "nine"));
}

}  // namespace
}  // namespace stream_harness
