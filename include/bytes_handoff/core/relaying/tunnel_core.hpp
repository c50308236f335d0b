#pragma once

// Decides for the two ways of a tunnel: what the end of one does to the other, and when time is
// over.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "bytes_handoff/core/queue/outcome.hpp"

namespace bytes_handoff::detail {

/// The ways between the sides a and b.
enum class Way : unsigned char { kAToB, kBToA };
inline constexpr std::size_t kWays = 2;

[[nodiscard]] constexpr std::size_t index_of(Way way) noexcept {
  return static_cast<std::size_t>(way);
}
[[nodiscard]] constexpr Way other_than(Way way) noexcept {
  return way == Way::kAToB ? Way::kBToA : Way::kAToB;
}

/// How a way ends by itself: its input ends in order, or fails, or its output fails.
enum class WayEnd : unsigned char { kInOrder, kReadFailed, kWriteFailed };
inline constexpr std::size_t kWayEnds = 3;

/// What the first error of a tunnel came from; as `TunnelCause`.
enum class TunnelOrigin : unsigned char {
  kNone,
  kReadA,
  kWriteA,
  kReadB,
  kWriteB,
  kOtherWay,
  kTime,
  kCancelled,
};

/// What a way is told to do. A later value replaces an earlier one.
enum class WayStop : unsigned char {
  kNone,
  kPassOn,  ///< reads no more, passes on what it has, and then its output is reset
  kCancel,  ///< ends at once, and its output stays as it is
  kReset,   ///< ends at once, and its output is reset
};

struct TunnelRules {
  using Duration = std::chrono::nanoseconds;

  /// Throws `std::invalid_argument` if a time is negative.
  void throw_if_invalid() const;

  Duration idle_timeout{0};        // zero: no limit
  Duration half_close_timeout{0};  // likewise
  /// By how a way ends: whether the other one is told to pass on what it has and end.
  std::array<bool, kWayEnds> ends_other{};
  /// Whether both ways pass on what they have, and are reset then, when it is cancelled.
  bool passes_on_if_cancelled = false;
};

/// What a step of a tunnel asks for. It is done outside of the core's lock. The steps may have been
/// made on several threads, so what is to be done is asked for when it is done.
struct TunnelEffects {
  std::array<bool, kWays> tell{};   ///< this way is told `stop_of` it
  bool set_timer = false;           ///< the timer is set to `next_look()`
  std::array<bool, kWays> reset{};  ///< the output of this way is, also if that has ended
  bool is_over = false;             ///< once: both ways have ended
  bool is_cut_short = false;        ///< the resets are a cancellation's, not those of a limit
};

/// Both ways of a tunnel. Its steps may be made on any threads.
///
/// Time is looked at in quarters of the limits, so that bytes cost nothing: what has moved is
/// compared with what had moved the last time.
class TunnelCore {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  /// By way: counts all that moves.
  using Progress = std::array<std::uint64_t, kWays>;

  /// Both ways begin now.
  TunnelCore(const TunnelRules& rules, TimePoint now, const Progress& progress) noexcept;

  /// The input of a way has failed. What it has is still passed on. It may be said before
  /// `way_ended`, or not at all.
  void input_failed(Way way, const ErrorValue& error, TunnelEffects& effects) noexcept;

  /// A way is over, as all that it does is. Once for each.
  void way_ended(Way way, WayEnd how, const ErrorValue& error, TimePoint now,
                 TunnelEffects& effects) noexcept;

  /// The timer has run out.
  void tick(TimePoint now, const Progress& progress, TunnelEffects& effects) noexcept;

  /// The time cannot be looked at: ends both ways as if it were over, with this error.
  void time_failed(const ErrorValue& error, TunnelEffects& effects) noexcept;

  /// Ends both ways, and leaves all streams as they are. If the rules say so, it has both ways pass
  /// on what they have. Then the second time both are reset at once.
  void cancel(const ErrorValue& cancelled, TunnelEffects& effects) noexcept;

  /// What a way that still runs is to do.
  [[nodiscard]] WayStop stop_of(Way way) const noexcept;
  [[nodiscard]] bool has_ended_in_order(Way way) const noexcept;
  /// When `tick` is next to be called; the latest time that there is: not at all.
  [[nodiscard]] TimePoint next_look() const noexcept;

  struct Outcome {
    ErrorValue first_error;  ///< that happened; none if both ways ended in order
    TunnelOrigin origin;     ///< of that one
    std::array<ErrorValue, kWays> errors;
  };
  [[nodiscard]] Outcome outcome() const noexcept;

 private:
  struct WayState {
    bool is_over = false;
    WayStop stop = WayStop::kNone;
    ErrorValue error;
    std::uint64_t progress = 0;  // when it was last looked at
  };

  [[nodiscard]] WayState& of(Way way) noexcept { return ways_[index_of(way)]; }
  void note(const ErrorValue& error, TunnelOrigin origin) noexcept;
  [[nodiscard]] TunnelOrigin origin_of(Way way, WayEnd how, const ErrorValue& error) const noexcept;
  void tell(Way way, WayStop stop, TunnelEffects& effects) noexcept;
  void look_at_progress(TimePoint now, const Progress& progress) noexcept;
  [[nodiscard]] bool is_time_over(TimePoint now) const noexcept;
  void end_at_once(const ErrorValue& error, TunnelOrigin origin, TunnelEffects& effects) noexcept;
  void set_look(TimePoint time, TunnelEffects& effects) noexcept;
  [[nodiscard]] TimePoint planned_look(TimePoint now) const noexcept;
  [[nodiscard]] bool is_half_closed() const noexcept {
    return ways_[0].is_over != ways_[1].is_over;
  }
  [[nodiscard]] bool has_ended() const noexcept { return ways_[0].is_over && ways_[1].is_over; }
  [[nodiscard]] bool is_ending() const noexcept { return is_cancelled_ || ended_at_once_; }

  const TunnelRules rules_;
  mutable std::mutex mutex_;
  std::array<WayState, kWays> ways_;
  ErrorValue first_error_;
  ErrorValue cancelled_;      // the code of a cancellation, once there was one
  ErrorValue ended_at_once_;  // with this error, if one
  TunnelOrigin origin_ = TunnelOrigin::kNone;
  bool is_cancelled_ = false;  // and all is left as it is
  TimePoint idle_since_;
  TimePoint half_closed_since_;
  TimePoint next_look_ = (TimePoint::max)();
};

}  // namespace bytes_handoff::detail
