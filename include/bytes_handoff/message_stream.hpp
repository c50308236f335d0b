#pragma once

// Streams of messages: one slice of a `WriteHandoff` is one message. For WebSockets of Boost.Beast
// there is <bytes_handoff/websocket.hpp>; this header is for authors of other message streams.
//
// A type of your own becomes a message stream by this function. It is found by argument-dependent
// lookup, and called on the stream's executor:
// - `async_write_message(stream, message, handler)`: writes `message` (a `Message`), then calls
//   `handler(error_code, std::size_t)`, with the bytes of the message that were written. Without an
//   error the message counts as written. After an error nothing more is written.
// The type has `get_executor()`. It needs no `async_write_some`; if it has one, it is not used.
// What it keeps in a buffer it must send on before it calls the handler. It is ended as any other
// stream, by one of the functions that <bytes_handoff/end_write.hpp> describes.
//
// In front of a message stream:
// - each slice is one message, several slices in one write are several messages;
// - an empty slice is an empty message, and so is an empty span, but for `async_send`. It reaches
//   the stream;
// - no message is cut, joined with another one, or written in part before the next. Only
//   `async_send` with `may_cut` cuts a slice: each piece is a message then.
//
// What a message is beside its bytes (text, a ping, a channel's number) is told by a tag, which
// travels with the bytes. So every way of writing works for every kind of message.

#include <cstddef>
#include <cstdint>
#include <span>

#include "bytes_handoff/bytes.hpp"

namespace bytes_handoff {

/// What a number means is the stream's to say. 0: no tag.
using MessageTag = std::uint32_t;

/// A bit of the tag: the message ends the stream, in order, and closes the queue when the stream is
/// given it. Writes that are queued behind it are not written; their tickets tell `Errc::closed`.
inline constexpr MessageTag kClosingMessage = 0x8000'0000;

/// One message, as its stream is given it.
struct Message {
  /// Valid until the handler of its write is called.
  std::span<const std::byte> bytes;
  MessageTag tag = 0;
};

/// The same bytes with a tag. It replaces the tag that they had.
///
/// Copies and slices of the result have the tag, but for empty slices. Bytes are compared without
/// it. A stream of bytes takes no notice of it.
///
/// Ownership: up to 256 bytes are copied, and so is a small part of a large block. Else the result
///     shares the memory of `content`.
/// Cost: one allocation, usually from the pool; a copy is O(n).
/// Errors: throws `std::bad_alloc`.
///
///     Bytes frame = tag_message(Bytes::from_static("12:30"), kClockChannel);
[[nodiscard("tag_message changes nothing: the tagged bytes are the result")]] Bytes tag_message(
    const Bytes& content, MessageTag tag);

/// 0 if there is none.
[[nodiscard]] MessageTag message_tag(const Bytes& bytes) noexcept;

}  // namespace bytes_handoff
