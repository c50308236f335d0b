#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/core/support/abi.hpp"
#include "bytes_handoff/statistics.hpp"

namespace bytes_handoff {

/// A queue of a `QueueRegistry` at one moment.
struct QueueReport {
  /// `WriteHandoffConfig::name`.
  std::string name{};
  /// Whether it has ended. It stays until the last handle, ticket and operation of it has gone.
  bool has_ended = false;
  WriteStatistics statistics{};
};

/// What a `QueueRegistry` knows of its queues.
struct QueueRegistryReport {
  /// Queues that are there, and those of them that have ended.
  std::size_t queues = 0;
  std::size_t ended_queues = 0;
  /// Queues that were there, and are gone.
  std::uint64_t gone_queues = 0;
  /// Of all queues. What is counted is the sum, and those that are gone stay in it: it never falls
  /// from one report to the next. What a queue has now is the sum over those that are there. Of
  /// ages and of high-water marks this is the largest.
  WriteStatistics totals{};
  /// Those that are there and hold most (`WriteStatistics::held_bytes`), most first.
  std::vector<QueueReport> fullest{};
  /// Those that have been stuck for longest (`WriteStatistics::oldest_pending_age`), longest first.
  /// No queue without an age is among them.
  std::vector<QueueReport> oldest{};
};

namespace detail {
class QueueRegistryState;
struct RegistryAccess;
}  // namespace detail

/// Knows the queues that are given it in `WriteHandoffConfig::registry`, so that somebody can ask
/// which of them hold most, or are stuck.
///
/// Ownership: a handle; copies are the same registry. It does not keep a queue, and a queue keeps
/// it. Threads: any member, any thread, at any time.
class QueueRegistry {
 public:
  /// No registry.
  QueueRegistry() noexcept = default;
  /// A new one. Errors: throws `std::bad_alloc`.
  [[nodiscard]] static QueueRegistry make();

  /// Whether there is one. The other functions need one.
  [[nodiscard]] bool valid() const noexcept { return state_ != nullptr; }

  /// How many queues are there. Cost: one lock.
  [[nodiscard]] std::size_t size() const noexcept;

  /// Looks at one queue after the other. Each is seen at one moment, but not all at the same: none
  /// waits for the others. A queue that is made meanwhile is left out.
  ///
  /// `most`: how many queues are described in `fullest`, and in `oldest`.
  /// Errors: throws `std::bad_alloc`.
  /// Cost: for each queue what `WriteHandoff::statistics` costs; one lock of the registry for 32
  ///     queues. Whoever makes or destroys a queue, or reports too, waits for that lock at most.
  ///     It allocates what these two need, whatever the number of queues.
  [[nodiscard]] QueueRegistryReport report(std::size_t most = 10) const;

  friend bool operator==(const QueueRegistry&, const QueueRegistry&) noexcept = default;

 private:
  friend detail::RegistryAccess;

  std::shared_ptr<detail::QueueRegistryState> state_;
};

}  // namespace bytes_handoff
