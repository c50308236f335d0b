#pragma once

// A relay without streams: operations decide what its input and its output do, and how time passes.

#include <chrono>
#include <cstdint>
#include <string>

#include "model/relaying/relay_way.hpp"

namespace bytes_handoff::test {

/// What to do; `bits` decide with what.
struct RelayOperation {
  enum class Kind : std::uint8_t {
    kGoOn,
    kTakeNothing,
    kEndInput,
    kFail,
    kReturnCancelled,
    kPassTime,
    kAcknowledge,
    kCancel,
    kStopReading,
    kLimitTime,
    kFailBeside,
    kTakeUp,
  };
  static constexpr const char* kNames[] = {
      "go_on",       "take_nothing", "end_input",    "fail",       "return_cancelled", "pass_time",
      "acknowledge", "cancel",       "stop_reading", "limit_time", "fail_beside",      "take_up"};

  [[nodiscard]] std::string text() const {
    return kNames[static_cast<std::size_t>(kind)] + ("(" + std::to_string(bits)) + ")";
  }

  Kind kind;
  std::uint64_t bits;
};

class RelayWorld : public Expectations {
 public:
  using Kind = RelayOperation::Kind;

  /// How it comes to its end if the operations do not end it.
  enum class Finish : std::uint8_t { kWell, kOutputTakesNothing, kOutputHangs };

  RelayWorld(const RelayShape& shape, Finish finish);

  [[nodiscard]] bool is_lively() const { return !way_.is_over(); }
  void apply(const RelayOperation& operation);
  /// Brings it to its end, in as many steps as that may take.
  void finish();

 private:
  void pass_time(Choices& choices);
  void finish_well();
  void finish_with_nothing();
  void finish_in_time();

  const RelayShape shape_;
  const Finish finish_;
  RelayWay::TimePoint now_{std::chrono::hours(1)};
  RelayWay way_{shape_, now_, *this};
};

}  // namespace bytes_handoff::test
