// Spike: how slices of a read block are counted, and what the alignment of block data costs.
//
// Decision records: docs/design/memory/0001-references-in-bulk.md and
// docs/design/memory/0008-blocks-begin-on-a-cache-line.md. The contenders are self-contained
// models, not the library's types, so that the figures can be had again after the library moved on.

#include <benchmark/benchmark.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t kBlockBytes = 64 * 1024;
constexpr std::size_t kTotalBytes = 2 * 1024 * 1024;
constexpr std::uint64_t kBulkReferences = std::uint64_t{1} << 32;

struct alignas(64) Block {
  std::atomic<std::uint64_t> references{0};
  alignas(64) std::byte data[kBlockBytes];
};

// A few spare blocks behind a lock stand for a warm pool: what is compared is the counting, and one
// uncontended lock a block weighs the same on every contender.
class SpareBlocks {
 public:
  Block* take() {
    const std::lock_guard lock(mutex_);
    if (spare_.empty()) {
      auto* block = new Block;
      std::memset(block->data, 'x', kBlockBytes);
      return block;
    }
    Block* block = spare_.back();
    spare_.pop_back();
    return block;
  }
  void give_back(Block* block) {
    const std::lock_guard lock(mutex_);
    spare_.push_back(block);
  }

 private:
  std::mutex mutex_;
  std::vector<Block*> spare_;
};

SpareBlocks& spare_blocks() {
  static SpareBlocks blocks;
  return blocks;
}

Block* take_block() { return spare_blocks().take(); }
void give_back(Block* block) { spare_blocks().give_back(block); }

void release(Block* block, std::uint64_t count) {
  if (block->references.fetch_sub(count, std::memory_order_acq_rel) == count) give_back(block);
}

struct Slice {
  const std::byte* data;
  std::uint64_t size;
  Block* owner;
};

// The buffer that fills the block holds one reference; each slice takes its own.
class AtomicFiller {
 public:
  AtomicFiller() : block_(take_block()) { block_->references.store(1, std::memory_order_relaxed); }
  ~AtomicFiller() { release(block_, 1); }
  AtomicFiller(const AtomicFiller&) = delete;
  AtomicFiller& operator=(const AtomicFiller&) = delete;

  Slice slice(std::size_t offset, std::size_t size) {
    block_->references.fetch_add(1, std::memory_order_relaxed);
    return {block_->data + offset, size, block_};
  }

 private:
  Block* block_;
};

// The buffer that fills the block owns a bulk of references, hands them out without an atomic, and
// returns the rest at once.
class BulkFiller {
 public:
  BulkFiller() : block_(take_block()) {
    block_->references.store(kBulkReferences, std::memory_order_relaxed);
  }
  ~BulkFiller() { release(block_, left_); }
  BulkFiller(const BulkFiller&) = delete;
  BulkFiller& operator=(const BulkFiller&) = delete;

  Slice slice(std::size_t offset, std::size_t size) {
    if (left_ == 1) refill();
    --left_;
    return {block_->data + offset, size, block_};
  }

 private:
  [[gnu::noinline]] void refill() {
    block_->references.fetch_add(kBulkReferences, std::memory_order_relaxed);
    left_ += kBulkReferences;
  }

  Block* block_;
  std::uint64_t left_ = kBulkReferences;
};

void drop_each(std::vector<Slice>& slices) {
  for (const Slice& slice : slices) release(slice.owner, 1);
  slices.clear();
}

void drop_runs(std::vector<Slice>& slices) {
  std::size_t i = 0;
  while (i < slices.size()) {
    Block* owner = slices[i].owner;
    const std::size_t first = i;
    while (i < slices.size() && slices[i].owner == owner) ++i;
    release(owner, i - first);
  }
  slices.clear();
}

// libstdc++ counts without atomics until a thread was started; a real program has threads.
void leave_single_threaded_mode() {
  std::thread([] {}).join();
}

void report(benchmark::State& state, std::size_t slices_per_iteration) {
  const auto slices =
      static_cast<double>(state.iterations()) * static_cast<double>(slices_per_iteration);
  state.counters["per_slice"] =
      benchmark::Counter(slices, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

template <class Filler, void (*Drop)(std::vector<Slice>&)>
void split_shared(benchmark::State& state) {
  leave_single_threaded_mode();
  const auto size = static_cast<std::size_t>(state.range(0));
  std::vector<Slice> slices;
  slices.reserve(kBlockBytes / size);
  for (auto _ : state) {
    for (std::size_t block = 0; block < kTotalBytes / kBlockBytes; ++block) {
      {
        Filler filler;
        for (std::size_t at = 0; at + size <= kBlockBytes; at += size) {
          slices.push_back(filler.slice(at, size));
        }
      }
      benchmark::DoNotOptimize(slices.data());
      benchmark::ClobberMemory();
      Drop(slices);
    }
  }
  report(state, kTotalBytes / size);
}

void split_shared_ptr(benchmark::State& state) {
  struct SharedSlice {
    std::shared_ptr<Block> owner;
    const std::byte* data;
    std::size_t size;
  };
  leave_single_threaded_mode();
  const auto size = static_cast<std::size_t>(state.range(0));
  std::vector<SharedSlice> slices;
  slices.reserve(kBlockBytes / size);
  for (auto _ : state) {
    for (std::size_t block = 0; block < kTotalBytes / kBlockBytes; ++block) {
      {
        const std::shared_ptr<Block> owner(take_block(), give_back);
        for (std::size_t at = 0; at + size <= kBlockBytes; at += size) {
          slices.push_back({owner, owner->data + at, size});
        }
      }
      benchmark::DoNotOptimize(slices.data());
      benchmark::ClobberMemory();
      slices.clear();
    }
  }
  report(state, kTotalBytes / size);
}

void split_copy_malloc(benchmark::State& state) {
  struct Copy {
    void* data;
    std::size_t size;
  };
  leave_single_threaded_mode();
  const auto size = static_cast<std::size_t>(state.range(0));
  std::vector<Copy> copies;
  copies.reserve(kBlockBytes / size);
  Block* source = take_block();
  for (auto _ : state) {
    for (std::size_t block = 0; block < kTotalBytes / kBlockBytes; ++block) {
      for (std::size_t at = 0; at + size <= kBlockBytes; at += size) {
        void* copy = std::malloc(size);
        if (copy == nullptr) std::abort();
        std::memcpy(copy, source->data + at, size);
        copies.push_back({copy, size});
      }
      benchmark::DoNotOptimize(copies.data());
      benchmark::ClobberMemory();
      for (const Copy& copy : copies) std::free(copy.data);
      copies.clear();
    }
  }
  give_back(source);
  report(state, kTotalBytes / size);
}

// Slices cross to another thread, 16 at a time, which drops them while the first still splits the
// same block.
class SliceRing {
 public:
  static constexpr std::size_t kStep = 16;
  Slice* room() {
    const std::uint64_t at = tail_.load(std::memory_order_relaxed);
    while (at - head_.load(std::memory_order_acquire) == kSlots) std::this_thread::yield();
    return slots_[at % kSlots].data();
  }
  void publish() {
    tail_.store(tail_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }
  bool pop(std::vector<Slice>& out) {
    const std::uint64_t at = head_.load(std::memory_order_relaxed);
    if (at == tail_.load(std::memory_order_acquire)) return false;
    out.assign(slots_[at % kSlots].begin(), slots_[at % kSlots].end());
    head_.store(at + 1, std::memory_order_release);
    return true;
  }

 private:
  static constexpr std::size_t kSlots = 64;
  alignas(64) std::atomic<std::uint64_t> head_{0};
  alignas(64) std::atomic<std::uint64_t> tail_{0};
  alignas(64) std::array<std::array<Slice, kStep>, kSlots> slots_;
};

template <class Filler, void (*Drop)(std::vector<Slice>&)>
void split_dropped_elsewhere(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  SliceRing ring;
  std::atomic<bool> stop{false};
  std::thread consumer([&] {
    std::vector<Slice> slices;
    slices.reserve(SliceRing::kStep);
    for (;;) {
      const bool last_round = stop.load(std::memory_order_acquire);
      if (ring.pop(slices)) {
        Drop(slices);
      } else if (last_round) {
        return;
      } else {
        std::this_thread::yield();
      }
    }
  });
  for (auto _ : state) {
    Filler filler;
    for (std::size_t at = 0; at < kBlockBytes;) {
      Slice* const room = ring.room();
      for (std::size_t i = 0; i < SliceRing::kStep; ++i, at += size)
        room[i] = filler.slice(at, size);
      ring.publish();
    }
  }
  stop.store(true, std::memory_order_release);
  consumer.join();
  report(state, kBlockBytes / size);
}

void memcpy_offset(benchmark::State& state) {
  constexpr std::size_t kLength = 32 * 1024;
  constexpr std::size_t kPage = 4096;
  const auto offset = static_cast<std::size_t>(state.range(0));
  const std::size_t room = kLength + 2 * kPage;
  auto* area =
      static_cast<std::byte*>(std::aligned_alloc(kPage, 2 * (room + kPage) / kPage * kPage));
  if (area == nullptr) std::abort();
  std::memset(area, 1, 2 * (room + kPage) / kPage * kPage);
  std::byte* source = area;
  std::byte* target = area + (room + kPage) / kPage * kPage + offset;
  for (auto _ : state) {
    std::memcpy(target, source, kLength);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(kLength));
  std::free(area);
}

BENCHMARK(split_shared<AtomicFiller, drop_each>)
    ->Name("split/atomic_drop_each")
    ->Arg(16)
    ->Arg(64)
    ->Arg(512);
BENCHMARK(split_shared<AtomicFiller, drop_runs>)
    ->Name("split/atomic_drop_runs")
    ->Arg(16)
    ->Arg(64)
    ->Arg(512);
BENCHMARK(split_shared<BulkFiller, drop_each>)
    ->Name("split/bulk_drop_each")
    ->Arg(16)
    ->Arg(64)
    ->Arg(512);
BENCHMARK(split_shared<BulkFiller, drop_runs>)
    ->Name("split/bulk_drop_runs")
    ->Arg(16)
    ->Arg(64)
    ->Arg(512);
BENCHMARK(split_shared_ptr)->Name("split/shared_ptr")->Arg(16)->Arg(64)->Arg(512);
BENCHMARK(split_copy_malloc)->Name("split/copy_malloc")->Arg(16)->Arg(64)->Arg(512);
BENCHMARK(split_dropped_elsewhere<AtomicFiller, drop_each>)
    ->Name("split_two_threads/atomic_drop_each")
    ->Arg(64)
    ->UseRealTime();
BENCHMARK(split_dropped_elsewhere<BulkFiller, drop_each>)
    ->Name("split_two_threads/bulk_drop_each")
    ->Arg(64)
    ->UseRealTime();
BENCHMARK(split_dropped_elsewhere<BulkFiller, drop_runs>)
    ->Name("split_two_threads/bulk_drop_runs")
    ->Arg(64)
    ->UseRealTime();
BENCHMARK(memcpy_offset)
    ->Name("memcpy_32k/offset")
    ->Arg(0)
    ->Arg(8)
    ->Arg(16)
    ->Arg(24)
    ->Arg(64)
    ->Arg(2048);

}  // namespace
