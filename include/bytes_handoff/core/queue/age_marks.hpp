#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "bytes_handoff/core/support/abi.hpp"

namespace bytes_handoff::detail {

/// Since when the oldest item of a queue has been there, without a look at the time when it comes.
///
/// A mark says that by some time the first so many items ever had come. It is made whenever
/// somebody knows the time. The first mark that the oldest item is within tells a time by which it
/// was there. Four marks are kept. A fifth one takes the place of one that lies close to its
/// neighbours, so that the last is always the latest.
///
/// The time that is told is never too early. It is too late by the time until the first mark behind
/// the item, and by at most half of the age of the items that have left since the queue was empty
/// (docs/design/observing/0026).
class AgeMarks {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  AgeMarks() noexcept { marks_.front().came = 0; }  // NOLINT: what is behind is never read

  /// By `now`, `came` items ever had come, and `left` of them had left. Cost: a few comparisons.
  void note(std::uint64_t came, std::uint64_t left, TimePoint now) noexcept {
    forget(left);
    const std::size_t count = size();
    const Mark last = count == 0 ? Mark{left, now.time_since_epoch()} : marks_[count - 1];
    if (came <= last.came || now.time_since_epoch() < last.at) {
      return;
    }
    if (count == kMarks) {
      make_room(now);
    }
    const std::size_t index = (std::min)(count, kMarks - 1);
    marks_[index] = {came, now.time_since_epoch()};
    if (index + 1 != kMarks) {
      marks_[index + 1].came = 0;
    }
  }

  /// A time by which the item was there before which `left` items have left; none if none is known.
  [[nodiscard]] std::optional<TimePoint> oldest(std::uint64_t left) const noexcept {
    for (std::size_t i = 0, count = size(); i != count; ++i) {
      if (marks_[i].came > left) {
        return TimePoint(marks_[i].at);
      }
    }
    return std::nullopt;
  }

 private:
  static constexpr std::size_t kMarks = 4;

  struct Mark {
    std::uint64_t came;      // 0: there is no mark, nor behind it
    TimePoint::duration at;  // since the epoch of the clock
  };

  [[nodiscard]] std::size_t size() const noexcept {
    std::size_t count = 0;
    while (count != kMarks && marks_[count].came != 0) {
      ++count;
    }
    return count;
  }

  // Marks whose items have left.
  void forget(std::uint64_t left) noexcept {
    while (marks_[0].came != 0 && marks_[0].came <= left) {
      drop(0);
    }
  }

  void drop(std::size_t index) noexcept {
    std::move(marks_.begin() + static_cast<std::ptrdiff_t>(index) + 1, marks_.end(),
              marks_.begin() + static_cast<std::ptrdiff_t>(index));
    marks_.back() = {};
  }

  // Drops the one whose neighbours are closest to each other, one at `next` included. Never the
  // first.
  void make_room(TimePoint next) noexcept {
    std::size_t least = kMarks - 1;
    for (std::size_t i = kMarks - 2; i != 0; --i) {
      const auto behind_least =
          least == kMarks - 1 ? next.time_since_epoch() : marks_[least + 1].at;
      if (marks_[i + 1].at - marks_[i - 1].at < behind_least - marks_[least - 1].at) {
        least = i;
      }
    }
    drop(least);
  }

  std::array<Mark, kMarks> marks_;
};

}  // namespace bytes_handoff::detail
