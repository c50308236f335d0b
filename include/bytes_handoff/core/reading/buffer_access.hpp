#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <utility>

#include "bytes_handoff/bytes_mut.hpp"
#include "bytes_handoff/core/reading/kept_error.hpp"
#include "bytes_handoff/core/reading/read_on.hpp"
#include "bytes_handoff/error.hpp"
#include "bytes_handoff/expected.hpp"
#include "bytes_handoff/framers.hpp"

namespace bytes_handoff {
class HandoffBuffer;
}  // namespace bytes_handoff

namespace bytes_handoff::detail {

class MemberAccount;
class ReadClaim;

/// What a front end needs of a buffer and users do not.
struct BufferAccess {
  static expected<std::span<std::byte>, LimitExceeded> begin_read(HandoffBuffer& buffer);
  static expected<std::span<std::byte>, LimitExceeded> begin_small_read(HandoffBuffer& buffer);
  static void end_read(HandoffBuffer& buffer, std::size_t n, bool more_is_there) noexcept;
  static void pause_read(HandoffBuffer& buffer) noexcept;
  static bool is_reading(const HandoffBuffer& buffer) noexcept;
  /// Between two reads of one operation, which lets others run there.
  static void set_reading(HandoffBuffer& buffer, bool reads) noexcept;
  static bool is_stream_drained(const HandoffBuffer& buffer) noexcept;
  /// Whether a read has brought bytes.
  static bool has_received(const HandoffBuffer& buffer) noexcept;

  /// Room for `n` bytes behind those that are buffered. It replaces room that was prepared before,
  /// and no read runs meanwhile. Invalidates views. Errors: as `reserve_read_capacity`.
  [[nodiscard]] static expected<std::span<std::byte>, LimitExceeded> prepare(HandoffBuffer& buffer,
                                                                             std::size_t n);
  /// Appends the first `n` bytes of the prepared room, or all of it if it has less. The rest stays
  /// prepared until the next read or `reserve_read_capacity`.
  static void commit(HandoffBuffer& buffer, std::size_t n) noexcept;

  static FrameWindow window(HandoffBuffer& buffer) noexcept;
  /// All that is buffered. The room behind it stays.
  static Bytes take_all(HandoffBuffer& buffer) noexcept;
  /// Takes back the rest of what `take_all` gave: bytes from some place to the end of it. Nothing
  /// may have been done with the buffer meanwhile.
  static void put_back(HandoffBuffer& buffer, Bytes&& front) noexcept;
  /// Bytes that came past the buffer, which is empty, are in it now.
  static void take_in(HandoffBuffer& buffer, BytesMut&& bytes) noexcept;

  static ReadOn& read_on(HandoffBuffer& buffer) noexcept;
  /// Where it gathers: when the next read may begin.
  static std::chrono::steady_clock::time_point& next_read_at(HandoffBuffer& buffer) noexcept;
  static KeptError& kept_error(HandoffBuffer& buffer) noexcept;
  static ReadClaim*& claim(HandoffBuffer& buffer) noexcept;
  /// Null without a memory budget.
  static MemberAccount* account(HandoffBuffer& buffer) noexcept;
  /// Its account may have got credit, for the next block.
  static void note_credit(HandoffBuffer& buffer) noexcept;
};

}  // namespace bytes_handoff::detail

// Behind the declarations: what it includes at its end uses them.
#include "bytes_handoff/handoff_buffer.hpp"

namespace bytes_handoff::detail {

inline expected<std::span<std::byte>, LimitExceeded> BufferAccess::begin_read(
    HandoffBuffer& buffer) {
  return buffer.begin_read();
}
inline expected<std::span<std::byte>, LimitExceeded> BufferAccess::begin_small_read(
    HandoffBuffer& buffer) {
  return buffer.begin_small_read();
}
inline void BufferAccess::end_read(HandoffBuffer& buffer, std::size_t n,
                                   bool more_is_there) noexcept {
  buffer.end_read(n, more_is_there);
}
inline void BufferAccess::pause_read(HandoffBuffer& buffer) noexcept { buffer.pause_read(); }
inline bool BufferAccess::is_reading(const HandoffBuffer& buffer) noexcept {
  return buffer.reading_;
}
inline void BufferAccess::set_reading(HandoffBuffer& buffer, bool reads) noexcept {
  buffer.reading_ = reads;
}
inline bool BufferAccess::is_stream_drained(const HandoffBuffer& buffer) noexcept {
  return buffer.offered_ != 0;
}
inline bool BufferAccess::has_received(const HandoffBuffer& buffer) noexcept {
  return buffer.received_ != 0;
}
inline expected<std::span<std::byte>, LimitExceeded> BufferAccess::prepare(HandoffBuffer& buffer,
                                                                           std::size_t n) {
  return buffer.prepare(n);
}
inline void BufferAccess::commit(HandoffBuffer& buffer, std::size_t n) noexcept {
  buffer.commit(n);
}
inline FrameWindow BufferAccess::window(HandoffBuffer& buffer) noexcept {
  buffer.have_generation();
  return buffer.window();
}
inline Bytes BufferAccess::take_all(HandoffBuffer& buffer) noexcept { return buffer.take_all(); }
inline void BufferAccess::put_back(HandoffBuffer& buffer, Bytes&& front) noexcept {
  buffer.put_back(std::move(front));
}
inline ReadOn& BufferAccess::read_on(HandoffBuffer& buffer) noexcept { return buffer.read_on_; }
inline std::chrono::steady_clock::time_point& BufferAccess::next_read_at(
    HandoffBuffer& buffer) noexcept {
  return buffer.next_read_at_;
}
inline void BufferAccess::take_in(HandoffBuffer& buffer, BytesMut&& bytes) noexcept {
  buffer.take_in(std::move(bytes));
}
inline KeptError& BufferAccess::kept_error(HandoffBuffer& buffer) noexcept {
  return buffer.kept_error_;
}
inline MemberAccount* BufferAccess::account(HandoffBuffer& buffer) noexcept {
  return buffer.account_.get();
}
inline void BufferAccess::note_credit(HandoffBuffer& buffer) noexcept {
  buffer.may_have_credit_ = true;
}
inline ReadClaim*& BufferAccess::claim(HandoffBuffer& buffer) noexcept { return buffer.claim_; }

}  // namespace bytes_handoff::detail
