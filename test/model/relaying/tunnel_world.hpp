#pragma once

// A tunnel without streams: two relays and a clock. What its core tells them arrives at once, or as
// late as the operations decide. All that it tells is held against what `tunnel.hpp` promises.

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bytes_handoff/core/relaying/tunnel_core.hpp"
#include "model/relaying/relay_way.hpp"

namespace bytes_handoff::test {

/// What to do; `bits` decide with what, and on which way.
struct TunnelOperation {
  enum class Kind : std::uint8_t {
    kGoOn,
    kTakeNothing,
    kEndInput,
    kFail,
    kReturnCancelled,
    kPassTime,
    kAcknowledge,
    kRunErrand,
    kCancel,
    kFailTime,
    kFailBeside,
  };
  static constexpr const char* kNames[] = {
      "go_on",       "take_nothing", "end_input", "fail",      "return_cancelled", "pass_time",
      "acknowledge", "run_errand",   "cancel",    "fail_time", "fail_beside"};

  [[nodiscard]] std::string text() const {
    return kNames[static_cast<std::size_t>(kind)] + ("(" + std::to_string(bits)) + ")";
  }

  Kind kind;
  std::uint64_t bits;
};

struct TunnelShape {
  detail::TunnelRules rules;
  std::array<RelayShape, detail::kWays> ways;
  bool is_eager = true;  // errands are run at once
};

class TunnelWorld : public Expectations {
 public:
  using Kind = TunnelOperation::Kind;

  explicit TunnelWorld(const TunnelShape& shape);

  [[nodiscard]] bool is_lively() const { return !is_over_; }
  void apply(const TunnelOperation& operation);
  /// Brings it to its end, in as many steps as that may take.
  void finish();

 private:
  using TimePoint = detail::TunnelCore::TimePoint;
  using Duration = std::chrono::nanoseconds;

  struct Errand {
    enum class Kind : std::uint8_t { kStopReading, kLimitTime, kCancel, kReset } kind;
    std::size_t way;
  };

  void act(const TunnelOperation& operation);
  void pass(Duration time);
  void cancel();
  void fail_time();
  void run_errand(std::size_t at);
  void run_errands();
  void tick();
  void on_input_failed(std::size_t way, const detail::ErrorValue& error);
  void look_for_ends();
  void end_way(std::size_t way);
  void finish_ways();

  template <class Step>
  void step(Step step);
  void tell(std::size_t way, detail::WayStop stop);
  void end_at_once(const detail::ErrorValue& error);
  void note(const detail::ErrorValue& error);
  void compare(const detail::TunnelEffects& effects);
  void carry_out(const detail::TunnelEffects& effects);
  void expect_time_is_kept();
  [[nodiscard]] bool is_over_by(int quarters) const;
  [[nodiscard]] bool is_half_closed() const { return has_ended_[0] != has_ended_[1]; }
  [[nodiscard]] bool is_ending() const { return is_cancelled_ || ended_at_once_; }
  [[nodiscard]] detail::TunnelCore::Progress progress() const {
    return {ways_[0]->moved(), ways_[1]->moved()};
  }

  const TunnelShape shape_;
  TimePoint now_{std::chrono::hours(1)};
  std::array<std::unique_ptr<RelayWay>, detail::kWays> ways_;
  detail::TunnelCore core_;
  std::vector<Errand> errands_;
  TimePoint armed_ = TimePoint::max();

  // What must be true of the core.
  std::array<bool, detail::kWays> has_ended_{};
  std::array<detail::WayStop, detail::kWays> stops_{};
  std::array<bool, detail::kWays> told_{};   // in this step
  std::array<bool, detail::kWays> reset_{};  // likewise
  std::array<detail::ErrorValue, detail::kWays> errors_;
  detail::ErrorValue first_error_;
  detail::ErrorValue ended_at_once_;
  bool is_cancelled_ = false;
  bool was_told_to_end_ = false;
  bool is_over_ = false;
  detail::TunnelCore::Progress moved_{};
  TimePoint moved_at_ = now_;
  TimePoint half_closed_at_ = now_;
};

/// Any shape of a tunnel, by what `from` chooses.
template <class From>
[[nodiscard]] TunnelShape any_tunnel_shape(From& from) {
  TunnelShape shape;
  const std::size_t times = from.between(0, 63);  // one byte decides about both
  shape.rules.idle_timeout = std::chrono::milliseconds(times % 8 * 12);
  shape.rules.half_close_timeout = std::chrono::milliseconds(times / 8 * 8);
  const std::size_t ends = from.between(0, 31);
  shape.rules.ends_other = {(ends & 1U) != 0, (ends & 2U) != 0, (ends & 4U) != 0};
  shape.is_eager = (ends & 8U) != 0;
  shape.rules.passes_on_if_cancelled = (ends & 16U) != 0;
  for (RelayShape& way : shape.ways) {
    way = any_relay_shape(from);
    way.ends_out = true;
  }
  return shape;
}

}  // namespace bytes_handoff::test
