#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "bytes_handoff/duplex.hpp"
#include "support/asio.hpp"
#include "support/duplex_fixture.hpp"

namespace bytes_handoff {
namespace {

using test::Result;

using Stream = BasicDuplexStream<net::io_context::executor_type>;

/// Handlers that must be destroyed without being called hold a copy of `token_`.
class DuplexLifetimeTest : public testing::Test {
 protected:
  auto doomed() {
    return [token = token_](auto&&...) { ADD_FAILURE() << "called"; };
  }

  void expect_all_destroyed() { EXPECT_EQ(token_.use_count(), 1); }

  /// Leaves a read, a write and waits pending at both ends.
  template <typename First, typename Second>
  void leave_pending(First& a, Second& b) {
    a.write_some(net::buffer("12345678", 8));
    b.write_some(net::buffer("12345678", 8));
    leave_write_and_wait(a);
    leave_write_and_wait(b);
  }

  template <typename AnyStream>
  void leave_write_and_wait(AnyStream& stream) {
    stream.async_write_some(net::buffer("x", 1), doomed());
    stream.async_wait(stream.wait_write, doomed());
    stream.async_wait(stream.wait_error, doomed());
  }

  std::shared_ptr<int> token_ = std::make_shared<int>(0);
  char room_ = 0;
};

TEST_F(DuplexLifetimeTest, PendingOperationsAreDestroyedWithTheContext) {
  std::optional<std::pair<Stream, Stream>> pair;
  {
    net::io_context context;
    pair.emplace(make_duplex(context, 8));
    leave_pending(pair->first, pair->second);
    EXPECT_EQ(token_.use_count(), 7);
  }
  expect_all_destroyed();
  EXPECT_FALSE(pair->first.is_open());
  EXPECT_FALSE(pair->second.is_open());
}

TEST_F(DuplexLifetimeTest, PendingReadsAreDestroyedWithTheContext) {
  std::optional<std::pair<DuplexStream, DuplexStream>> pair;
  {
    net::io_context context;
    pair.emplace(make_duplex(context, 8));
    pair->first.async_read_some(net::buffer(&room_, 1), doomed());
    pair->second.async_read_some(net::buffer(&room_, 1), doomed());
    pair->second.async_wait(DuplexStream::wait_read, doomed());
  }
  expect_all_destroyed();
}

TEST_F(DuplexLifetimeTest, WhatWasPostedIsDestroyedWithTheContextToo) {
  {
    net::io_context context;
    auto [a, b] = make_duplex(context, 8);
    leave_pending(a, b);
    a.close();
    b.close();
  }
  expect_all_destroyed();
}

TEST_F(DuplexLifetimeTest, APeerOnAnotherContextSeesTheClose) {
  net::io_context living;
  Result read;
  Result write;
  std::optional<Stream> far_end;
  std::optional<Stream> near_end;
  {
    net::io_context dying;
    auto [a, b] = make_duplex(dying, living, 8);
    b.write_some(net::buffer("12345678", 8));
    a.write_some(net::buffer("last", 4));
    a.async_wait(a.wait_error, doomed());
    b.async_write_some(net::buffer("x", 1), write.handler());
    far_end.emplace(std::move(a));
    near_end.emplace(std::move(b));
  }
  expect_all_destroyed();
  living.run();
  write.expect(net::error::broken_pipe);
  std::string text(9, '\0');
  EXPECT_EQ(near_end->read_some(net::buffer(text)), 4U);
  near_end->async_read_some(net::buffer(text), read.handler());
  living.restart();
  living.run();
  read.expect(net::error::eof);
  EXPECT_FALSE(far_end->is_open());
}

TEST_F(DuplexLifetimeTest, TwoContextsInEitherOrder) {
  for (const bool first_dies_first : {true, false}) {
    auto first = std::make_unique<net::io_context>();
    auto second = std::make_unique<net::io_context>();
    auto pair = make_duplex(*first, *second, 8);
    Result survivor;
    Stream& later = first_dies_first ? pair.second : pair.first;
    (first_dies_first ? pair.first : pair.second).async_read_some(net::buffer(&room_, 1), doomed());
    later.async_wait(later.wait_read, survivor.wait_handler());
    later.async_write_some(net::buffer("x", 1), [](auto&&...) {});
    auto& dying = first_dies_first ? first : second;
    auto& living = first_dies_first ? second : first;
    dying.reset();
    expect_all_destroyed();
    living->run();
    survivor.expect({});
    living.reset();
  }
}

TEST_F(DuplexLifetimeTest, AHandlerMayOwnItsStream) {
  {
    net::io_context context;
    net::io_context other;
    auto [a, b] = make_duplex(context, other, 8);
    auto owned = std::make_shared<Stream>(std::move(a));
    owned->async_read_some(net::buffer(&room_, 1), [owned, token = token_](auto&&...) {});
    auto owned_peer = std::make_shared<Stream>(std::move(b));
    owned_peer->async_read_some(net::buffer(&room_, 1), [owned_peer, token = token_](auto&&...) {});
  }
  expect_all_destroyed();
}

TEST_F(DuplexLifetimeTest, AHandlerThatIsDestroyedMayDestroyThePeersContext) {
  auto other = std::make_shared<net::io_context>();
  {
    net::io_context context;
    auto [a, b] = make_duplex(context, *other, 8);
    b.async_read_some(net::buffer(&room_, 1), doomed());
    a.async_read_some(net::buffer(&room_, 1), [other](auto&&...) {});
    other.reset();
  }
  expect_all_destroyed();
}

TEST_F(DuplexLifetimeTest, AHandlerOnALivingContextIsToldThatItsStreamsContextHasGone) {
  net::io_context living;
  Result read;
  Result wait;
  std::optional<std::pair<Stream, Stream>> pair;
  {
    net::io_context dying;
    pair.emplace(make_duplex(dying, living, 8));
    Stream& orphan = pair->first;
    orphan.async_read_some(net::buffer(&room_, 1),
                           net::bind_executor(living.get_executor(), read.handler()));
    orphan.async_wait(Stream::wait_error,
                      net::bind_executor(living.get_executor(), wait.wait_handler()));
    orphan.async_wait(Stream::wait_error, doomed());
  }
  expect_all_destroyed();
  living.run();
  read.expect(net::error::operation_aborted);
  wait.expect(net::error::operation_aborted);
}

TEST_F(DuplexLifetimeTest, AnOperationBehindItsContextCompletesOnALivingContextOnly) {
  net::io_context living;
  std::optional<std::pair<Stream, Stream>> pair;
  {
    net::io_context dying;
    pair.emplace(make_duplex(dying, living, 8));
  }
  Stream& orphan = pair->first;
  orphan.async_read_some(net::buffer(&room_, 1), doomed());
  orphan.async_write_some(net::buffer("x", 1), doomed());
  orphan.async_wait(Stream::wait_read, doomed());
  expect_all_destroyed();
  Result read;
  Result wait;
  orphan.async_read_some(net::buffer(&room_, 1),
                         net::bind_executor(living.get_executor(), read.handler()));
  orphan.async_wait(Stream::wait_read,
                    net::bind_executor(living.get_executor(), wait.wait_handler()));
  living.run();
  read.expect(net::error::bad_descriptor);
  wait.expect(net::error::bad_descriptor);
}

TEST_F(DuplexLifetimeTest, AHandlerThatIsDestroyedMayDestroyItsStreamsContext) {
  auto other = std::make_shared<net::io_context>();
  std::optional<std::pair<Stream, Stream>> pair;
  {
    net::io_context dying;
    pair.emplace(make_duplex(dying, *other, 8));
    pair->second.async_read_some(
        net::buffer(&room_, 1),
        net::bind_executor(dying.get_executor(), [other, token = token_](auto&&...) {}));
    other.reset();
  }
  expect_all_destroyed();
}

/// Is shut down after all services of its context that were made later.
class EarlierService final : public net::execution_context::service {
 public:
  using key_type = EarlierService;
  inline static net::execution_context::id id;

  explicit EarlierService(net::execution_context& context)
      : net::execution_context::service(context) {}

  std::function<void()> at_shutdown;

 private:
  void shutdown() override { at_shutdown(); }
};

TEST_F(DuplexLifetimeTest, PendingHandlersAreGoneBeforeEarlierServicesShutDown) {
  std::optional<std::pair<Stream, Stream>> pair;
  int shutdowns = 0;
  {
    net::io_context context;
    net::use_service<EarlierService>(context).at_shutdown = [&] {
      ++shutdowns;
      expect_all_destroyed();
    };
    pair.emplace(make_duplex(context, 8));
    leave_pending(pair->first, pair->second);
  }
  EXPECT_GE(shutdowns, 1);  // newer io_contexts shut their services down twice
}

/// A handler that acts when it is destroyed.
struct AtDestruction {
  explicit AtDestruction(std::function<void()> what) : act(std::move(what)) {}
  AtDestruction(AtDestruction&& other) noexcept : act(std::exchange(other.act, nullptr)) {}
  AtDestruction& operator=(AtDestruction&&) = delete;
  ~AtDestruction() {
    if (act) act();
  }
  void operator()() { ADD_FAILURE() << "called"; }

  std::function<void()> act;
};

TEST_F(DuplexLifetimeTest, APairMadeWhileTheContextEndsIsClosed) {
  std::optional<std::pair<Stream, Stream>> late;
  {
    net::io_context context;
    const auto early = make_duplex(context, 8);
    net::post(context, AtDestruction([&] { late.emplace(make_duplex(context, 8)); }));
  }
  ASSERT_TRUE(late.has_value());
  EXPECT_FALSE(late->first.is_open());
  EXPECT_FALSE(late->second.is_open());
}

TEST_F(DuplexLifetimeTest, AHandlerMayDestroyBothEnds) {
  net::io_context context;
  auto pair = std::make_unique<std::pair<Stream, Stream>>(make_duplex(context, 8));
  Result last;
  pair->second.async_wait(Stream::wait_read, [&](const net_error_code&) {
    pair->second.async_read_some(net::buffer(&room_, 1), last.handler());
    pair.reset();
  });
  pair->first.write_some(net::buffer("x", 1));
  context.run();
  last.expect({}, 1);
}

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
    while (error != net::error::broken_pipe) {
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
  friend bool operator==(const ObservedExecutor&, const ObservedExecutor&) = default;

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
