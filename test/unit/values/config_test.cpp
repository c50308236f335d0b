#include "bytes_handoff/config.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>

#include "bytes_handoff/core/memory/block.hpp"

namespace bytes_handoff {
namespace {

template <class Config>
std::string refused_field(const Config& config) {
  const auto valid = config.validate();
  return valid ? "" : valid.error().field;
}

TEST(HandoffBufferConfig, DefaultsAreTheDocumentedOnes) {
  const HandoffBufferConfig config;
  EXPECT_EQ(config.max_len, 1024U * 1024U);
  EXPECT_EQ(config.read_reserve, 16U * 1024U);
  EXPECT_EQ(config.block_size, 64U * 1024U);
  EXPECT_EQ(config.prefix_policy.copy_at_most, 0U);
  EXPECT_EQ(config.block_source, nullptr);
  EXPECT_TRUE(config.validate());
}

TEST(HandoffBufferConfig, AZeroIsRefusedByName) {
  EXPECT_EQ(refused_field(HandoffBufferConfig{.max_len = 0}), "max_len");
  EXPECT_EQ(refused_field(HandoffBufferConfig{.read_reserve = 0}), "read_reserve");
  EXPECT_EQ(refused_field(HandoffBufferConfig{.block_size = 0}), "block_size");
}

TEST(HandoffBufferConfig, TheFirstBrokenRuleIsNamed) {
  EXPECT_EQ(refused_field(HandoffBufferConfig{.max_len = 0, .read_reserve = 0, .block_size = 0}),
            "max_len");
  EXPECT_EQ(refused_field(HandoffBufferConfig{.read_reserve = 0, .block_size = 0}), "read_reserve");
}

TEST(HandoffBufferConfig, OneByteOfEachWorks) {
  EXPECT_TRUE((HandoffBufferConfig{.max_len = 1, .read_reserve = 1, .block_size = 1}.validate()));
}

TEST(HandoffBufferConfig, SizesThatNoBlockCanHaveAreRefused) {
  constexpr std::size_t kMost = detail::kLargestBlock;
  EXPECT_EQ(refused_field(HandoffBufferConfig{.max_len = kMost}), "");
  EXPECT_EQ(refused_field(HandoffBufferConfig{.block_size = kMost}), "");
  for (const std::size_t size : {kMost + 1, SIZE_MAX / 2, SIZE_MAX}) {
    EXPECT_EQ(refused_field(HandoffBufferConfig{.max_len = size}), "max_len");
    EXPECT_EQ(refused_field(HandoffBufferConfig{.block_size = size}), "block_size");
  }
}

TEST(HandoffBufferConfig, AReserveBeyondTheLimitIsCutByTheLimitAndAllowed) {
  EXPECT_TRUE((HandoffBufferConfig{.max_len = 10, .read_reserve = SIZE_MAX}.validate()));
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
  EXPECT_TRUE(config.validate());
}

TEST(WriteHandoffConfig, WhatCanNeverWorkIsRefusedByName) {
  EXPECT_EQ(refused_field(WriteHandoffConfig{.max_items = 0}), "max_items");
  EXPECT_EQ(refused_field(WriteHandoffConfig{.max_pending_bytes = 0}), "max_pending_bytes");
  EXPECT_EQ(refused_field(HandoffBufferConfig{.gather_for = std::chrono::nanoseconds(-1)}),
            "gather_for");
  EXPECT_EQ(refused_field(WriteHandoffConfig{.stall_timeout = std::chrono::nanoseconds(-1)}),
            "stall_timeout");
}

TEST(WriteHandoffConfig, TheSmallestAndTheLargestLimitsAreAllowed) {
  EXPECT_TRUE((WriteHandoffConfig{.max_items = 1, .max_pending_bytes = 1}.validate()));
  EXPECT_TRUE(
      (WriteHandoffConfig{.max_items = SIZE_MAX, .max_pending_bytes = SIZE_MAX}.validate()));
  EXPECT_TRUE((WriteHandoffConfig{.max_waiters = 0}.validate()));
  EXPECT_TRUE((WriteHandoffConfig{.max_waiters = 0, .max_waiting_bytes = 0}.validate()));
  EXPECT_TRUE(
      (WriteHandoffConfig{.max_waiters = SIZE_MAX, .max_waiting_bytes = SIZE_MAX}.validate()));
}

}  // namespace
}  // namespace bytes_handoff
