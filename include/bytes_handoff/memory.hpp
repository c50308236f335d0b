#pragma once

#include <cstddef>

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

}  // namespace bytes_handoff
