#pragma once

// What the operations of a stream do, counted from the first.

#include <array>
#include <cstddef>
#include <limits>
#include <stdexcept>

namespace bytes_handoff::test {

enum class Fault {
  kNone,
  kError,
  kEnd,
  kOneByte,
  kNoByte,  ///< success without a byte
  kThrow,   ///< from the initiation
  kErrorAfterBytes,
};
inline constexpr std::array kFaults = {Fault::kError,  Fault::kEnd,   Fault::kOneByte,
                                       Fault::kNoByte, Fault::kThrow, Fault::kErrorAfterBytes};

struct InjectedFault : std::runtime_error {
  InjectedFault() : std::runtime_error("this operation cannot be started") {}
};

/// Gives one operation, counted from 0, a fault. All streams of a run share it.
class FaultPlan {
 public:
  static constexpr std::size_t kNever = std::numeric_limits<std::size_t>::max();

  FaultPlan() = default;
  FaultPlan(std::size_t at, Fault fault) : at_(at), fault_(fault) {}

  /// The next operation begins.
  [[nodiscard]] Fault next() { return operations_++ == at_ ? fault_ : Fault::kNone; }
  [[nodiscard]] std::size_t at() const { return at_; }
  [[nodiscard]] Fault fault() const { return fault_; }
  [[nodiscard]] std::size_t operations() const { return operations_; }
  /// Whether there was such an operation.
  [[nodiscard]] bool was_met() const { return operations_ > at_; }

 private:
  std::size_t at_ = kNever;
  Fault fault_ = Fault::kNone;
  std::size_t operations_ = 0;
};

}  // namespace bytes_handoff::test
