#include "bytes_handoff/config.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "bytes_handoff/core/memory/block.hpp"
#include "bytes_handoff/lag_policy.hpp"

namespace bytes_handoff {
namespace {

/// What an exception says about `config`; empty where there is none.
template <class Config>
std::string refusal(const Config& config) {
  try {
    detail::throw_if_invalid(config);
  } catch (const std::invalid_argument& refused) {
    return refused.what();
  }
  return "";
}

/// The member that is refused.
template <class Config>
std::string refused_member(const Config& config) {
  const std::string text = refusal(config);
  const std::size_t start = text.find("::");
  return text.empty() ? "" : text.substr(start + 2, text.find(' ') - start - 2);
}

template <class Config>
bool can_work(const Config& config) {
  return refusal(config).empty();
}

TEST(HandoffBufferConfig, DefaultsAreTheDocumentedOnes) {
  const HandoffBufferConfig config;
  EXPECT_EQ(config.max_size, 1024U * 1024U);
  EXPECT_EQ(config.read_reserve, 16U * 1024U);
  EXPECT_EQ(config.block_size, 64U * 1024U);
  EXPECT_EQ(config.prefix_policy.copy_at_most, 0U);
  EXPECT_EQ(config.block_source, nullptr);
  EXPECT_TRUE(can_work(config));
}

TEST(HandoffBufferConfig, RefusalNamesTheMemberItsValueAndTheRule) {
  EXPECT_EQ(refusal(HandoffBufferConfig{.max_size = 0}),
            "HandoffBufferConfig::max_size is 0: it must be at least 1");
  EXPECT_EQ(refusal(HandoffBufferConfig{.gather_for = std::chrono::nanoseconds(-5)}),
            "HandoffBufferConfig::gather_for is -5 ns: it must not be negative");
  EXPECT_EQ(refusal(WriteHandoffConfig{.max_items = 0}),
            "WriteHandoffConfig::max_items is 0: it must be at least 1");
}

TEST(HandoffBufferConfig, AZeroIsRefusedByName) {
  EXPECT_EQ(refused_member(HandoffBufferConfig{.max_size = 0}), "max_size");
  EXPECT_EQ(refused_member(HandoffBufferConfig{.read_reserve = 0}), "read_reserve");
  EXPECT_EQ(refused_member(HandoffBufferConfig{.block_size = 0}), "block_size");
}

TEST(HandoffBufferConfig, TheFirstBrokenRuleIsNamed) {
  EXPECT_EQ(refused_member(HandoffBufferConfig{.max_size = 0, .read_reserve = 0, .block_size = 0}),
            "max_size");
  EXPECT_EQ(refused_member(HandoffBufferConfig{.read_reserve = 0, .block_size = 0}),
            "read_reserve");
}

TEST(HandoffBufferConfig, OneByteOfEachWorks) {
  EXPECT_TRUE(can_work(HandoffBufferConfig{.max_size = 1, .read_reserve = 1, .block_size = 1}));
}

TEST(HandoffBufferConfig, SizesThatNoBlockCanHaveAreRefused) {
  constexpr std::size_t kMost = detail::kLargestBlock;
  EXPECT_EQ(refused_member(HandoffBufferConfig{.max_size = kMost}), "");
  EXPECT_EQ(refused_member(HandoffBufferConfig{.block_size = kMost}), "");
  for (const std::size_t size : {kMost + 1, SIZE_MAX / 2, SIZE_MAX}) {
    EXPECT_EQ(refused_member(HandoffBufferConfig{.max_size = size}), "max_size");
    EXPECT_EQ(refused_member(HandoffBufferConfig{.block_size = size}), "block_size");
  }
}

TEST(HandoffBufferConfig, AReserveBeyondTheLimitIsCutByTheLimitAndAllowed) {
  EXPECT_TRUE(can_work(HandoffBufferConfig{.max_size = 10, .read_reserve = SIZE_MAX}));
}

TEST(PrefixPolicy, SharingAlwaysIsTheDefaultAndCopyingSmallHasTheDocumentedThresholds) {
  EXPECT_EQ(PrefixPolicy::share().copy_at_most, 0U);
  EXPECT_EQ(PrefixPolicy::copying_small().copy_at_most, 256U);
}

TEST(WriteHandoffConfig, DefaultsAreValid) {
  const WriteHandoffConfig config;
  EXPECT_EQ(config.max_items, 256U);
  EXPECT_EQ(config.max_pending_bytes, 1024U * 1024U);
  EXPECT_EQ(config.block_source, nullptr);
  EXPECT_EQ(config.max_waiters, 1024U);
  EXPECT_EQ(config.max_waiting_bytes, 1024U * 1024U);
  EXPECT_EQ(config.stall_timeout, std::chrono::nanoseconds::zero());
  EXPECT_TRUE(can_work(config));
}

TEST(WriteHandoffConfig, WhatCanNeverWorkIsRefusedByName) {
  EXPECT_EQ(refused_member(WriteHandoffConfig{.max_items = 0}), "max_items");
  EXPECT_EQ(refused_member(WriteHandoffConfig{.max_pending_bytes = 0}), "max_pending_bytes");
  EXPECT_EQ(refused_member(HandoffBufferConfig{.gather_for = std::chrono::nanoseconds(-1)}),
            "gather_for");
  EXPECT_EQ(refused_member(WriteHandoffConfig{.stall_timeout = std::chrono::nanoseconds(-1)}),
            "stall_timeout");
  EXPECT_EQ(refused_member(WriteHandoffConfig{.close_timeout = std::chrono::nanoseconds(-1)}),
            "close_timeout");
  EXPECT_EQ(refused_member(WriteHandoffConfig{.close_limit = std::chrono::nanoseconds(-1)}),
            "close_limit");
}

TEST(WriteHandoffConfig, ARefusalNamesTheQueueThatHasAName) {
  EXPECT_EQ(refusal(WriteHandoffConfig{.max_items = 0, .name = "upstream 7"}),
            "WriteHandoffConfig::max_items is 0: it must be at least 1 (queue \"upstream 7\")");
}

TEST(WriteHandoffConfig, TheSmallestAndTheLargestLimitsAreAllowed) {
  EXPECT_TRUE(can_work(WriteHandoffConfig{.max_items = 1, .max_pending_bytes = 1}));
  EXPECT_TRUE(can_work(WriteHandoffConfig{.max_items = SIZE_MAX, .max_pending_bytes = SIZE_MAX}));
  EXPECT_TRUE(can_work(WriteHandoffConfig{.max_waiters = 0}));
  EXPECT_TRUE(can_work(WriteHandoffConfig{.max_waiters = 0, .max_waiting_bytes = 0}));
  EXPECT_TRUE(can_work(WriteHandoffConfig{.max_waiters = SIZE_MAX, .max_waiting_bytes = SIZE_MAX}));
}

TEST(FanOutConfig, WhatCanNeverWorkIsRefusedByName) {
  EXPECT_EQ(refused_member(FanOutConfig{.max_bytes = 0}), "max_bytes");
  EXPECT_EQ(refused_member(FanOutConfig{.max_entries = 0}), "max_entries");
  EXPECT_TRUE(can_work(FanOutConfig{.max_bytes = 1, .max_entries = 1}));
}

TEST(LagPolicy, WhatCanNeverWorkIsRefusedByName) {
  EXPECT_EQ(refused_member(LagPolicy{.soft_for = std::chrono::nanoseconds(-1)}), "soft_for");
  EXPECT_TRUE(can_work(LagPolicy{}));
}

}  // namespace
}  // namespace bytes_handoff
