#include "roles/service/connection_clock.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace stream_harness {
namespace {

using namespace std::chrono_literals;
const auto kStart = std::chrono::steady_clock::time_point(100s);

TEST(ConnectionClock, GoesFromTheFirstThatComesToTheLastThatGoes) {
  ConnectionClock span;
  EXPECT_FALSE(span.idle_since()) << "none has come yet";
  EXPECT_EQ(span.opened(kStart), 0u);
  EXPECT_EQ(span.opened(kStart + 1s), 1u);
  span.closed(kStart + 2s);
  EXPECT_FALSE(span.idle_since());
  span.closed(kStart + 3s);
  EXPECT_EQ(span.idle_since(), kStart + 3s);
  EXPECT_EQ(span.elapsed(), 3s);

  EXPECT_EQ(span.opened(kStart + 10s), 2u);
  EXPECT_FALSE(span.idle_since());
  span.closed(kStart + 11s);
  EXPECT_EQ(span.idle_since(), kStart + 11s);
  EXPECT_EQ(span.elapsed(), 11s);
  EXPECT_EQ(span.total(), 3u);
  EXPECT_EQ(span.open(), 0u);
  EXPECT_TRUE(span.usage().measured);
}

TEST(ConnectionClock, CanBeCutWhileSomeAreOpen) {
  ConnectionClock span;
  span.opened(kStart);
  span.stop_at(kStart + 4s);
  EXPECT_EQ(span.elapsed(), 4s);
  EXPECT_EQ(span.open(), 1u);
}

TEST(ConnectionClock, WithoutConnectionsNothingWasUsed) {
  const ConnectionClock span;
  EXPECT_EQ(span.elapsed(), 0s);
  EXPECT_TRUE(span.usage().measured);
  EXPECT_EQ(span.usage().cpu_user, 0us);
  EXPECT_EQ(span.usage().cpu_system, 0us);
}

}  // namespace
}  // namespace stream_harness
