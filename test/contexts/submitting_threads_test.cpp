// Threads that submit while others end the queue, or its context.

#include <array>
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bytes_handoff/testing/duplex.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "contexts/handlers.hpp"
#include "support/asio.hpp"
#include "support/run_for.hpp"
#include "support/stepping/count.hpp"
#include "support/stepping/seed.hpp"
#include "tokens/concrete_environments.hpp"

namespace bytes_handoff::test {
namespace {

constexpr unsigned kThreads = 3;

[[nodiscard]] WriteHandoffConfig small_queue() {
  WriteHandoffConfig config;
  config.max_items = 4;
  config.max_pending_bytes = 100;
  config.max_waiters = 16;
  return config;
}

/// One thread's submissions, by chance: all that a handle, a ticket and a permit can be asked for.
class Submitter {
 public:
  Submitter(WriteHandoff out, Handlers& unbound, Handlers& bound, std::uint64_t seed)
      : out_(std::move(out)), unbound_(&unbound), bound_(&bound), random_(seed) {}

  void submit() {
    if (random_.one_in(3)) {
      submit_by_room();
      return;
    }
    switch (random_.between(0, 9)) {
      case 0:
        return keep(std::array{bytes()},
                    [&](std::array<Bytes, 1>& one) { return out_.try_write(one[0]); });
      case 1: {
        Bytes one = bytes();
        static_cast<void>(out_.try_write(one));
        return;
      }
      case 2:
        return keep(std::array{bytes(), bytes()},
                    [&](std::array<Bytes, 2>& several) { return out_.try_write(several); });
      case 3:
        return with_slices(std::make_unique<Bytes>(bytes()));
      case 4:
        return with_slices(std::make_unique<std::vector<Bytes>>(2, bytes()));
      case 5:
        return with_handler([&](auto handler) { out_.async_flush(std::move(handler)); });
      case 6:
        return with_handler([&](auto handler) { out_.async_closed(std::move(handler)); });
      case 7:
        if (!tickets_.empty()) {
          with_handler([&](auto handler) { tickets_.back().async_wait(std::move(handler)); });
          tickets_.pop_back();
        }
        return;
      case 8: {
        WriteHandoff other = out_;
        std::swap(other, out_);
        static_cast<void>(other.pending_bytes() + other.pending_items());
        return;
      }
      default:
        living_.restart();
        living_.poll();
    }
  }

  void submit(int times, const std::atomic<bool>* must_end = nullptr) {
    for (int i = 0; i < times && (must_end == nullptr || !*must_end); ++i) {
      submit();
    }
  }

  void close() {
    with_handler([&](auto handler) { out_.async_close(std::move(handler)); });
  }
  [[nodiscard]] WriteHandoff& out() { return out_; }

  /// Runs the handlers that are bound to this thread's own context.
  void finish() { EXPECT_TRUE(run_out(living_)); }

 private:
  [[nodiscard]] static Bytes bytes() {
    static const Bytes some = Bytes::copy_of("some 20 bytes to go.");
    return some;
  }

  void submit_by_room() {
    switch (random_.between(0, 3)) {
      case 0:
        return send();
      case 1:
        return reserve();
      case 2:
        if (auto permit = out_.try_reserve(random_.between(0, 60), random_.between(1, 3))) {
          permits_.push_back(std::move(*permit));
        }
        return;
      default:
        use_a_permit();
    }
  }

  template <class Slices, class Submit>
  void keep(Slices slices, Submit submit) {
    expected<WriteTicket, WriteRefusal> result = submit(slices);
    for (const Bytes& slice : slices) {
      EXPECT_EQ(slice.empty(), result.has_value());
    }
    if (result) {
      tickets_.push_back(std::move(*result));
    }
  }

  template <class Slices>
  void with_slices(std::unique_ptr<Slices> slices) {
    Slices& waiting = *slices;
    if (random_.one_in(2)) {
      out_.async_write(waiting, unbound_->make_with(std::move(slices)));
    } else {
      out_.async_write(waiting, net::bind_executor(living_, bound_->make_with(std::move(slices))));
    }
  }

  template <class Start>
  void with_handler(Start start) {
    if (random_.one_in(2)) {
      start(unbound_->make());
    } else {
      start(net::bind_executor(living_, bound_->make()));
    }
  }

  void reserve() {
    const std::size_t bytes = random_.between(1, 100);
    const std::size_t items = random_.between(0, 4);
    const bool commits = random_.one_in(2);
    if (random_.one_in(2)) {
      out_.async_reserve(bytes, items, unbound_->make_with_permit(commits));
    } else {
      out_.async_reserve(bytes, items,
                         net::bind_executor(living_, bound_->make_with_permit(commits)));
    }
  }

  void send() {
    auto slices = std::make_unique<std::vector<Bytes>>(random_.between(1, 12), bytes());
    std::vector<Bytes>& waiting = *slices;
    const auto start = [&](auto handler) {
      if (random_.one_in(2)) {
        out_.async_send(waiting, may_cut, std::move(handler));
      } else {
        out_.async_send(waiting, std::move(handler));
      }
    };
    if (random_.one_in(2)) {
      start(unbound_->make_with_burst(std::move(slices)));
    } else {
      start(net::bind_executor(living_, bound_->make_with_burst(std::move(slices))));
    }
  }

  // Commits the oldest one, assigns over it, or drops all.
  void use_a_permit() {
    if (permits_.empty()) {
      return;
    }
    switch (random_.between(0, 2)) {
      case 0: {
        Bytes one = bytes();
        const auto written = permits_.front().commit(one);
        EXPECT_EQ(one.empty(), written.has_value());
        permits_.erase(permits_.begin());
        return;
      }
      case 1:
        permits_.front() = std::move(permits_.back());
        permits_.pop_back();
        return;
      default:
        permits_.clear();
    }
  }

  net::io_context living_{1};
  WriteHandoff out_;
  std::vector<WriteTicket> tickets_;
  std::vector<WritePermit> permits_;
  Handlers* unbound_;
  Handlers* bound_;
  Random random_;
};

/// Lets other threads get further, or not.
void dawdle(std::size_t turns) {
  for (std::size_t i = 0; i < turns; ++i) {
    std::this_thread::yield();
  }
}

/// Threads that each run what `make()` returns.
template <class Make>
[[nodiscard]] std::vector<std::thread> start_threads(Make make) {
  std::vector<std::thread> threads;
  for (unsigned id = 0; id < kThreads; ++id) {
    threads.emplace_back(make());
  }
  return threads;
}

void join(std::vector<std::thread>& threads) {
  for (std::thread& thread : threads) {
    thread.join();
  }
}

template <class Stream>
void read_while(Stream& stream, const std::atomic<unsigned>& running) {
  std::array<char, 256> room{};
  net_error_code error;
  while (running != 0) {
    stream.read_some(net::buffer(room), error);
    std::this_thread::yield();
  }
}

void poll_at_most(net::io_context& context, std::size_t turns) {
  for (; turns > 0; --turns) {
    context.restart();
    context.poll_one();
  }
}

void abort_or_close_or_neither(WriteHandoff& out, Random& random) {
  switch (random.between(0, 2)) {
    case 0:
      return out.abort();
    case 1:
      return out.close();
    default:
      return;
  }
}

TEST(SubmittingThreads, are_all_told_when_others_abort_or_close_the_queue) {
  Random random;
  SCOPED_TRACE(seed_note());
  const std::uint64_t rounds = count_or(40);
  for (std::uint64_t round = 0; round < rounds; ++round) {
    Handlers unbound;
    Handlers bound;
    ThreadedStreams streams;
    auto ends = make_duplex(streams.context(), 64);
    auto far = std::move(ends.second);
    std::optional<WriteHandoff> out(std::in_place, std::move(ends.first), small_queue());
    std::atomic<unsigned> running{0};
    std::atomic<bool> must_finish{false};
    std::vector<std::thread> threads = start_threads([&, &queue = *out] {
      return [&, handle = queue, from = random.bits()]() mutable {
        Submitter submitter(std::move(handle), unbound, bound, from);
        ++running;
        submitter.submit(100);
        submitter.close();
        --running;
        while (!must_finish) {
          std::this_thread::yield();
        }
        submitter.finish();
      };
    });
    dawdle(random.between(0, 50));
    abort_or_close_or_neither(*out, random);
    out.reset();
    read_while(far, running);
    far.close();  // what is still unwritten fails
    must_finish = true;
    join(threads);
    streams.settle();
    unbound.expect_all_called();
    bound.expect_all_called();
    if (testing::Test::HasFailure()) {
      return;
    }
  }
}

net::awaitable<void> close_and_let_go(WriteHandoff out, std::atomic<unsigned>& closed) {
  auto [error] = co_await out.async_close(test::as_tuple(net::use_awaitable));
  static_cast<void>(error);
  ++closed;
}

TEST(SubmittingThreads, may_await_a_close_on_a_pool_while_another_handle_aborts) {
  Random random;
  SCOPED_TRACE(seed_note());
  const auto rounds = static_cast<unsigned>(count_or(200));
  net::thread_pool pool(2);
  ThreadedStreams streams;
  std::atomic<unsigned> closed{0};
  for (unsigned round = 0; round < rounds; ++round) {
    auto ends = make_duplex(streams.context(), 4);
    WriteHandoff out(std::move(ends.first), small_queue());
    Bytes bytes = Bytes::copy_of("more than that");
    EXPECT_TRUE(out.try_write(bytes));
    net::co_spawn(pool, close_and_let_go(out, closed), net::detached);
    dawdle(random.between(0, 20));
    {
      WriteHandoff last = std::move(out);
      last.abort();
    }
    while (closed <= round) {
      std::this_thread::yield();
    }
  }
  streams.settle();
  pool.join();
  EXPECT_EQ(closed, rounds);
}

struct RunsOnContext {
  static auto executor(net::io_context& context) { return context.get_executor(); }
};
struct RunsOnStrand {
  static auto executor(net::io_context& context) { return net::make_strand(context); }
};
struct RunsOnAny {
  static net::any_io_executor executor(net::io_context& context) { return context.get_executor(); }
};

template <class On>
class SubmittingThreadsOn : public testing::Test {};
using SubmittingExecutors = testing::Types<RunsOnContext, RunsOnStrand, RunsOnAny>;
TYPED_TEST_SUITE(SubmittingThreadsOn, SubmittingExecutors);

TYPED_TEST(SubmittingThreadsOn, may_go_on_while_the_context_is_destroyed) {
  Random random;
  SCOPED_TRACE(seed_note());
  const std::uint64_t rounds = count_or(60);
  for (std::uint64_t round = 0; round < rounds; ++round) {
    Handlers unbound;
    Handlers bound;
    auto context = std::make_unique<net::io_context>(1);
    std::optional ends = make_duplex(TypeParam::executor(*context), 1024);
    std::optional<WriteHandoff> out(std::in_place, std::move(ends->first), small_queue());
    std::atomic<unsigned> running{0};
    std::atomic<bool> must_end{false};
    std::vector<std::thread> threads = start_threads([&, &queue = *out] {
      return [&, handle = queue, from = random.bits()]() mutable {
        Submitter submitter(std::move(handle), unbound, bound, from);
        ++running;
        submitter.submit(2000, &must_end);
        submitter.submit(20);
        submitter.finish();
      };
    });
    if (random.one_in(2)) {
      out.reset();
    }
    while (running < kThreads) {
      std::this_thread::yield();
    }
    poll_at_most(*context, random.between(0, 30));
    ends.reset();
    context.reset();
    dawdle(random.between(0, 5));
    must_end = true;
    join(threads);
    unbound.expect_all_gone();
    bound.expect_all_called();
    if (testing::Test::HasFailure()) {
      return;
    }
  }
}

}  // namespace
}  // namespace bytes_handoff::test
