// 64-byte items from many threads to one stream that takes everything at once, by a handle, and by
// the deque that people write: a mutex, and a post where it was empty. From when all producers may
// begin to when the stream has the last byte; making the items is outside of that. The consumer
// polls, and the time is what has passed: what waking a thread costs is the system's. Where it
// waits, the time is the processor time of the process.

#include <benchmark/benchmark.h>

#include <barrier>
#include <chrono>
#include <cstddef>
#include <deque>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/bytes_mut.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "null_stream.hpp"
#include "timed_section.hpp"

namespace bytes_handoff::bench {
namespace {

constexpr std::size_t kThreadItemBytes = 64;
constexpr std::size_t kThreadItems = 64 * 1024;  // of all threads together

// Contenders: `Item`, `make(n)` items for one producer, and `submit`, from any thread. There is
// room for all items, as the deque without a bound has it: what waiting costs depends on who is
// woken.

class Handle {
 public:
  using Item = Bytes;

  explicit Handle(net::io_context& context, std::size_t& taken)
      : out_(NullStream(context, taken), room_for_all()) {}

  static std::vector<Item> make(std::size_t n) {
    BytesMut block = BytesMut::with_capacity(n * kThreadItemBytes);
    block.extend(std::vector<std::byte>(n * kThreadItemBytes, std::byte{'x'}));
    std::vector<Item> items;
    items.reserve(n);
    while (!block.empty()) {
      items.push_back(std::move(*block.split_to_frozen(kThreadItemBytes)));
    }
    return items;
  }

  void submit(Item& item) { benchmark::DoNotOptimize(out_.try_write(item).has_value()); }

 private:
  static WriteHandoffConfig room_for_all() {
    WriteHandoffConfig config;
    config.max_items = kThreadItems;
    config.max_pending_bytes = kThreadItems * kThreadItemBytes;
    return config;
  }

  WriteHandoff out_;
};

class MutexDeque {
 public:
  using Item = std::string;

  explicit MutexDeque(net::io_context& context, std::size_t& taken) : stream_(context, taken) {}

  static std::vector<Item> make(std::size_t n) {
    return std::vector<Item>(n, Item(kThreadItemBytes, 'x'));
  }

  void submit(Item& item) {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(item));
    if (!is_writing_) {
      is_writing_ = true;
      net::post(stream_.get_executor(), [this] { write_first(); });
    }
  }

 private:
  void write_first() {
    {
      const std::lock_guard lock(mutex_);
      writing_ = std::move(queue_.front());
      queue_.pop_front();
    }
    stream_.async_write_some(net::buffer(writing_),
                             [this](const net_error_code&, std::size_t) { next(); });
  }

  void next() {
    {
      const std::lock_guard lock(mutex_);
      is_writing_ = !queue_.empty();
      if (!is_writing_) {
        return;
      }
    }
    write_first();
  }

  NullStream stream_;
  std::mutex mutex_;
  std::deque<Item> queue_;
  Item writing_;
  bool is_writing_ = false;
};

struct Polls {
  [[nodiscard]] static double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
  static void run(net::io_context& context) {
    context.restart();
    context.poll();
  }
};

struct Waits {
  [[nodiscard]] static double now() { return process_cpu_seconds(); }
  static void run(net::io_context& context) {
    const auto work = net::make_work_guard(context);
    context.restart();
    context.run_one();
  }
};

template <class Contender, class Consumer>
void write_from_threads(benchmark::State& state) {
  const auto threads = static_cast<std::size_t>(state.range(0));
  const std::size_t per_thread = kThreadItems / threads;
  for ([[maybe_unused]] auto unused : state) {
    net::io_context context(2);
    std::size_t taken = 0;
    Contender contender(context, taken);
    std::barrier start(static_cast<std::ptrdiff_t>(threads + 1));
    std::vector<std::jthread> producers;
    for (std::size_t i = 0; i < threads; ++i) {
      producers.emplace_back([&] {
        auto items = Contender::make(per_thread);
        start.arrive_and_wait();
        for (auto& item : items) {
          contender.submit(item);
        }
      });
    }
    start.arrive_and_wait();
    const double began = Consumer::now();
    while (taken != kThreadItems * kThreadItemBytes) {
      Consumer::run(context);
    }
    state.SetIterationTime(Consumer::now() - began);
    producers.clear();
  }
  count_work(state, kThreadItems * kThreadItemBytes, kThreadItems);
}

void threads(benchmark::internal::Benchmark* of) {
  of->ArgName("threads")->Arg(1)->Arg(2)->Arg(4)->Arg(16)->UseManualTime();
}

void waited_for_threads(benchmark::internal::Benchmark* of) {
  of->ArgName("threads")->Arg(1)->Arg(2)->Arg(16)->UseManualTime();
}

BENCHMARK(write_from_threads<Handle, Polls>)->Name("write_from_threads/handoff")->Apply(threads);
BENCHMARK(write_from_threads<MutexDeque, Polls>)
    ->Name("write_from_threads/mutex_deque")
    ->Apply(threads);
BENCHMARK(write_from_threads<Handle, Waits>)
    ->Name("write_from_threads_waiting/handoff")
    ->Apply(waited_for_threads);
BENCHMARK(write_from_threads<MutexDeque, Waits>)
    ->Name("write_from_threads_waiting/mutex_deque")
    ->Apply(waited_for_threads);

}  // namespace
}  // namespace bytes_handoff::bench
