#pragma once

// A registry of queues as its members see it.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>

#include "bytes_handoff/core/support/intrusive_list.hpp"
#include "bytes_handoff/observing/queue_registry.hpp"
#include "bytes_handoff/statistics.hpp"

namespace bytes_handoff::detail {

/// A queue that is listed, from `QueueRegistryState::enter` to `leave`.
class RegistryMember : public ListNode {
 public:
  RegistryMember() noexcept = default;

  // Under the list's lock.
  /// Keeps it alive and listed, until `let_go`. False: it is being destroyed. It takes no lock.
  [[nodiscard]] virtual bool try_hold() noexcept = 0;
  /// Its figures, where it is being destroyed. It may take the queue's lock.
  [[nodiscard]] virtual WriteStatistics last_statistics() noexcept = 0;

  // Outside of locks, while it is held.
  virtual void let_go() noexcept = 0;
  [[nodiscard]] virtual WriteStatistics statistics() noexcept = 0;
  [[nodiscard]] virtual bool has_ended() const noexcept = 0;
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;

 protected:
  virtual ~RegistryMember() = default;

 private:
  friend class QueueRegistryState;

  std::uint64_t number_ = 0;  // they come in this order
};

/// The queues, oldest first, and what those counted that are gone.
class QueueRegistryState {
 public:
  QueueRegistryState() noexcept = default;
  QueueRegistryState(const QueueRegistryState&) = delete;
  QueueRegistryState& operator=(const QueueRegistryState&) = delete;

  void enter(RegistryMember& member) noexcept;
  /// Nobody holds it.
  void leave(RegistryMember& member) noexcept;

  [[nodiscard]] std::size_t size() const noexcept;
  /// As `QueueRegistry::report`.
  [[nodiscard]] QueueRegistryReport report(std::size_t most);

 private:
  static constexpr std::size_t kHeldAtOnce = 32;

  // A report that is being made: looks at all queues that are there now, some at a time. It holds
  // those, so that it finds on from the last one.
  class Walk final : public ListNode {
   public:
    explicit Walk(QueueRegistryState& registry) noexcept;
    ~Walk();

    /// The next ones; none: that was all.
    [[nodiscard]] std::span<RegistryMember* const> next() noexcept;

    // Of queues that are gone, also of those that go before the walk comes there: or they would be
    // missing from the sums, and be in those of the next report.
    WriteCounts counted_by_gone;
    std::uint64_t gone_queues = 0;

   private:
    friend class QueueRegistryState;

    [[nodiscard]] bool is_still_to_be_seen(const RegistryMember& member) const noexcept {
      return member.number_ > seen_ && member.number_ <= last_;
    }
    void count_gone(RegistryMember& member) noexcept;
    void let_go() noexcept;

    QueueRegistryState& registry_;
    std::uint64_t last_;
    std::uint64_t seen_ = 0;
    std::array<RegistryMember*, kHeldAtOnce> held_{};
    std::size_t held_count_ = 0;
  };

  mutable std::mutex mutex_;
  IntrusiveList<RegistryMember> members_;
  IntrusiveList<Walk> walks_;
  std::uint64_t numbers_ = 0;
  WriteCounts counted_by_gone_;
  std::uint64_t gone_queues_ = 0;
};

/// What users of a registry do not need.
struct RegistryAccess {
  [[nodiscard]] static const std::shared_ptr<QueueRegistryState>& state(
      const QueueRegistry& registry) noexcept {
    return registry.state_;
  }
};

}  // namespace bytes_handoff::detail
