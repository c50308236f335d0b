// A duplex whose two ends are on threads of their own.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "bytes_handoff/testing/duplex.hpp"
#include "support/asio.hpp"
#include "support/streams/duplex_fixture.hpp"

namespace bytes_handoff {
namespace {

using test::Result;

using Stream = BasicDuplexStream<net::io_context::executor_type>;

/// Writes (or reads) a stream of bytes that follow a rule, until `total` or an error.
class Pump {
 public:
  Pump(Stream& stream, std::size_t total) : stream_(stream), total_(total) {}

  void write() {
    if (moved == total_) return stream_.close();
    const std::size_t size = std::min(1 + (moved * 7) % block_.size(), total_ - moved);
    for (std::size_t i = 0; i < size; ++i) block_[i] = rule(moved + i);
    stream_.async_write_some(net::buffer(block_.data(), size), [this](auto error, auto bytes) {
      moved += bytes;
      last_error = error;
      if (!error) write();
    });
  }

  void read() {
    const std::size_t size = 1 + (moved * 11) % block_.size();
    stream_.async_read_some(net::buffer(block_.data(), size), [this](auto error, auto bytes) {
      for (std::size_t i = 0; i < bytes; ++i) wrong += block_[i] != rule(moved + i) ? 1U : 0U;
      moved += bytes;
      last_error = error;
      if (!error) read();
    });
  }

  std::size_t moved = 0;
  std::size_t wrong = 0;
  net_error_code last_error;

 private:
  static unsigned char rule(std::size_t at) { return static_cast<unsigned char>(at % 251); }

  Stream& stream_;
  std::size_t total_;
  std::array<unsigned char, 60'000> block_{};
};

TEST(DuplexThreadTest, TwoThreadsMove64MiBEachWay) {
  constexpr std::size_t kTotal = std::size_t{64} << 20U;
  net::io_context first;
  net::io_context second;
  auto there = make_duplex(first, second, 16'384);
  auto back = make_duplex(first, second, 1'000);
  Pump writes(there.first, kTotal);
  Pump reads(there.second, kTotal);
  Pump writes_back(back.second, kTotal);
  Pump reads_back(back.first, kTotal);
  writes.write();
  reads.read();
  writes_back.write();
  reads_back.read();
  std::thread other([&] { second.run(); });
  first.run();
  other.join();
  for (const Pump* const pump : {&reads, &reads_back}) {
    EXPECT_EQ(pump->moved, kTotal);
    EXPECT_EQ(pump->wrong, 0U);
    EXPECT_EQ(pump->last_error, net::error::eof);
  }
}

/// One end's context is destroyed by its thread while the other thread reads, writes and cancels.
TEST(DuplexThreadTest, AContextMayEndWhileThePeerIsBusy) {
  for (int round = 0; round < 300; ++round) {
    net::io_context near_context;
    auto far_context = std::make_unique<net::io_context>();
    auto [near_end, far_end] = make_duplex(near_context, *far_context, 64);
    std::atomic<bool> started{false};
    std::thread far_thread([&started, &far_context, stream = std::move(far_end), round]() mutable {
      std::array<char, 16> room{};
      std::function<void()> read = [&] {
        stream.async_read_some(net::buffer(room), [&](auto error, auto) {
          if (!error) read();
        });
      };
      read();
      started = true;
      for (int i = 0; i < round % 7 && far_context->run_one() != 0; ++i) {
      }
      far_context.reset();
    });
    while (!started) std::this_thread::yield();
    net_error_code error;
    while (error != net::error::connection_reset) {
      near_end.write_some(net::buffer("some bytes", 10), error);
      if (error == net::error::would_block) std::this_thread::yield();
    }
    far_thread.join();
  }
}

/// A slot is used on the handler's thread while another one destroys the stream's context.
TEST(DuplexThreadTest, ACancellationMayMeetTheEndOfTheStreamsContext) {
  for (int round = 0; round < 300; ++round) {
    net::io_context living;
    auto dying = std::make_unique<net::io_context>();
    auto pair = make_duplex(*dying, 8);
    net::cancellation_signal signal;
    Result wait;
    pair.first.async_wait(
        Stream::wait_read,
        net::bind_cancellation_slot(
            signal.slot(), net::bind_executor(living.get_executor(), wait.wait_handler())));
    std::atomic<bool> started{false};
    std::thread ends([&] {
      started = true;
      dying.reset();
    });
    while (!started) std::this_thread::yield();
    for (int i = 0; i < round % 5; ++i) std::this_thread::yield();
    signal.emit(net::cancellation_type::terminal);
    living.run();
    ends.join();
    wait.expect(net::error::operation_aborted);
  }
}

/// Streams with pending operations go on one thread, their context on another.
TEST(DuplexThreadTest, StreamsMayBeDestroyedWhileTheirContextEnds) {
  for (int round = 0; round < 300; ++round) {
    const auto token = std::make_shared<int>(0);
    auto dying = std::make_unique<net::io_context>();
    auto pair = std::make_unique<std::pair<Stream, Stream>>(make_duplex(*dying, 8));
    std::array<char, 2> room{};
    pair->first.async_read_some(net::buffer(&room[0], 1), [token](auto&&...) {});
    pair->second.async_read_some(net::buffer(&room[1], 1), [token](auto&&...) {});
    pair->second.async_wait(Stream::wait_error, [token](auto&&...) {});
    std::atomic<bool> started{false};
    std::thread ends([&] {
      started = true;
      dying.reset();
    });
    while (!started) std::this_thread::yield();
    for (int i = 0; i < round % 5; ++i) std::this_thread::yield();
    pair.reset();
    ends.join();
    EXPECT_EQ(token.use_count(), 1);
  }
}

/// Holds up a post until its context has gone, or, as it should not go meanwhile, for a while.
class ObservedPosts {
 public:
  std::atomic<bool> has_begun{false};
  std::atomic<bool> is_gone{false};

  void observe() {
    has_begun = true;
    for (int i = 0; i < 2000 && !is_gone; ++i) std::this_thread::yield();
    EXPECT_FALSE(is_gone) << "a context went while something was posted to it";
  }
};

class ObservedExecutor {
 public:
  ObservedExecutor(net::io_context& context, ObservedPosts& posts) noexcept
      : inner_(context.get_executor()), posts_(&posts) {}

  [[nodiscard]] net::execution_context& context() const noexcept { return inner_.context(); }
  void on_work_started() const noexcept { inner_.on_work_started(); }
  void on_work_finished() const noexcept { inner_.on_work_finished(); }
  template <typename Function, typename Allocator>
  void post(Function&& function, const Allocator& /*allocator*/) const {
    posts_->observe();
    net::post(inner_, std::forward<Function>(function));
  }
  template <typename Function, typename Allocator>
  void dispatch(Function&& function, const Allocator& allocator) const {
    post(std::forward<Function>(function), allocator);
  }
  template <typename Function, typename Allocator>
  void defer(Function&& function, const Allocator& allocator) const {
    post(std::forward<Function>(function), allocator);
  }
  [[maybe_unused]] friend bool operator==(const ObservedExecutor&,
                                          const ObservedExecutor&) = default;

 private:
  net::io_context::executor_type inner_;
  ObservedPosts* posts_;
};

/// What a call settles is posted before the context of its stream goes, on another thread.
template <typename Act>
void expect_context_waits_for(Act act) {
  for (const bool is_of_second : {false, true}) {
    ObservedPosts posts;
    auto dying = std::make_unique<net::io_context>();
    auto pair = std::make_unique<std::pair<Stream, Stream>>(make_duplex(*dying, 8));
    net::cancellation_signal signal;
    char room = 0;
    (is_of_second ? pair->second : pair->first)
        .async_read_some(net::buffer(&room, 1),
                         net::bind_cancellation_slot(
                             signal.slot(), net::bind_executor(ObservedExecutor(*dying, posts),
                                                               [](auto&&...) {})));
    std::thread ends([&] {
      while (!posts.has_begun) std::this_thread::yield();
      dying.reset();
      posts.is_gone = true;
    });
    act(pair, signal);
    ends.join();
  }
}

TEST(DuplexThreadTest, AContextWaitsForItsStreamsToBeDestroyed) {
  expect_context_waits_for([](auto& pair, auto&) { pair.reset(); });
}

TEST(DuplexThreadTest, AContextWaitsForACancellationToBePosted) {
  expect_context_waits_for(
      [](auto&, auto& signal) { signal.emit(net::cancellation_type::terminal); });
}

/// The handler, on a third thread, destroys its stream while the call that parks the operation may
/// not have returned; the peer's goes too.
TEST(DuplexThreadTest, AHandlerMayDestroyItsStreamWhileItsOperationStarts) {
  net::thread_pool pool(1);
  using PoolStream = BasicDuplexStream<net::thread_pool::executor_type>;
  for (int round = 0; round < 300; ++round) {
    auto pair = make_duplex(pool, 8);
    auto owned = std::make_unique<PoolStream>(std::move(pair.first));
    std::optional<PoolStream> peer(std::move(pair.second));
    std::atomic<bool> started{false};
    std::atomic<bool> called{false};
    std::array<char, 1> room{};
    std::thread writes([&] {
      while (!started) std::this_thread::yield();
      peer->write_some(net::buffer("x", 1));
      peer.reset();
    });
    PoolStream& stream = *owned;
    started = true;
    stream.async_read_some(net::buffer(room), [&](const net_error_code& error, std::size_t bytes) {
      EXPECT_FALSE(error);
      EXPECT_EQ(bytes, 1U);
      owned.reset();
      called = true;
    });
    writes.join();
    while (!called) std::this_thread::yield();
  }
  pool.join();
}

/// Both ends are closed by their threads at the same moment, with operations pending.
TEST(DuplexThreadTest, BothEndsMayCloseAtOnce) {
  for (int round = 0; round < 300; ++round) {
    net::io_context first;
    net::io_context second;
    auto pair = std::make_unique<std::pair<Stream, Stream>>(make_duplex(first, second, 1));
    std::array<int, 2> completions{};
    std::array<char, 2> room{};
    const auto drive = [&room](net::io_context& context, Stream stream, int& completed,
                               std::size_t place) {
      stream.async_read_some(net::buffer(&room[place], 1), [&](auto&&...) { ++completed; });
      stream.async_wait(stream.wait_write, [&](auto&&...) { ++completed; });
      context.poll();
      stream.close();
      context.restart();
      context.run();
    };
    std::thread other(
        [&] { drive(second, std::move(pair->second), completions[1], std::size_t{1}); });
    drive(first, std::move(pair->first), completions[0], std::size_t{0});
    other.join();
    EXPECT_EQ(completions, (std::array<int, 2>{2, 2}));
  }
}

}  // namespace
}  // namespace bytes_handoff
