#include "support/hostile_executor.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "support/run_for.hpp"

namespace bytes_handoff::test {
namespace {

TEST(HostileExecutor, elsewhere_runs_what_is_posted_before_the_post_returns) {
  HostileContext context(Hostility::elsewhere);
  std::thread::id ran_on;
  net::post(context.get_executor(), [&] { ran_on = std::this_thread::get_id(); });
  ASSERT_TRUE(context.settle(kPatience));
  EXPECT_NE(ran_on, std::thread::id());
  EXPECT_NE(ran_on, std::this_thread::get_id());
}

TEST(HostileExecutor, late_runs_what_is_posted_when_it_is_told_to) {
  HostileContext context(Hostility::late);
  std::string ran;
  net::post(context.get_executor(), [&] {
    ran += 'a';
    net::dispatch(context.get_executor(), [&] { ran += 'b'; });
    net::post(context.get_executor(), [&] { ran += 'd'; });
    ran += 'c';
  });
  EXPECT_EQ(ran, "");
  EXPECT_TRUE(context.run_one());
  EXPECT_EQ(ran, "abc");
  EXPECT_TRUE(context.run_one());
  EXPECT_FALSE(context.run_one());
  EXPECT_EQ(ran, "abcd");
}

TEST(HostileExecutor, shuffled_runs_what_is_posted_in_an_order_of_its_seed) {
  const auto run = [](std::uint64_t from) {
    HostileContext context(Hostility::shuffled, from);
    std::string ran;
    for (const char letter : std::string("abcdefgh")) {
      net::post(context.get_executor(), [&ran, letter] { ran += letter; });
    }
    EXPECT_TRUE(context.settle(kPatience));
    return ran;
  };
  EXPECT_EQ(run(1), run(1));
  EXPECT_NE(run(1), run(2));
}

TEST(HostileExecutor, is_taken_wherever_asio_takes_an_executor) {
  for (const Hostility how : {Hostility::elsewhere, Hostility::late, Hostility::shuffled}) {
    HostileContext context(how);
    std::atomic<int> ran{0};
    const auto count = [&] { ++ran; };
    const net::any_io_executor any = context.get_executor();
    auto strand = net::make_strand(context.get_executor());
    auto strand_of_any = net::make_strand(any);
    net::post(any, count);
    net::post(strand, count);
    net::defer(strand_of_any, count);
    net::post(net::bind_executor(context.get_executor(), count));
    const auto coroutine = [&]() -> net::awaitable<void> {
      co_await net::post(net::use_awaitable);
      ++ran;
    };
    net::co_spawn(context.get_executor(), coroutine, net::detached);
    net::co_spawn(strand_of_any, coroutine, net::detached);
    ASSERT_TRUE(context.settle(kPatience));
    EXPECT_EQ(ran, 6);
  }
}

TEST(HostileExecutor, is_not_settled_while_work_is_announced) {
  HostileContext context(Hostility::late);
  {
    const auto work = net::make_work_guard(context.get_executor());
    EXPECT_FALSE(context.settle(std::chrono::seconds(0)));
  }
  EXPECT_TRUE(context.settle(std::chrono::seconds(0)));
}

TEST(HostileExecutor, destroys_what_has_not_run_with_its_context) {
  const auto life = std::make_shared<int>();
  {
    HostileContext context(Hostility::late);
    net::post(context.get_executor(), [life] {});
    EXPECT_EQ(life.use_count(), 2);
  }
  EXPECT_EQ(life.use_count(), 1);
}

}  // namespace
}  // namespace bytes_handoff::test
