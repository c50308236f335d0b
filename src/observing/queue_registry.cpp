#include "bytes_handoff/observing/queue_registry.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "bytes_handoff/core/observing/registry_state.hpp"

namespace bytes_handoff {
namespace detail {
namespace {

void add_counts(WriteCounts& to, const WriteCounts& of) noexcept {
  to.admitted_items += of.admitted_items;
  to.admitted_bytes += of.admitted_bytes;
  to.written_bytes += of.written_bytes;
  to.stream_writes += of.stream_writes;
  to.short_stream_writes += of.short_stream_writes;
  to.high_water_items = std::max(to.high_water_items, of.high_water_items);
  to.high_water_bytes = std::max(to.high_water_bytes, of.high_water_bytes);
  to.high_water_waiters = std::max(to.high_water_waiters, of.high_water_waiters);
  to.high_water_waiting_bytes = std::max(to.high_water_waiting_bytes, of.high_water_waiting_bytes);
  to.waits += of.waits;
  to.time_blocked += of.time_blocked;
  for (std::size_t reason = 0; reason != to.refusals.size(); ++reason) {
    to.refusals[reason] += of.refusals[reason];
  }
}

// What there is now.
void add_gauges(WriteStatistics& to, const WriteStatistics& of) noexcept {
  to.pending_items += of.pending_items;
  to.pending_bytes += of.pending_bytes;
  to.held_bytes += of.held_bytes;
  to.oldest_pending_age = std::max(to.oldest_pending_age, of.oldest_pending_age);
  to.waiters += of.waiters;
  to.waiting_bytes += of.waiting_bytes;
  to.oldest_waiter_age = std::max(to.oldest_waiter_age, of.oldest_waiter_age);
  to.reserved_bytes += of.reserved_bytes;
  to.reserved_items += of.reserved_items;
}

bool holds_more(const QueueReport& one, const QueueReport& other) noexcept {
  return std::pair(one.statistics.held_bytes, one.statistics.pending_bytes) >
         std::pair(other.statistics.held_bytes, other.statistics.pending_bytes);
}

bool is_stuck_longer(const QueueReport& one, const QueueReport& other) noexcept {
  return one.statistics.oldest_pending_age > other.statistics.oldest_pending_age;
}

// The `most` queues that come first in an order, as a heap whose first one comes last of them.
class Foremost {
 public:
  using Order = bool (*)(const QueueReport&, const QueueReport&) noexcept;

  Foremost(std::vector<QueueReport>& reports, std::size_t most, Order comes_before)
      : reports_(&reports), most_(most), comes_before_(comes_before) {}

  void add(RegistryMember& member, const WriteStatistics& statistics, bool has_ended) {
    if (most_ == 0) {
      return;
    }
    QueueReport report{{}, has_ended, statistics};
    if (reports_->size() == most_) {
      if (!comes_before_(report, reports_->front())) {
        return;
      }
      std::pop_heap(reports_->begin(), reports_->end(), comes_before_);
      reports_->pop_back();
    }
    report.name = member.name();
    reports_->push_back(std::move(report));
    std::push_heap(reports_->begin(), reports_->end(), comes_before_);
  }
  void sort() noexcept { std::sort_heap(reports_->begin(), reports_->end(), comes_before_); }

 private:
  std::vector<QueueReport>* reports_;
  std::size_t most_;
  Order comes_before_;
};

}  // namespace

void QueueRegistryState::enter(RegistryMember& member) noexcept {
  const std::lock_guard lock(mutex_);
  member.number_ = ++numbers_;
  members_.push_back(member);
}

void QueueRegistryState::leave(RegistryMember& member) noexcept {
  const std::lock_guard lock(mutex_);
  members_.remove(member);
  add_counts(counted_by_gone_, member.last_statistics());
  ++gone_queues_;
  for (Walk* walk = walks_.front(); walk != nullptr; walk = walks_.after(*walk)) {
    if (walk->is_still_to_be_seen(member)) {
      walk->count_gone(member);
    }
  }
}

std::size_t QueueRegistryState::size() const noexcept {
  const std::lock_guard lock(mutex_);
  return members_.size();
}

QueueRegistryReport QueueRegistryState::report(std::size_t most) {
  QueueRegistryReport report;
  report.fullest.reserve(std::min(most, size()));
  Foremost fullest(report.fullest, most, holds_more);
  Foremost oldest(report.oldest, most, is_stuck_longer);
  Walk walk(*this);
  for (auto members = walk.next(); !members.empty(); members = walk.next()) {
    for (RegistryMember* const member : members) {
      const WriteStatistics statistics = member->statistics();
      const bool has_ended = member->has_ended();
      ++report.queues;
      report.ended_queues += has_ended ? 1 : 0;
      add_counts(report.totals, statistics);
      add_gauges(report.totals, statistics);
      fullest.add(*member, statistics, has_ended);
      if (statistics.oldest_pending_age.count() != 0) {
        oldest.add(*member, statistics, has_ended);
      }
    }
  }
  fullest.sort();
  oldest.sort();
  add_counts(report.totals, walk.counted_by_gone);
  report.gone_queues = walk.gone_queues;
  return report;
}

// ---- A walk.

QueueRegistryState::Walk::Walk(QueueRegistryState& registry) noexcept : registry_(registry) {
  const std::lock_guard lock(registry_.mutex_);
  registry_.walks_.push_back(*this);
  last_ = registry_.numbers_;
  counted_by_gone = registry_.counted_by_gone_;
  gone_queues = registry_.gone_queues_;
}

QueueRegistryState::Walk::~Walk() {
  {
    const std::lock_guard lock(registry_.mutex_);
    registry_.walks_.remove(*this);
  }
  let_go();
}

// The last one of before is let go of when the next ones are found.
std::span<RegistryMember* const> QueueRegistryState::Walk::next() noexcept {
  RegistryMember* const before = held_count_ == 0 ? nullptr : held_[held_count_ - 1];
  if (before != nullptr) {
    --held_count_;
    let_go();
  }
  {
    const std::lock_guard lock(registry_.mutex_);
    RegistryMember* each =
        before == nullptr ? registry_.members_.front() : registry_.members_.after(*before);
    for (; each != nullptr && each->number_ <= last_ && held_count_ != kHeldAtOnce;
         each = registry_.members_.after(*each)) {
      if (each->try_hold()) {
        held_[held_count_++] = each;
      } else {
        count_gone(*each);
      }
      seen_ = each->number_;
    }
  }
  if (before != nullptr) {
    before->let_go();
  }
  return {held_.data(), held_count_};
}

void QueueRegistryState::Walk::count_gone(RegistryMember& member) noexcept {
  add_counts(counted_by_gone, member.last_statistics());
  ++gone_queues;
}

void QueueRegistryState::Walk::let_go() noexcept {
  for (; held_count_ != 0; --held_count_) {
    held_[held_count_ - 1]->let_go();
  }
}

}  // namespace detail

QueueRegistry QueueRegistry::make() {
  QueueRegistry registry;
  registry.state_ = std::make_shared<detail::QueueRegistryState>();
  return registry;
}

std::size_t QueueRegistry::size() const noexcept { return state_->size(); }

QueueRegistryReport QueueRegistry::report(std::size_t most) const { return state_->report(most); }

}  // namespace bytes_handoff
