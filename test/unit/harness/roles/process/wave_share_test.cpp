#include "roles/process/wave_share.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace stream_harness {
namespace {

std::vector<std::uint64_t> rest_of(WaveShare& share) {
  std::vector<std::uint64_t> numbers;
  while (const auto number = share.next()) numbers.push_back(*number);
  return numbers;
}

TEST(WaveShare, DealsOutEachNumberOfItsShareOnceAWave) {
  WaveShare share({1, 3});
  EXPECT_FALSE(share.next()) << "no wave has begun";
  share.begin_wave({10, 8});
  EXPECT_EQ(share.size(), 3u);
  EXPECT_EQ(rest_of(share), (std::vector<std::uint64_t>{11, 14, 17}));
  share.begin_wave({18, 7});
  EXPECT_EQ(share.size(), 2u);
  EXPECT_EQ(rest_of(share), (std::vector<std::uint64_t>{19, 22}));
}

TEST(WaveShare, SetsUpALimitedNumberAtATime) {
  WaveShare share({0, 1});
  share.begin_wave({0, 1000});
  std::uint64_t begun = 0;
  while (share.next_to_set_up()) ++begun;
  EXPECT_EQ(begun, 64u);
  share.end_setting_up();
  EXPECT_EQ(share.next_to_set_up(), 64u);
  EXPECT_FALSE(share.next_to_set_up());
  EXPECT_EQ(rest_of(share).size(), 1000u - 65u) << "what is not set up is not limited";
}

}  // namespace
}  // namespace stream_harness
