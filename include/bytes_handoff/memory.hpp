#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

#include "bytes_handoff/core/support/abi.hpp"

namespace bytes_handoff {

/// What the library's pool keeps of memory that nobody uses. Blocks of buffers, queue nodes and
/// ticket states come from this pool. Blocks from a `block_source` (`config.hpp`) do not.
///
/// Each thread has a cache, and all threads share a depot. A cache leases a part of the pool's
/// limit (`pool_set_limit`), and holds no more than that. The rest goes to the depot. What the
/// depot may not keep goes to `operator delete`. A thread that ends leaves its cache to the depot.
///
/// Figures are in bytes as the pool takes them from `operator new`, bookkeeping included. They are
/// 0 under AddressSanitizer, where nothing is cached.
struct PoolStatistics {
  /// Upper bound of `cached_bytes()`. A cache that cannot lease more, and a full depot, give back
  /// to the system.
  std::size_t limit_bytes = 0;
  /// Bytes in the depot. Exact.
  std::size_t shared_bytes = 0;
  /// Bytes that the caches of all threads may hold: an upper bound of what they do hold.
  std::size_t leased_bytes = 0;
  /// Threads that have a cache.
  std::size_t threads = 0;

  /// Upper bound of the bytes that the pool keeps in all.
  [[nodiscard]] std::size_t cached_bytes() const noexcept { return shared_bytes + leased_bytes; }
};

/// The limit until `pool_set_limit` is called.
inline constexpr std::size_t kDefaultPoolLimit = 64 * 1024 * 1024;

/// The figures of this moment. Threads: may be called on any. Cost: one lock.
[[nodiscard]] PoolStatistics pool_statistics() noexcept;

/// Gives back to `operator delete` what the depot and the calling thread's cache hold. Other
/// threads give back theirs when they next exchange memory with the depot; an idle thread keeps its
/// cache until then. Pipes that no relay uses are closed. Whether the process's resident memory
/// falls is up to the C library.
///
/// Threads: may be called on any. Cost: O(pieces that are given back).
void pool_trim() noexcept;

/// Sets the limit for the whole process; 0 caches nothing. When it is lowered, the depot and the
/// calling thread give back at once what is over. Other threads do when they next exchange memory
/// with the depot, and the limit holds from then on.
///
/// A thread leases at most a quarter of the limit divided by the number of threads, and at most
/// 4 MiB. Larger limits trade memory for fewer calls of `operator new`.
///
/// Threads: may be called on any. Cost: O(pieces that are given back).
void pool_set_limit(std::size_t bytes) noexcept;

// ---- One bound over the memory of many queues and buffers.

/// A queue that may be shed: it has bytes to write, and has made no progress for `shed_after`.
struct ShedCandidate {
  /// Bytes that its items keep from being freed, also where others keep them, too.
  std::size_t held_bytes = 0;
  /// Since when nothing has left it, as far as looks have seen.
  std::chrono::nanoseconds silent{0};
  /// `WriteHandoffConfig::budget_tag`.
  std::uint64_t tag = 0;
};

/// The larger, the sooner the queue is shed. 0: it is spared. It is called under locks: it must not
/// throw, and call nothing of this library but `usual_shed_rank`.
using ShedRank = std::function<std::uint64_t(const ShedCandidate&)>;

/// The bytes that it holds, times the time without progress.
[[nodiscard]] std::uint64_t usual_shed_rank(const ShedCandidate& candidate) noexcept;

/// How much memory the members of a `MemoryBudget` may take, and who is ended when it gets short.
struct MemoryBudgetConfig {
  /// Bytes that all members may take together. At least 1.
  std::size_t limit = 256 * 1024 * 1024;
  /// Bytes from which on queues are shed. At most `limit`. 0: seven eighths of it.
  std::size_t high_mark = 0;
  /// Bytes that each queue and each buffer has for itself. So one that holds nothing goes on while
  /// the rest is taken. They are taken from `limit` when it is made. A buffer needs about 700
  /// for a read of 512 bytes. At most `limit`.
  std::size_t floor = 1024;
  /// A queue that has made no progress for this long may be shed. Zero: none is. It is noticed
  /// within a quarter of this time. Not negative.
  std::chrono::nanoseconds shed_after{std::chrono::seconds{10}};
  /// Who is shed first. Empty: `usual_shed_rank`.
  ShedRank shed_rank{};
};

/// What a `MemoryBudget` has seen. Exact at any quiet moment.
struct MemoryBudgetStatistics {
  std::size_t limit_bytes = 0;
  /// Bytes that members have taken, their floors included. Never more than the limit.
  std::size_t charged_bytes = 0;
  /// Floors of the members.
  std::size_t floor_bytes = 0;
  /// Members that wait for memory, and bytes that they wait for. A queue waits once, for the first
  /// write of its line.
  std::size_t waiters = 0;
  std::size_t waiting_bytes = 0;
  /// Members that had to wait, and requests that were refused, or tried again by waiting.
  std::uint64_t waits = 0;
  std::uint64_t refusals = 0;
  /// Queues that were shed, and bytes that they held.
  std::uint64_t shed_queues = 0;
  std::uint64_t shed_bytes = 0;
};

namespace detail {
class BudgetState;
struct BudgetAccess;
}  // namespace detail

/// One bound over the memory of many queues and buffers, for `WriteHandoffConfig::memory_budget`
/// and `HandoffBufferConfig::memory_budget`. Near the bound it sheds load: it ends queues whose
/// peers do not read.
///
/// Charged is a block that a member takes, once, until it is freed, also if slices keep it longer
/// than the member. A pipe of a relay is charged as 64 KiB while it is held. Of other items that
/// are admitted the bytes are charged until they have left the queue. An entry of a `FanOut` is
/// charged once, or its whole block is, until all queues and the log have dropped it. Static bytes
/// are not charged, nor are writes that wait, or what the kernel and the pool hold.
///
/// Who finds no memory is refused, or waits, as at its own limit. Those who wait are served first
/// come, first served, each member once. Nobody takes memory past them.
///
/// A queue that is shed ends with `Errc::shed`, and what it has not written is dropped.
///
/// Ownership: a handle; copies are the same budget. A member, and a block that it has taken, keep
///     the budget alive.
/// Threads: any member, any thread, at any time.
class MemoryBudget {
 public:
  /// No budget: what is configured with it has no bound but its own.
  MemoryBudget() noexcept = default;
  /// Errors: throws `std::invalid_argument` if `config` can never work. Its text names the member
  ///     and the rule.
  explicit MemoryBudget(const MemoryBudgetConfig& config);
  MemoryBudget(const MemoryBudget& other) noexcept : state_(other.state_) {
    if (state_ != nullptr) {
      add_handle();
    }
  }
  MemoryBudget(MemoryBudget&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  MemoryBudget& operator=(const MemoryBudget& other) noexcept {
    MemoryBudget copy(other);
    std::swap(state_, copy.state_);
    return *this;
  }
  MemoryBudget& operator=(MemoryBudget&& other) noexcept {
    MemoryBudget from(std::move(other));
    std::swap(state_, from.state_);
    return *this;
  }
  ~MemoryBudget() {
    if (state_ != nullptr) {
      drop_handle();
    }
  }

  /// Whether there is a budget. The other functions need one.
  [[nodiscard]] bool valid() const noexcept { return state_ != nullptr; }

  /// Ends queues without progress until `bytes` are free. What cannot be had now is asked for again
  /// with each look at the queues, until so much has been free.
  ///
  /// Returns at once: a queue that has something to write looks, on its executor.
  /// Cost: O(queues). The look also costs O(items) of those without progress. Neither allocates.
  void shed(std::size_t bytes) const noexcept;

  /// The figures of this moment. Cost: two locks.
  [[nodiscard]] MemoryBudgetStatistics statistics() const noexcept;

  friend bool operator==(const MemoryBudget&, const MemoryBudget&) noexcept = default;

 private:
  friend detail::BudgetAccess;

  void add_handle() const noexcept;
  void drop_handle() noexcept;

  detail::BudgetState* state_ = nullptr;
};

namespace detail {

/// Throws `std::invalid_argument` if `config` can never work.
void throw_if_invalid(const MemoryBudgetConfig& config);

}  // namespace detail

}  // namespace bytes_handoff
