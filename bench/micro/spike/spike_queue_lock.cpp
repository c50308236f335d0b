// Spike: what guards the write queue. std::mutex, an adaptive pthread mutex, a small lock that
// spins and then parks, and a bounded lock-free ring; one item a submission against batches.
//
// Decision record: docs/design/0009-a-mutex-guards-the-queue.md. The model keeps what the library's
// queue needs: items and bytes admitted together, hard limits that count what the writer holds, a
// drain of up to 64 items, and a wake-up only where the writer said that it is idle.

#include <benchmark/benchmark.h>
#include <immintrin.h>
#include <pthread.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t kMaxItems = 4096;
constexpr std::size_t kItemBytes = 64;
constexpr std::size_t kMaxBytes = kMaxItems * kItemBytes;
constexpr std::size_t kDrain = 64;

struct Item {
  const std::byte* data = nullptr;
  std::size_t size = 0;
  void* owner = nullptr;
  void* ticket = nullptr;
};

class AdaptiveMutex {
 public:
  AdaptiveMutex() {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP);
    pthread_mutex_init(&mutex_, &attributes);
    pthread_mutexattr_destroy(&attributes);
  }
  ~AdaptiveMutex() { pthread_mutex_destroy(&mutex_); }
  AdaptiveMutex(const AdaptiveMutex&) = delete;
  AdaptiveMutex& operator=(const AdaptiveMutex&) = delete;
  void lock() { pthread_mutex_lock(&mutex_); }
  void unlock() { pthread_mutex_unlock(&mutex_); }

 private:
  pthread_mutex_t mutex_;
};

// 0: free, 1: held, 2: held and somebody may be parked.
template <int Spins>
class SpinThenPark {
 public:
  void lock() {
    std::uint32_t expected = 0;
    if (state_.compare_exchange_strong(expected, 1, std::memory_order_acquire)) return;
    lock_slow();
  }
  void unlock() {
    if (state_.exchange(0, std::memory_order_release) == 2) state_.notify_one();
  }

 private:
  [[gnu::noinline]] void lock_slow() {
    for (int i = 0; i < Spins; ++i) {
      std::uint32_t expected = 0;
      if (state_.load(std::memory_order_relaxed) == 0 &&
          state_.compare_exchange_weak(expected, 1, std::memory_order_acquire)) {
        return;
      }
      _mm_pause();
    }
    while (state_.exchange(2, std::memory_order_acquire) != 0) {
      state_.wait(2, std::memory_order_relaxed);
    }
  }

  std::atomic<std::uint32_t> state_{0};
};

// The writer parks here when the queue told it that there is nothing; stands for a post to its
// executor from another thread.
class Wake {
 public:
  void signal() {
    count_.fetch_add(1, std::memory_order_release);
    count_.notify_one();
  }
  void wait() {
    count_.wait(seen_, std::memory_order_acquire);
    seen_ = count_.load(std::memory_order_acquire);
  }

 private:
  std::atomic<std::uint32_t> count_{0};
  std::uint32_t seen_ = 0;
};

template <class Lock>
class LockedQueue {
 public:
  bool submit(std::span<const Item> items) {
    std::size_t bytes = 0;
    for (const Item& item : items) bytes += item.size;
    bool writer_idle = false;
    {
      const std::lock_guard lock(lock_);
      if (closed_ || items.size() > kMaxItems - used_items_ || bytes > kMaxBytes - used_bytes_) {
        return false;
      }
      used_items_ += items.size();
      used_bytes_ += bytes;
      for (const Item& item : items) ring_[tail_++ % kMaxItems] = item;
      writer_idle = idle_;
      idle_ = false;
    }
    if (writer_idle) wake_.signal();
    return true;
  }

  // Gives the budget of the last batch back and takes the next.
  std::size_t drain(std::array<Item, kDrain>& out, std::size_t done_items, std::size_t done_bytes) {
    const std::lock_guard lock(lock_);
    used_items_ -= done_items;
    used_bytes_ -= done_bytes;
    const std::size_t count = std::min(kDrain, tail_ - head_);
    for (std::size_t i = 0; i < count; ++i) out[i] = ring_[head_++ % kMaxItems];
    idle_ = count == 0;
    return count;
  }

  void wait() { wake_.wait(); }

 private:
  Lock lock_;
  bool closed_ = false;
  bool idle_ = false;
  std::size_t used_items_ = 0;
  std::size_t used_bytes_ = 0;
  std::size_t head_ = 0;
  std::size_t tail_ = 0;
  std::vector<Item> ring_ = std::vector<Item>(kMaxItems);
  Wake wake_;
};

// Budget word and cell sequence numbers instead of a lock. It has no waiters and no close; both
// would need states of their own beside the budget.
class LockFreeQueue {
 public:
  bool submit(std::span<const Item> items) {
    std::uint64_t bytes = 0;
    for (const Item& item : items) bytes += item.size;
    std::uint64_t used = budget_.load(std::memory_order_relaxed);
    do {
      if (items.size() > kMaxItems - (used >> kByteBits) ||
          bytes > kMaxBytes - (used & kByteMask)) {
        return false;
      }
    } while (!budget_.compare_exchange_weak(used, used + (items.size() << kByteBits) + bytes,
                                            std::memory_order_acq_rel));
    std::uint64_t at = tail_.fetch_add(items.size(), std::memory_order_relaxed);
    for (const Item& item : items) {
      Cell& cell = cells_[at % kMaxItems];
      cell.item = item;
      cell.sequence.store(++at, std::memory_order_seq_cst);
    }
    if (idle_.load(std::memory_order_seq_cst) && idle_.exchange(false)) wake_.signal();
    return true;
  }

  std::size_t drain(std::array<Item, kDrain>& out, std::size_t done_items, std::size_t done_bytes) {
    if (done_items != 0) {
      budget_.fetch_sub((std::uint64_t{done_items} << kByteBits) + done_bytes,
                        std::memory_order_acq_rel);
    }
    std::size_t count = take(out);
    if (count == 0) {
      idle_.store(true, std::memory_order_seq_cst);
      count = take(out);
      if (count != 0 && !idle_.exchange(false)) wake_.wait();
    }
    return count;
  }

  void wait() { wake_.wait(); }

 private:
  static constexpr unsigned kByteBits = 40;
  static constexpr std::uint64_t kByteMask = (std::uint64_t{1} << kByteBits) - 1;
  struct alignas(64) Cell {
    Item item;
    std::atomic<std::uint64_t> sequence{0};
  };

  std::size_t take(std::array<Item, kDrain>& out) {
    std::size_t count = 0;
    while (count < kDrain) {
      Cell& cell = cells_[head_ % kMaxItems];
      if (cell.sequence.load(std::memory_order_seq_cst) != head_ + 1) break;
      out[count++] = cell.item;
      ++head_;
    }
    return count;
  }

  alignas(64) std::atomic<std::uint64_t> budget_{0};
  alignas(64) std::atomic<std::uint64_t> tail_{0};
  alignas(64) std::atomic<bool> idle_{false};
  alignas(64) std::uint64_t head_ = 0;
  std::vector<Cell> cells_ = std::vector<Cell>(kMaxItems);
  Wake wake_;
};

std::size_t bytes_of(const std::array<Item, kDrain>& batch, std::size_t count) {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < count; ++i) bytes += batch[i].size;
  return bytes;
}

std::vector<Item> make_burst(std::size_t count) {
  static constexpr std::byte kPayload[kItemBytes]{};
  return std::vector<Item>(count, Item{kPayload, kItemBytes, nullptr, nullptr});
}

void report(benchmark::State& state, std::size_t items_per_iteration) {
  state.counters["per_item"] = benchmark::Counter(
      static_cast<double>(state.iterations()) * static_cast<double>(items_per_iteration),
      benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

// A connection on one thread: 64 items in submissions of `batch`, then one drain.
template <class Queue>
void same_thread(benchmark::State& state) {
  std::thread([] {}).join();  // glibc and libstdc++ skip atomics until a thread was started
  const auto burst = make_burst(static_cast<std::size_t>(state.range(0)));
  Queue queue;
  std::array<Item, kDrain> batch;
  std::size_t count = 0;
  for (auto _ : state) {
    for (std::size_t sent = 0; sent < kDrain; sent += burst.size()) {
      if (!queue.submit(burst)) state.SkipWithError("refused");
    }
    count = queue.drain(batch, count, bytes_of(batch, count));
    benchmark::DoNotOptimize(batch.data());
  }
  report(state, kDrain);
}

// Stands for the system call that a gather costs: while it runs, a backlog forms.
void pretend_to_send(std::chrono::nanoseconds cost) {
  if (cost.count() == 0) return;
  const auto until = std::chrono::steady_clock::now() + cost;
  while (std::chrono::steady_clock::now() < until) _mm_pause();
}

// `producers` threads submit `total` items between them; the calling thread drains and "sends".
template <class Queue>
double run_across_threads(std::size_t producers, std::size_t batch_items, std::size_t total,
                          std::chrono::nanoseconds send_cost) {
  Queue queue;
  std::atomic<bool> go{false};
  std::vector<std::thread> threads;
  for (std::size_t p = 0; p < producers; ++p) {
    threads.emplace_back([&] {
      const auto burst = make_burst(batch_items);
      go.wait(false);
      for (std::size_t sent = 0; sent < total / producers; sent += batch_items) {
        while (!queue.submit(burst)) std::this_thread::yield();
      }
    });
  }
  const auto begin = std::chrono::steady_clock::now();
  go.store(true);
  go.notify_all();
  std::array<Item, kDrain> batch;
  std::size_t received = 0;
  std::size_t count = 0;
  while (received < total) {
    count = queue.drain(batch, count, bytes_of(batch, count));
    received += count;
    benchmark::DoNotOptimize(batch.data());
    if (count == 0) {
      queue.wait();
    } else {
      pretend_to_send(send_cost);
    }
  }
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  for (std::thread& thread : threads) thread.join();
  return taken.count();
}

template <class Queue>
void across_threads(benchmark::State& state) {
  constexpr std::size_t kTotal = std::size_t{1} << 18;
  for (auto _ : state) {
    state.SetIterationTime(run_across_threads<Queue>(
        static_cast<std::size_t>(state.range(0)), static_cast<std::size_t>(state.range(1)), kTotal,
        std::chrono::nanoseconds(state.range(2))));
  }
  report(state, kTotal);
}

template <class Queue>
void add(const std::string& name) {
  benchmark::RegisterBenchmark(("same_thread/" + name).c_str(), same_thread<Queue>)
      ->Arg(1)
      ->Arg(16)
      ->Arg(64);
  benchmark::RegisterBenchmark(("across_threads/" + name).c_str(), across_threads<Queue>)
      ->ArgsProduct({{1, 4, 16}, {1, 16, 64}, {0, 2000}})
      ->UseManualTime()
      ->Iterations(2);
}

}  // namespace

int main(int argc, char** argv) {
  add<LockedQueue<std::mutex>>("std_mutex");
  add<LockedQueue<AdaptiveMutex>>("adaptive_mutex");
  add<LockedQueue<SpinThenPark<0>>>("park_at_once");
  add<LockedQueue<SpinThenPark<40>>>("spin_40_then_park");
  add<LockedQueue<SpinThenPark<100>>>("spin_100_then_park");
  add<LockFreeQueue>("lock_free_ring");
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
