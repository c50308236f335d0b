#include "bytes_handoff/core/queue/write_timer.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <utility>

namespace bytes_handoff::detail {

void WriteTimer::note_admitted(std::uint64_t items) noexcept {
  at(came_++) = {items, time(), {}, {}};
}

void WriteTimer::look() noexcept { now_ = time(); }

void WriteTimer::note_offered(std::uint64_t items) noexcept {
  for (; offered_ != came_ && offered_items_ < items; ++offered_) {
    Stamp& stamp = at(offered_);
    stamp.offered = std::max(now_, stamp.admitted);
    offered_items_ = stamp.items;
  }
}

void WriteTimer::note_written(std::uint64_t items) noexcept {
  for (; left_ != came_ && at(left_).items <= items; ++left_) {
    note_offered(at(left_).items);  // a write without bytes leaves without
    at(left_).written = std::max(now_, at(left_).offered);
    times_->record(durations_of(at(left_)));
  }
}

std::optional<WriteDurations> WriteTimer::durations(std::uint64_t last) const noexcept {
  std::uint64_t low = first_known();
  std::uint64_t high = left_;
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    if (at(middle).items <= last) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low >= left_ || at(low).items != last + 1) {
    return std::nullopt;
  }
  return durations_of(at(low));
}

void WriteTimer::reserve(std::size_t writes) {
  if (writes <= capacity_) {
    return;
  }
  if (writes > SIZE_MAX / 2 / sizeof(Stamp)) {
    throw std::bad_alloc();
  }
  const std::size_t capacity = std::bit_ceil(writes);
  auto stamps = std::make_unique<Stamp[]>(capacity);
  for (std::uint64_t write = first_known(); write != came_; ++write) {
    stamps[write & (capacity - 1)] = at(write);
  }
  stamps_ = std::move(stamps);
  capacity_ = capacity;
}

}  // namespace bytes_handoff::detail
