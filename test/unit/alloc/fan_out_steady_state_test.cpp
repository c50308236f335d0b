// What a publication allocates in the steady state.

#include <cstddef>
#include <functional>
#include <semaphore>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bytes_handoff/fan_out.hpp"
#include "support/asio.hpp"
#include "support/memory/malloc_counter.hpp"
#include "support/memory/pooling.hpp"
#include "support/queue/writer_fixture.hpp"

namespace bytes_handoff::test {
namespace {

/// Takes everything at once, or, where it is stuck, nothing.
template <class Executor>
class Drain {
 public:
  using executor_type = Executor;
  explicit Drain(Executor executor, bool is_stuck = false)
      : executor_(std::move(executor)), is_stuck_(is_stuck) {}
  [[nodiscard]] executor_type get_executor() const noexcept { return executor_; }
  [[nodiscard]] bool non_blocking() const { return true; }
  void non_blocking(bool, net_error_code& error) { error = {}; }
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers, net_error_code& error) {
    error = is_stuck_ ? net::error::would_block : net_error_code();
    return is_stuck_ ? 0 : net::buffer_size(buffers);
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers&, Token&& token) {
    return net::async_initiate<Token, void(net_error_code, std::size_t)>(
        [](auto handler) { [[maybe_unused]] const auto gone = std::move(handler); }, token);
  }
  friend void end_write(Drain&, net_error_code& error) { error = {}; }

 private:
  Executor executor_;
  bool is_stuck_;
};

class FanOutSteadyState : public testing::Test {
 protected:
  using Executor = net::io_context::executor_type;
  static constexpr int kSubscribers = 1000;

  void SetUp() override {
    if (!kPooled) {
      GTEST_SKIP() << "the pool keeps nothing in this build";
    }
  }

  template <class Of>
  void subscribe(const Of& executor, bool is_stuck = false) {
    queues.emplace_back(Drain<Of>(executor, is_stuck), limits(16, 1U << 16U));
    subscriptions.push_back(log.subscribe(queues.back()));
  }

  void publish_and_run() {
    Bytes one = bytes;
    ASSERT_TRUE(log.publish(one, 1));
    std::array group{bytes, bytes};
    ASSERT_TRUE(log.publish(group));
    run();
  }
  void run() {
    context.restart();
    context.poll();
  }

  /// Malloc and its kin, once all the memory that is needed is there.
  std::size_t mallocs_of(const std::function<void()>& round) {
    for (int i = 0; i < 100; ++i) {
      round();
    }
    const std::size_t before = malloc_calls();
    for (int i = 0; i < 100; ++i) {
      round();
    }
    return malloc_calls() - before;
  }

  net::io_context context{1};
  FanOut log{{.max_bytes = 1U << 16U, .max_entries = 64}};
  std::vector<WriteHandoff> queues;
  std::vector<Subscription> subscriptions;
  const Bytes bytes = Bytes::copy_of(std::string(100, 'x'));
};

TEST_F(FanOutSteadyState, a_publication_to_1000_subscribers_allocates_nothing) {
  for (int i = 0; i < kSubscribers; ++i) {
    subscribe(context.get_executor());
  }
  EXPECT_EQ(mallocs_of([&] { publish_and_run(); }), 0U);
  EXPECT_EQ(queues.back().statistics().admitted_items, 600U);
}

TEST_F(FanOutSteadyState, a_publication_to_subscribers_on_strands_allocates_nothing) {
  for (int i = 0; i < 50; ++i) {
    subscribe(net::make_strand(context.get_executor()));
  }
  EXPECT_EQ(mallocs_of([&] { publish_and_run(); }), 0U);
}

TEST_F(FanOutSteadyState, a_publication_past_stuck_subscribers_allocates_nothing) {
  for (int i = 0; i < 20; ++i) {
    subscribe(context.get_executor(), i % 2 == 0);
  }
  EXPECT_EQ(mallocs_of([&] { publish_and_run(); }), 0U);
  EXPECT_EQ(queues.front().pending_items(), 16U);
}

TEST_F(FanOutSteadyState, a_publication_from_another_thread_allocates_nothing) {
  for (int i = 0; i < 50; ++i) {
    subscribe(context.get_executor());
  }
  std::binary_semaphore publish(0);
  std::binary_semaphore published(0);
  std::atomic<bool> is_over{false};
  std::atomic<std::size_t> mallocs_there{0};
  std::thread publisher([&] {
    for (publish.acquire(); !is_over; publish.acquire()) {
      const std::size_t before = malloc_calls();
      Bytes one = bytes;
      EXPECT_TRUE(log.publish(one));
      mallocs_there += malloc_calls() - before;
      published.release();
    }
  });
  const auto round = [&] {
    publish.release();
    published.acquire();
    run();
  };
  for (int i = 0; i < 200; ++i) {
    round();
  }
  mallocs_there = 0;
  EXPECT_EQ(mallocs_of(round), 0U);
  EXPECT_EQ(mallocs_there, 0U);
  is_over = true;
  publish.release();
  publisher.join();
}

}  // namespace
}  // namespace bytes_handoff::test
