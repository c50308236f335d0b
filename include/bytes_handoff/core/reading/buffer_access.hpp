#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include "bytes_handoff/handoff_buffer.hpp"

namespace bytes_handoff::detail {

/// What a front end needs of a buffer and users do not.
struct BufferAccess {
  static expected<std::span<std::byte>, LimitExceeded> begin_read(HandoffBuffer& buffer) {
    return buffer.begin_read();
  }
  static expected<std::span<std::byte>, LimitExceeded> begin_small_read(HandoffBuffer& buffer) {
    return buffer.begin_small_read();
  }
  static void end_read(HandoffBuffer& buffer, std::size_t n, bool more_is_there) noexcept {
    buffer.end_read(n, more_is_there);
  }
  static void pause_read(HandoffBuffer& buffer) noexcept { buffer.pause_read(); }
  static bool is_reading(const HandoffBuffer& buffer) noexcept { return buffer.reading_; }
  /// Between two reads of one operation, which lets others run there.
  static void set_reading(HandoffBuffer& buffer, bool reads) noexcept { buffer.reading_ = reads; }
  static bool is_stream_drained(const HandoffBuffer& buffer) noexcept {
    return buffer.offered_ != 0;
  }

  static FrameWindow window(HandoffBuffer& buffer) noexcept {
    buffer.have_generation();
    return buffer.window();
  }
  /// All that is buffered. The room behind it stays.
  static Bytes take_all(HandoffBuffer& buffer) noexcept { return buffer.take_all(); }
  /// Takes back the rest of what `take_all` gave: bytes from some place to the end of it. Nothing
  /// may have been done with the buffer meanwhile.
  static void put_back(HandoffBuffer& buffer, Bytes&& front) noexcept {
    buffer.put_back(std::move(front));
  }

  static ReadOn& read_on(HandoffBuffer& buffer) noexcept { return buffer.read_on_; }
  static KeptError& kept_error(HandoffBuffer& buffer) noexcept { return buffer.kept_error_; }
  static ReadClaim*& claim(HandoffBuffer& buffer) noexcept { return buffer.claim_; }
};

}  // namespace bytes_handoff::detail
