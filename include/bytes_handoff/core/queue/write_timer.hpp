#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "bytes_handoff/core/observing/write_times_state.hpp"
#include "bytes_handoff/observing/write_times.hpp"

namespace bytes_handoff::detail {

/// When each write of a queue was admitted, offered to the stream, and written.
///
/// Writes are contiguous runs of items, and items are counted from the first one ever. The last 64
/// writes, or more, are known after they have left, too: a ticket may ask late.
class WriteTimer {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  /// Throws std::bad_alloc.
  explicit WriteTimer(std::shared_ptr<WriteTimesState> times)
      : times_(std::move(times)),
        stamps_(std::make_unique<Stamp[]>(kLeastStamps)),
        capacity_(kLeastStamps) {}
  WriteTimer(const WriteTimer&) = delete;
  WriteTimer& operator=(const WriteTimer&) = delete;
  virtual ~WriteTimer() = default;

  /// The time of the stream's executor. On any thread; it takes no lock.
  [[nodiscard]] virtual TimePoint time() noexcept = 0;

  // The rest under the queue's lock. Not inlined: most queues have no timer.
  /// Sees to it that so many writes may be pending. Throws std::bad_alloc, with nothing changed.
  void reserve(std::size_t writes);
  /// A write was admitted; there are `items` now. Precondition: there is room for it.
  void note_admitted(std::uint64_t items) noexcept;
  /// Looks at the time, for what the same step of the writer notes behind it.
  void look() noexcept;
  /// The first `items` items have been offered.
  void note_offered(std::uint64_t items) noexcept;
  /// The first `items` items have been written.
  void note_written(std::uint64_t items) noexcept;

  /// Of the write that ends with the item `last`, if it has been written, and is still known.
  [[nodiscard]] std::optional<WriteDurations> durations(std::uint64_t last) const noexcept;

 private:
  static constexpr std::size_t kLeastStamps = 64;

  struct Stamp {
    std::uint64_t items;  // that there were behind it
    TimePoint admitted;
    TimePoint offered;
    TimePoint written;
  };

  [[nodiscard]] Stamp& at(std::uint64_t write) noexcept { return stamps_[write & (capacity_ - 1)]; }
  [[nodiscard]] const Stamp& at(std::uint64_t write) const noexcept {
    return stamps_[write & (capacity_ - 1)];
  }
  [[nodiscard]] static WriteDurations durations_of(const Stamp& stamp) noexcept {
    return {stamp.offered - stamp.admitted, stamp.written - stamp.offered};
  }
  [[nodiscard]] std::uint64_t first_known() const noexcept {
    return came_ - (std::min<std::uint64_t>)(came_, capacity_);
  }

  std::shared_ptr<WriteTimesState> times_;
  std::unique_ptr<Stamp[]> stamps_;  // a ring
  std::size_t capacity_;             // a power of two
  // Writes that ever came, were offered, and have left; and items of those that were offered.
  std::uint64_t came_ = 0;
  std::uint64_t offered_ = 0;
  std::uint64_t left_ = 0;
  std::uint64_t offered_items_ = 0;
  TimePoint now_{};
};

}  // namespace bytes_handoff::detail
