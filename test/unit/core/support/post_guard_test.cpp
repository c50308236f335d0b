#include "bytes_handoff/core/support/post_guard.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace bytes_handoff::detail {
namespace {

TEST(PostGuard, LetsNobodyInOnceItIsShut) {
  PostGuard guard;
  {
    const PostLease before(guard);
    EXPECT_TRUE(before);
  }
  guard.shut();
  const PostLease behind(guard);
  EXPECT_FALSE(behind);
  EXPECT_FALSE(guard.try_enter());
  guard.wait_until_left();  // returns: whoever was refused is not inside
}

TEST(PostGuard, WaitsForWhoeverIsInside) {
  PostGuard guard;
  ASSERT_TRUE(guard.try_enter());
  guard.shut();
  guard.enter();  // as one for whom the shutdown waits anyway
  std::atomic<bool> is_waiting{false};
  std::atomic<bool> has_left{false};
  std::thread shutdown([&] {
    is_waiting = true;
    guard.wait_until_left();
    EXPECT_TRUE(has_left);
  });
  while (!is_waiting) {
    std::this_thread::yield();
  }
  for (int i = 0; i != 1000; ++i) {
    std::this_thread::yield();
  }
  guard.leave();
  has_left = true;
  { const HeldPostGuard last(&guard); }
  shutdown.join();
}

}  // namespace
}  // namespace bytes_handoff::detail
