#pragma once

#include "bytes_handoff/core/reading/buffer_access.hpp"
#include "bytes_handoff/handoff_buffer.hpp"

namespace bytes_handoff::detail {

/// A waiting operation's hold on the buffer that it reads into. Where the operation is destroyed
/// without an end, as with its context, the read ends with nothing; where the buffer goes first,
/// the operation does not touch it any more.
class ReadClaim {
 public:
  explicit ReadClaim(HandoffBuffer& buffer) noexcept : buffer_(&buffer) {
    BufferAccess::claim(buffer) = this;
  }
  ReadClaim(const ReadClaim&) = delete;
  ReadClaim& operator=(const ReadClaim&) = delete;
  ~ReadClaim() {
    if (buffer_ == nullptr) {
      return;
    }
    BufferAccess::claim(*buffer_) = nullptr;
    if (BufferAccess::is_reading(*buffer_)) {
      BufferAccess::end_read(*buffer_, 0, false);
    }
  }

  /// The buffer is being destroyed.
  void forget_buffer() noexcept { buffer_ = nullptr; }
  [[nodiscard]] bool has_buffer() const noexcept { return buffer_ != nullptr; }

 private:
  HandoffBuffer* buffer_;
};

}  // namespace bytes_handoff::detail
