// Connections of several threads in one budget that is too small for all.

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bytes_handoff/asio/reading/memory_wait.hpp"
#include "bytes_handoff/core/memory/block.hpp"
#include "bytes_handoff/handoff_buffer.hpp"
#include "bytes_handoff/memory.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "support/streams/socket_pairs.hpp"

namespace bytes_handoff::test {
namespace {

using EchoEnd = UnixPair::Stream;

constexpr std::size_t kSmallBlock = 2048;

/// Bytes go round: what comes in from a peer is written back to it. Reads wait for memory, and one
/// in some is cancelled meanwhile.
class Echo : public std::enable_shared_from_this<Echo> {
 public:
  Echo(net::io_context& context, const MemoryBudget& budget, std::size_t bytes,
       std::atomic<std::size_t>& done)
      : ends_(UnixPair::make(context)),
        stream_(std::make_shared<EchoEnd>(std::move(ends_.first))),
        in_({.read_reserve = kSmallBlock, .block_size = kSmallBlock, .memory_budget = budget}),
        out_(stream_, {.max_pending_bytes = 16 * 1024, .memory_budget = budget}),
        left_(bytes),
        done_(&done),
        text_(1024, 'x') {}

  void start() {
    read();
    send();
    receive();
  }

 private:
  void read() {
    in_.async_read_available(
        *stream_,
        net::bind_cancellation_slot(
            signal_.slot(), [self = shared_from_this()](const net_error_code& error, std::size_t) {
              self->on_read(error);
            }));
    if (++reads_ % 7 == 0) {
      signal_.emit(net::cancellation_type::total);
    }
  }
  void on_read(const net_error_code& error) {
    if (error && error != net::error::operation_aborted) {
      return;
    }
    if (in_.empty()) {
      return error ? read() : out_.close();
    }
    bytes_ = in_.freeze_all();
    out_.async_write(bytes_,
                     [self = shared_from_this()](const net_error_code& code, const WriteTicket&) {
                       if (!code) {
                         self->read();
                       }
                     });
  }
  void send() {
    const std::size_t n = std::min(left_, text_.size());
    if (n == 0) {
      ends_.second.shutdown(net::socket_base::shutdown_send);
      return;
    }
    left_ -= n;
    net::async_write(ends_.second, net::buffer(text_, n),
                     [self = shared_from_this()](const net_error_code& error, std::size_t) {
                       if (!error) {
                         self->send();
                       }
                     });
  }
  void receive() {
    ends_.second.async_read_some(
        net::buffer(room_),
        [self = shared_from_this()](const net_error_code& error, std::size_t n) {
          *self->done_ += n;
          if (!error) {
            self->receive();
          }
        });
  }

  std::pair<EchoEnd, EchoEnd> ends_;
  std::shared_ptr<EchoEnd> stream_;
  HandoffBuffer in_;
  WriteHandoff out_;
  Bytes bytes_;
  net::cancellation_signal signal_;
  std::size_t left_;
  std::atomic<std::size_t>* done_;
  std::string text_;
  std::array<char, 4096> room_;
  int reads_ = 0;
};

TEST(BudgetThreads, everybody_is_served_out_of_little_and_all_of_it_comes_back) {
  constexpr std::size_t kThreads = 3;
  constexpr std::size_t kConnections = 8;  // of each
  constexpr std::size_t kBytes = 200'000;
  const std::size_t block = detail::Block::cost(kSmallBlock, nullptr);
  const std::size_t limit = kThreads * kConnections * 2 * 16 + 5 * block;
  const MemoryBudget budget(
      {.limit = limit, .high_mark = limit, .floor = 16, .shed_after = std::chrono::seconds(0)});
  std::atomic<std::size_t> done{0};
  std::atomic<bool> is_passed{false};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      net::io_context context{1};
      for (std::size_t c = 0; c < kConnections; ++c) {
        std::make_shared<Echo>(context, budget, kBytes, done)->start();
      }
      while (context.run_one_for(kPatience) != 0) {
        is_passed = is_passed || budget.statistics().charged_bytes > limit;
      }
    });
  }
  for (std::thread& each : threads) {
    each.join();
  }
  EXPECT_EQ(done, kThreads * kConnections * kBytes);
  EXPECT_FALSE(is_passed);
  const MemoryBudgetStatistics seen = budget.statistics();
  EXPECT_EQ(seen.charged_bytes, 0U);
  EXPECT_EQ(seen.waiters, 0U);
  EXPECT_GT(seen.waits, 0U);
}

/// Three threads that go on at once.
class StartLine {
 public:
  void wait() {
    ++ready_;
    while (ready_ != 3) {
      std::this_thread::yield();
    }
  }

 private:
  std::atomic<int> ready_{0};
};

/// A wait for all of a budget, which three threads end: by a grant, by a cancellation, and by the
/// end of its context. Its handler runs on another one.
class MemoryWaitEnds : public testing::TestWithParam<std::pair<bool, bool>> {
 protected:
  static constexpr std::size_t kAll = 1000;

  void end_at_once(bool is_cancelled, bool loses_context) {
    const MemoryBudget budget({.limit = kAll, .high_mark = kAll, .floor = 0});
    const auto account = detail::MemberAccount::make(budget);
    detail::MemoryPot& pot = account->state().pot();
    ASSERT_TRUE(pot.try_draw(kAll));
    auto context = std::make_unique<net::io_context>(1);
    net::io_context elsewhere{1};
    net::cancellation_signal signal;
    int calls = 0;
    auto handler = net::bind_executor(elsewhere.get_executor(), [&](const net_error_code& error) {
      EXPECT_TRUE(!error || error == net::error::operation_aborted) << error.message();
      account->give_back_credit();
      ++calls;
    });
    detail::async_wait_memory(*account, kAll, context->get_executor(),
                              net::bind_cancellation_slot(signal.slot(), std::move(handler)));
    StartLine line;
    net::post(elsewhere, [&] {
      line.wait();
      if (is_cancelled) {
        signal.emit(net::cancellation_type::terminal);
      }
    });
    std::thread canceller([&] { elsewhere.run_for(kPatience); });
    std::thread granter([&] {
      line.wait();
      detail::WaitingList woken;
      pot.give_back(kAll, woken);
      detail::resume_all(woken);
    });
    line.wait();
    if (loses_context) {
      context.reset();
    }
    granter.join();
    canceller.join();
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(budget.statistics().charged_bytes, 0U);
    EXPECT_EQ(budget.statistics().waiters, 0U);
  }
};

TEST_P(MemoryWaitEnds, once_whoever_comes_first) {
  for (int i = 0; i < 300 && !HasFailure(); ++i) {
    end_at_once(GetParam().first, GetParam().second);
  }
}
INSTANTIATE_TEST_SUITE_P(Ways, MemoryWaitEnds,
                         testing::Values(std::pair(true, false), std::pair(false, true),
                                         std::pair(true, true)));

}  // namespace
}  // namespace bytes_handoff::test
