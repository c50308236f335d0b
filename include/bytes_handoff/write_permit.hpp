#pragma once

#include <cstddef>
#include <span>

#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/writable_bytes.hpp"
#include "bytes_handoff/asio/support/writer_pointer.hpp"
#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/core/queue/waiting.hpp"
#include "bytes_handoff/expected.hpp"
#include "bytes_handoff/write_refusal.hpp"
#include "bytes_handoff/write_ticket.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {
enum class TurnStart : unsigned char;
}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// Room in a queue for one later write. With it you build, or read, no more than there is room for.
/// See `WriteHandoff::try_reserve` and `async_reserve`.
///
/// It holds room, not a place: the commit decides the order. Its room counts against the limits.
/// While it is held, others may have to wait for room; so do not keep it for long.
///
/// Ownership: gives its room back when it is dropped. It keeps the queue's memory, but does not
///     keep the queue open. Once the queue is closed or has ended, it holds nothing. Move-only.
/// Threads: distinct permits on any threads at once; one permit by one thread at a time.
///
///     WritePermit room = co_await out.async_reserve(4096, use_awaitable);
///     Bytes answer = build_answer(room.bytes());
///     if (auto written = room.commit(answer); !written) { /* closed meanwhile */ }
class WritePermit {
 public:
  /// No room: `valid()` is false.
  WritePermit() noexcept = default;
  WritePermit(WritePermit&& other) noexcept;
  WritePermit& operator=(WritePermit&& other) noexcept;
  ~WritePermit();

  /// False if it is default constructed, moved from or committed. Then only `valid`, `bytes`,
  /// `items`, assignment and destruction are allowed. An end of the queue does not change it: then
  /// `commit` is refused.
  [[nodiscard]] bool valid() const noexcept { return room_.items != 0; }

  /// What may be committed at most.
  [[nodiscard]] std::size_t bytes() const noexcept { return room_.bytes; }
  [[nodiscard]] std::size_t items() const noexcept { return room_.items; }

  /// Admits the bytes, as `WriteHandoff::try_write` does; there is room for them. What was reserved
  /// beyond them is given back. Then this is not `valid()`.
  ///
  /// Errors: `closed`, and `exceeds_permit` for more bytes or slices than were reserved. Bytes and
  ///     permit stay as they were.
  /// Cost: as `try_write`. Allocates nothing.
  [[nodiscard("a refused write keeps its bytes: check the result")]]  //
  expected<WriteTicket, WriteRefusal>
  commit(Bytes& bytes);
  [[nodiscard("a refused write keeps its bytes: check the result")]]  //
  expected<WriteTicket, WriteRefusal>
  commit(std::span<Bytes> slices);
  template <detail::UnwritableBytes CannotKeep, class Hint = detail::WhyUnwritable<CannotKeep>>
  void commit(CannotKeep&&) = delete;  // the hint says what to do

 private:
  friend struct detail::PermitAccess;
  WritePermit(detail::WriterPointer writer, const detail::ReservedRoom& room) noexcept
      : writer_(std::move(writer)), room_(room) {}
  [[nodiscard]] expected<WriteTicket, WriteRefusal> commit(std::span<Bytes> slices,
                                                           detail::TurnStart turn);

  detail::WriterPointer writer_;
  detail::ReservedRoom room_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff

#include "bytes_handoff/asio/writing/write_permit.hpp"
