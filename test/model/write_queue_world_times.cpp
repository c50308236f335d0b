#include <cstddef>
#include <memory>
#include <optional>

#include "model/write_queue_world.hpp"

namespace bytes_handoff::test {

const std::shared_ptr<detail::WriteTimesState>& QueueWorld::all_times() {
  static const auto times = std::make_shared<detail::WriteTimesState>();
  return times;
}

// All that an operation does is done at one time. An item without bytes leaves without an offer.
void QueueWorld::note_times() {
  const WriteStatistics seen = queue_.statistics({});
  item_times_.resize(seen.admitted_items, {now_});
  if (stream_.is_writing() && !model_.has_ended()) {
    const std::size_t left = seen.admitted_items - seen.pending_items;
    for (std::size_t item = left; item != 0 && !item_times_[item - 1].offered; --item) {
      item_times_[item - 1].offered = now_;
    }
    for (std::size_t item = left; item != left + stream_.batch().items; ++item) {
      item_times_[item].offered = item_times_[item].offered.value_or(now_);
    }
  }
}

// Of a write that has just been written, or never will be. Nobody is told any but those who wait,
// or ask while it is one of the last.
void QueueWorld::check_times(const TicketProbe& probe, bool is_written, bool has_waited) {
  const std::optional<WriteDurations>& told = probe.times;
  if (!is_written || !shape_.takes_times) {
    expect(!told, "times of a write that has none");
    return;
  }
  const std::size_t behind = item_times_.size() - 1 - probe.write.last;
  if (!told && !has_waited && behind >= 64) {
    return;
  }
  const ItemTimes& first = item_times_[probe.write.first];
  const Queue::TimePoint offered = first.offered.value_or(now_);
  const WriteDurations expected{offered - first.admitted, now_ - offered};
  expect(told == expected, "the times of a write");
}

}  // namespace bytes_handoff::test
