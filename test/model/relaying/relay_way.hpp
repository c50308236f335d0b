#pragma once

// One relay between an input and an output that are only numbers. Its core is told outcomes, as a
// shell tells them. What it asks for is held against what `relay.hpp` promises.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "bytes_handoff/core/relaying/relay_core.hpp"
#include "support/stepping/choices.hpp"
#include "support/stepping/random_runs.hpp"

namespace bytes_handoff::test {

struct RelayShape {
  std::size_t tail = 0;  // bytes in the buffer at the start
  bool ends_out = true;
  bool flushes = false;
  std::chrono::nanoseconds close_timeout{0};
  std::chrono::nanoseconds close_limit{0};
};

/// Any shape of a relay, by what `from` chooses.
template <class From>
[[nodiscard]] RelayShape any_relay_shape(From& from) {
  RelayShape shape;
  shape.tail = from.between(0, 7);
  shape.ends_out = !from.one_in(4);
  shape.flushes = from.one_in(2);
  const std::size_t times = from.between(0, 63);  // one byte decides about both
  shape.close_timeout = std::chrono::milliseconds(times % 8 * 4);
  shape.close_limit =
      times / 8 == 7 ? std::chrono::nanoseconds::max() : std::chrono::milliseconds(times / 8 * 20);
  return shape;
}

class RelayWay {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Step = detail::RelayStep;
  /// What becomes of the step that is under way.
  enum class Outcome : std::uint8_t { kWell, kNothing, kEndOfInput, kFailure, kCancelled };
  /// What the peer of the output sees.
  enum class Seen : std::uint8_t { kOpen, kWhole, kCut, kReset };

  /// Time is what `now` says. What does not hold is told to `world`.
  RelayWay(const RelayShape& shape, const TimePoint& now, Expectations& world);
  RelayWay(const RelayWay&) = delete;
  RelayWay& operator=(const RelayWay&) = delete;

  std::function<void(const detail::ErrorValue&)> on_input_failed = [](const auto&) {};

  void begin();
  /// It cannot begin, since the buffer is being read.
  void refuse();
  /// A relay that was cancelled, and told nothing else, goes on by a new one.
  void take_up();

  /// Lets the step begin, or ends it so, where it can end so.
  void act(Outcome outcome, Choices& choices);
  /// The same: its input ends, and all else goes well.
  void act_to_end(Choices& choices);
  /// How often that is needed at most, if each write takes a byte. Each step is had twice, since it
  /// may begin apart from its end.
  [[nodiscard]] std::uint64_t acts_to_end() const { return 2 * (buffer_.size() + 5); }
  void cancel();
  void stop_reading() { asks_to_stop_ = true; }
  void limit_time();
  /// The output fails beside the steps, as a queue that others end.
  void fail_beside();
  void acknowledge();
  /// By others.
  void reset_output() { is_reset_ = true; }

  /// When its timer runs out.
  [[nodiscard]] const std::optional<TimePoint>& timer() const { return timer_; }
  void look();

  [[nodiscard]] bool is_over() const { return step_ == Step::kDone; }
  [[nodiscard]] Step step() const { return step_; }
  [[nodiscard]] Seen seen() const { return is_reset_ ? Seen::kReset : seen_; }
  [[nodiscard]] const detail::ErrorValue& error() const { return core_->error(); }
  [[nodiscard]] RelayCounts counts() const { return core_->counts(); }
  /// Changes with all that moves.
  [[nodiscard]] std::uint64_t moved() const { return moved_; }

 private:
  enum class In : std::uint8_t { kOpen, kEnded, kFailed };

  void arrive();
  void wait();
  void read(Outcome outcome, Choices& choices);
  void pass(Outcome outcome, Choices& choices);
  void flush(Outcome outcome, Choices& choices);
  void end(Outcome outcome, Choices& choices);
  void note();
  void fail_in(const detail::ErrorValue& error);
  void fail_out(const detail::ErrorValue& error);
  void fail_at_out(const detail::ErrorValue& error);
  void keep_first(RelaySide side, const detail::ErrorValue& error);
  void watch_time();
  void check_look(TimePoint next, bool has_moved);
  void follow(Step step);
  void expect_right(Step step);
  void expect_done();
  void compare();
  void give_to_peer();
  [[nodiscard]] bool is_well() const { return !is_cancelled_ && !has_out_failed_; }
  [[nodiscard]] bool is_all_out() const { return buffer_.empty() && kept_.empty(); }
  [[nodiscard]] bool is_end(Step step) const {
    return step == Step::kClose || step == Step::kCut || step == Step::kAbort;
  }

  const RelayShape shape_;
  const TimePoint& now_;
  Expectations& world_;
  RelayProgress progress_;
  std::unique_ptr<detail::RelayCore> core_;

  // The streams and the buffer: bytes are numbered.
  std::uint64_t next_of_input_ = 0;
  bool source_has_ended_ = false;
  std::deque<std::uint64_t> buffer_;
  std::deque<std::uint64_t> kept_;  // by an output that is to be flushed
  std::uint64_t next_of_peer_ = 0;
  Seen seen_ = Seen::kOpen;
  bool is_reset_ = false;

  // What is under way, and what was asked for.
  Step step_ = Step::kDone;
  bool is_started_ = false;
  bool has_ended_out_ = false;
  bool asks_to_cancel_ = false;
  bool asks_to_stop_ = false;
  std::optional<TimePoint> timer_;

  // What must be true of the core.
  In in_ = In::kOpen;
  bool is_cancelled_ = false;
  bool has_out_failed_ = false;
  bool reads_no_more_ = false;
  unsigned zero_writes_ = 0;
  detail::ErrorValue error_;
  RelayCounts counts_;
  std::optional<TimePoint> first_look_;
  TimePoint noticed_at_;  // the last progress
  bool has_acknowledged_ = false;
  std::uint64_t moved_ = 0;
  std::uint64_t moved_out_ = 0;
  std::uint64_t looked_at_ = 0;
};

/// The outcome that an operation stands for: those of relays and tunnels begin with them.
template <class Kind>
[[nodiscard]] constexpr RelayWay::Outcome outcome_of(Kind kind) {
  return static_cast<RelayWay::Outcome>(kind);
}

}  // namespace bytes_handoff::test
