// Spike: where blocks come from. malloc, one free list under a mutex, or free lists per thread that
// exchange batches with a global depot.
//
// Decision record: docs/design/memory/0007-a-pool-of-blocks.md.

#include <benchmark/benchmark.h>

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <vector>

namespace {

struct FreeNode {
  FreeNode* next;
};

void* fresh(std::size_t size) {
  void* memory = std::aligned_alloc(64, size);
  if (memory == nullptr) std::abort();
  return memory;
}

constexpr std::size_t kClasses = 20;  // powers of two up to 512 KiB
std::size_t class_of(std::size_t size) {
  return static_cast<std::size_t>(std::bit_width(size - 1));
}

struct Malloc {
  static void* take(std::size_t size) {
    void* memory = std::malloc(size);
    if (memory == nullptr) std::abort();
    return memory;
  }
  static void give(void* memory, std::size_t /*size*/) { std::free(memory); }
};

struct AlignedMalloc {
  static void* take(std::size_t size) { return fresh(size); }
  static void give(void* memory, std::size_t /*size*/) { std::free(memory); }
};

struct GlobalList {
  static void* take(std::size_t size) {
    State& state = instance();
    const std::size_t index = class_of(size);
    {
      const std::lock_guard lock(state.mutex);
      if (FreeNode* node = state.heads[index]; node != nullptr) {
        state.heads[index] = node->next;
        return node;
      }
    }
    return fresh(size);
  }
  static void give(void* memory, std::size_t size) {
    State& state = instance();
    auto* node = static_cast<FreeNode*>(memory);
    const std::lock_guard lock(state.mutex);
    node->next = state.heads[class_of(size)];
    state.heads[class_of(size)] = node;
  }

 private:
  struct State {
    std::mutex mutex;
    std::array<FreeNode*, kClasses> heads{};
  };
  static State& instance() {
    static State state;
    return state;
  }
};

// A thread keeps up to 2 * kBatch nodes of a class; half of them move to or from the depot at once.
struct ThreadLists {
  static void* take(std::size_t size) {
    const std::size_t index = class_of(size);
    List& list = lists_[index];
    if (list.head == nullptr && !refill(index)) return fresh(size);
    FreeNode* node = list.head;
    list.head = node->next;
    --list.count;
    return node;
  }
  static void give(void* memory, std::size_t size) {
    const std::size_t index = class_of(size);
    List& list = lists_[index];
    auto* node = static_cast<FreeNode*>(memory);
    node->next = list.head;
    list.head = node;
    if (++list.count == 2 * kBatch) spill(index);
  }

 private:
  static constexpr std::size_t kBatch = 32;
  struct List {
    FreeNode* head = nullptr;
    std::size_t count = 0;
  };
  struct Depot {
    std::mutex mutex;
    std::array<std::vector<FreeNode*>, kClasses> batches;
  };
  static Depot& depot() {
    static Depot instance;
    return instance;
  }
  [[gnu::noinline]] static bool refill(std::size_t index) {
    Depot& shared = depot();
    const std::lock_guard lock(shared.mutex);
    if (shared.batches[index].empty()) return false;
    lists_[index] = {shared.batches[index].back(), kBatch};
    shared.batches[index].pop_back();
    return true;
  }
  [[gnu::noinline]] static void spill(std::size_t index) {
    List& list = lists_[index];
    FreeNode* batch = list.head;
    FreeNode* last = batch;
    for (std::size_t i = 1; i < kBatch; ++i) last = last->next;
    list.head = last->next;
    list.count -= kBatch;
    last->next = nullptr;
    Depot& shared = depot();
    const std::lock_guard lock(shared.mutex);
    shared.batches[index].push_back(batch);
  }

  static constinit thread_local std::array<List, kClasses> lists_;
};
constinit thread_local std::array<ThreadLists::List, kClasses> ThreadLists::lists_{};

// One byte a page is written, as the data of a read would be: memory that goes back to the system
// between two uses shows here.
void touch(void* memory, std::size_t size) {
  auto* bytes = static_cast<volatile std::byte*>(memory);
  for (std::size_t at = 0; at < size; at += 4096) bytes[at] = std::byte{1};
}

void leave_single_threaded_mode() {
  std::thread([] {}).join();
}

void report(benchmark::State& state, std::size_t blocks_per_iteration) {
  state.counters["per_block"] = benchmark::Counter(
      static_cast<double>(state.iterations()) * static_cast<double>(blocks_per_iteration),
      benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

// `depth` blocks are taken, touched and given back, on one thread.
template <class Pool>
void same_thread(benchmark::State& state) {
  leave_single_threaded_mode();
  const auto size = static_cast<std::size_t>(state.range(0));
  const auto depth = static_cast<std::size_t>(state.range(1));
  std::vector<void*> blocks(depth);
  for (auto _ : state) {
    for (void*& block : blocks) {
      block = Pool::take(size);
      touch(block, size);
    }
    for (void* block : blocks) Pool::give(block, size);
  }
  report(state, depth);
}

// One thread takes, another gives back; they meet in a ring, 16 blocks at a time.
class BlockRing {
 public:
  static constexpr std::size_t kStep = 16;
  void push(const std::array<void*, kStep>& blocks) {
    const std::uint64_t at = tail_.load(std::memory_order_relaxed);
    while (at - head_.load(std::memory_order_acquire) == kSlots) std::this_thread::yield();
    slots_[at % kSlots] = blocks;
    tail_.store(at + 1, std::memory_order_release);
  }
  bool pop(std::array<void*, kStep>& blocks) {
    const std::uint64_t at = head_.load(std::memory_order_relaxed);
    if (at == tail_.load(std::memory_order_acquire)) return false;
    blocks = slots_[at % kSlots];
    head_.store(at + 1, std::memory_order_release);
    return true;
  }

 private:
  static constexpr std::size_t kSlots = 16;
  alignas(64) std::atomic<std::uint64_t> head_{0};
  alignas(64) std::atomic<std::uint64_t> tail_{0};
  alignas(64) std::array<std::array<void*, kStep>, kSlots> slots_;
};

template <class Pool>
void freed_elsewhere(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  BlockRing ring;
  std::atomic<bool> stop{false};
  std::thread consumer([&] {
    std::array<void*, BlockRing::kStep> blocks;
    for (;;) {
      const bool last_round = stop.load(std::memory_order_acquire);
      if (ring.pop(blocks)) {
        for (void* block : blocks) Pool::give(block, size);
      } else if (last_round) {
        return;
      } else {
        std::this_thread::yield();
      }
    }
  });
  std::array<void*, BlockRing::kStep> blocks;
  for (auto _ : state) {
    for (void*& block : blocks) {
      block = Pool::take(size);
      touch(block, size);
    }
    ring.push(blocks);
  }
  stop.store(true, std::memory_order_release);
  consumer.join();
  report(state, BlockRing::kStep);
}

void depths(benchmark::internal::Benchmark* bench) {
  bench->ArgsProduct({{64, 2048, 65536}, {1, 64}});
}
void sizes(benchmark::internal::Benchmark* bench) {
  bench->Arg(64)->Arg(2048)->Arg(65536)->UseRealTime();
}

BENCHMARK(same_thread<Malloc>)->Name("pool/malloc")->Apply(depths);
BENCHMARK(same_thread<AlignedMalloc>)->Name("pool/aligned_alloc")->Apply(depths);
BENCHMARK(same_thread<GlobalList>)->Name("pool/global_list")->Apply(depths);
BENCHMARK(same_thread<ThreadLists>)->Name("pool/thread_lists")->Apply(depths);
BENCHMARK(freed_elsewhere<Malloc>)->Name("pool_two_threads/malloc")->Apply(sizes);
BENCHMARK(freed_elsewhere<AlignedMalloc>)->Name("pool_two_threads/aligned_alloc")->Apply(sizes);
BENCHMARK(freed_elsewhere<GlobalList>)->Name("pool_two_threads/global_list")->Apply(sizes);
BENCHMARK(freed_elsewhere<ThreadLists>)->Name("pool_two_threads/thread_lists")->Apply(sizes);

}  // namespace
