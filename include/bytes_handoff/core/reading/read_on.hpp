#pragma once

#include <cstddef>
#include <cstdint>

#include "bytes_handoff/core/support/abi.hpp"

namespace bytes_handoff::detail {

/// When to read again from a stream whose read came up short, instead of waiting for it.
///
/// It trades two goals. A stream that is drained is better waited for: reading from it is a system
/// call for nothing. But waiting for one that is not costs more than that. A read of many bytes
/// pays for an attempt, and its stream is likely to be filled as fast as it is read. After few
/// bytes most streams are drained; but some give one message a read, however many there are. So
/// there it is tried once in `kProbeEvery` short reads, and for as long as it finds more, in one
/// operation.
class ReadOn {
 public:
  static constexpr std::size_t kManyBytes = 4096;
  static constexpr unsigned kProbeEvery = 64;
  /// Reads of one operation, so that others on the executor get their turn.
  static constexpr unsigned kMostReads = 16;

  /// Behind a short read of few bytes: whether to try.
  [[nodiscard]] bool is_worth_it() noexcept {
    trying_ = found_more_ || ++short_reads_ % kProbeEvery == 0;
    return trying_;
  }
  /// What came of it. Where nothing was tried, only a read that found nothing says anything.
  void note(bool found_more) noexcept {
    found_more_ = found_more && (found_more_ || trying_);
    trying_ = false;
  }

 private:
  bool found_more_ = false;
  bool trying_ = false;
  std::uint8_t short_reads_ = 0;
};

}  // namespace bytes_handoff::detail
