// Acceptors whose executor several threads run, with and without a strand.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bytes_handoff/service/accept_each.hpp"
#include "support/asio.hpp"
#include "support/run_for.hpp"

namespace bytes_handoff::test {
namespace {

using namespace std::chrono_literals;

class AcceptThreads : public testing::TestWithParam<bool> {
 protected:
  [[nodiscard]] net::any_io_executor executor() {
    return GetParam() ? net::any_io_executor(net::make_strand(pool))
                      : net::any_io_executor(pool.get_executor());
  }
  [[nodiscard]] auto handler() {
    return [this](const net_error_code& error) { ended.set_value(error); };
  }
  // Waits until a condition that the pool's threads bring about.
  template <class Condition>
  static void wait_for(Condition condition) {
    const auto give_up = std::chrono::steady_clock::now() + kPatience;
    while (!condition()) {
      ASSERT_LT(std::chrono::steady_clock::now(), give_up);
      std::this_thread::yield();
    }
  }
  void expect_aborted() {
    auto future = ended.get_future();
    ASSERT_EQ(future.wait_for(kPatience), std::future_status::ready);
    EXPECT_EQ(future.get(), net::error::operation_aborted);
  }

  net::thread_pool pool{3};
  net::ip::tcp::acceptor acceptor{executor(), {net::ip::address_v4::loopback(), 0}};
  std::promise<net_error_code> ended;
};
INSTANTIATE_TEST_SUITE_P(Strand, AcceptThreads, testing::Bool());

TEST_P(AcceptThreads, calls_its_function_once_at_a_time) {
  constexpr int kClients = 200;
  int accepted = 0;  // not atomic: the calls are in order
  std::atomic<int> inside{0};
  std::atomic<int> seen{0};
  net::cancellation_signal cancel;
  async_accept_each(
      acceptor,
      [&](const net::ip::tcp::socket&) {
        EXPECT_EQ(inside.fetch_add(1), 0);
        seen.store(++accepted);
        inside.fetch_sub(1);
      },
      net::bind_cancellation_slot(cancel.slot(), handler()));
  net::io_context context(1);
  for (int i = 0; i < kClients; ++i) {
    net::ip::tcp::socket client(context);
    client.connect(acceptor.local_endpoint());
  }
  wait_for([&] { return seen.load() == kClients; });
  cancel.emit(net::cancellation_type::terminal);
  expect_aborted();
  EXPECT_EQ(accepted, kClients);
}

TEST_P(AcceptThreads, a_pause_is_ended_from_any_thread_while_it_is_cancelled) {
  for (int times = 0; times < 100; ++times) {
    ended = {};
    const auto pause = std::make_shared<AcceptPause>();
    std::atomic<int> prepared{0};
    net::cancellation_signal cancel;
    async_accept_each(
        acceptor, [](const net::ip::tcp::socket&) {},
        {.retry_after = times % 2 == 0 ? 1h : 1ms,
         .prepare =
             [&] {
               ++prepared;
               return net_error_code(net::error::no_descriptors);
             },
         .pause = pause},
        net::bind_cancellation_slot(cancel.slot(), handler()));
    std::atomic<bool> is_over{false};
    std::thread other([&] {
      while (!is_over.load()) {
        pause->end();
      }
    });
    wait_for([&] { return prepared.load() >= 5; });
    cancel.emit(net::cancellation_type::terminal);
    expect_aborted();
    is_over.store(true);
    other.join();
    EXPECT_FALSE(pause->is_on());
  }
}

TEST_P(AcceptThreads, a_cancellation_may_meet_connections) {
  net::io_context context(1);
  for (int times = 0; times < 50; ++times) {
    ended = {};
    std::atomic<int> accepted{0};
    net::cancellation_signal cancel;
    async_accept_each(
        acceptor, [&](const net::ip::tcp::socket&) { ++accepted; },
        net::bind_cancellation_slot(cancel.slot(), handler()));
    std::vector<net::ip::tcp::socket> clients;
    for (int i = 0; i < times % 4; ++i) {
      clients.emplace_back(context).connect(acceptor.local_endpoint());
    }
    cancel.emit(net::cancellation_type::terminal);
    expect_aborted();
    EXPECT_LE(accepted.load(), 200);
  }
}

TEST_P(AcceptThreads, slots_go_on_another_thread_and_no_connection_waits_for_the_time) {
  constexpr int kClients = 200;
  constexpr int kMostOpen = 3;
  std::mutex mutex;
  std::vector<AcceptSlot> slots;
  std::atomic<int> open{0};
  std::atomic<int> seen{0};
  net::cancellation_signal cancel;
  async_accept_each(
      acceptor,
      [&](const net::ip::tcp::socket&, AcceptSlot slot) {
        EXPECT_LE(++open, kMostOpen);
        const std::lock_guard lock(mutex);
        slots.push_back(std::move(slot));
        ++seen;
      },
      {.max_open = kMostOpen, .retry_after = 1h},
      net::bind_cancellation_slot(cancel.slot(), handler()));
  std::atomic<bool> is_over{false};
  std::thread other([&] {
    while (!is_over.load()) {
      std::vector<AcceptSlot> gone;
      {
        const std::lock_guard lock(mutex);
        gone.swap(slots);
        open -= static_cast<int>(gone.size());
      }
    }
  });
  net::io_context context(1);
  for (int i = 0; i < kClients; ++i) {
    net::ip::tcp::socket(context).connect(acceptor.local_endpoint());
  }
  wait_for([&] { return seen.load() == kClients; });
  is_over.store(true);
  other.join();
  cancel.emit(net::cancellation_type::terminal);
  expect_aborted();
}

}  // namespace
}  // namespace bytes_handoff::test
