#pragma once

// What every end does to everyone, on every kind of stream: the one place where it is written down.
// The matrix test expects it, and the tables in docs/lifecycle.md are printed from it. Plain data,
// without Asio.

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace bytes_handoff::test {

/// How a connection ends: what the program does, or what happens to it.
enum class End {
  kClose,
  kPeerStays,
  kCloseTimeout,
  kCloseLimit,
  kDrop,
  kAbort,
  kAbortIdle,
  kAbortAfterWritten,
  kStall,
  kException,
  kPeerResets,
  kPeerHalfCloses,
  kPeerNeverReads,
  kPeerReadsSlowly,
  kContextDestroyed,
};

/// Which of the admitted bytes the peer's program gets. Never others, nor in another order.
enum class PeerBytes {
  kAll,
  kPrefix,  ///< those that the stream took, at most
};

/// How the peer's program sees the end, behind the last byte.
enum class PeerEnd {
  kInOrder,     ///< as its transport says that all has come
  kReset,       ///< as its transport says that it was cut off, where it can
  kUnanswered,  ///< in order, and a reset behind that, since it has not answered
  kNothing,     ///< not yet
  kItsOwn,      ///< it has ended the connection itself
};

/// What an operation of the program completes with.
enum class Told {
  kDone,
  kClosed,
  kClosedAborted,      ///< `closed`, with `aborted` as the queue's first error
  kClosedTimedOut,     ///< `closed`, with `timed_out`
  kClosedStreamError,  ///< `closed`, with what the stream reported
  kAborted,
  kTimedOut,
  kStreamError,
  kDestroyed,  ///< its handler is destroyed uninvoked
  kWaits,
};

/// What a read of the same stream is told.
enum class ReadTold {
  kGoesOn,               ///< all that the peer still sends, then the peer's own end
  kAborted,              ///< `operation_aborted`
  kFirstError,           ///< the queue's first error
  kStreamsEnd,           ///< what had come, then what the stream says of its end
  kStreamsEndOrAborted,  ///< likewise; or `operation_aborted`, where the queue met the end first
  kDestroyed,
  kWaits,
};

/// What becomes of the stream once the queue has ended.
enum class StreamAfter {
  kDrained,   ///< lingers: drained to the peer's end, then closed
  kReleased,  ///< open, and let go of
  kClosed,
  kKept,  ///< the queue has not ended
};

struct EndRow {
  End end;
  std::string_view name;   ///< of its tests
  std::string_view title;  ///< in the docs
  PeerBytes bytes;
  PeerEnd peer;
  Told in_flight;  ///< the ticket of the first write that is not wholly written
  Told behind;     ///< the tickets behind it
  Told waiting;    ///< a write that waits for room
  Told flush;
  Told closed;  ///< `async_closed`, `async_close`
  ReadTold read;
  ReadTold told_read;  ///< a read that was told of the queue
  StreamAfter owned;
  StreamAfter shared;
};

// clang-format off
inline constexpr std::array kEndRows{
    EndRow{End::kClose, "close", "`close()`, `async_close()`",
           PeerBytes::kAll, PeerEnd::kInOrder,
           Told::kDone, Told::kDone, Told::kClosed, Told::kDone, Told::kDone,
           ReadTold::kGoesOn, ReadTold::kGoesOn,
           StreamAfter::kDrained, StreamAfter::kReleased},
    EndRow{End::kPeerStays, "peer_stays", "`close()`, the peer does not end",
           PeerBytes::kAll, PeerEnd::kInOrder,
           Told::kDone, Told::kDone, Told::kClosed, Told::kDone, Told::kDone,
           ReadTold::kWaits, ReadTold::kWaits,
           StreamAfter::kClosed, StreamAfter::kReleased},
    EndRow{End::kCloseTimeout, "close_timeout", "an end that waits, no progress for `close_timeout`",
           PeerBytes::kPrefix, PeerEnd::kReset,
           Told::kTimedOut, Told::kClosed, Told::kClosed, Told::kTimedOut, Told::kTimedOut,
           ReadTold::kAborted, ReadTold::kFirstError,
           StreamAfter::kClosed, StreamAfter::kClosed},
    EndRow{End::kCloseLimit, "close_limit", "an end that waits longer than `close_limit`",
           PeerBytes::kPrefix, PeerEnd::kReset,
           Told::kTimedOut, Told::kClosed, Told::kClosed, Told::kTimedOut, Told::kTimedOut,
           ReadTold::kAborted, ReadTold::kFirstError,
           StreamAfter::kClosed, StreamAfter::kClosed},
    EndRow{End::kDrop, "drop", "the last handle goes without a close",
           PeerBytes::kAll, PeerEnd::kReset,
           Told::kDone, Told::kDone, Told::kClosed, Told::kDone, Told::kAborted,
           ReadTold::kAborted, ReadTold::kFirstError,
           StreamAfter::kClosed, StreamAfter::kClosed},
    EndRow{End::kAbort, "abort", "`abort()`",
           PeerBytes::kPrefix, PeerEnd::kReset,
           Told::kAborted, Told::kClosed, Told::kClosedAborted, Told::kAborted, Told::kAborted,
           ReadTold::kAborted, ReadTold::kFirstError,
           StreamAfter::kClosed, StreamAfter::kClosed},
    EndRow{End::kAbortIdle, "abort_idle", "`abort()` with nothing pending",
           PeerBytes::kAll, PeerEnd::kReset,
           Told::kDone, Told::kDone, Told::kDone, Told::kDone, Told::kAborted,
           ReadTold::kAborted, ReadTold::kFirstError,
           StreamAfter::kClosed, StreamAfter::kClosed},
    EndRow{End::kAbortAfterWritten, "abort_after_written", "`abort(after_written)`",
           PeerBytes::kAll, PeerEnd::kReset,
           Told::kDone, Told::kDone, Told::kClosed, Told::kDone, Told::kAborted,
           ReadTold::kAborted, ReadTold::kFirstError,
           StreamAfter::kClosed, StreamAfter::kClosed},
    EndRow{End::kStall, "stall", "no progress for `stall_timeout`",
           PeerBytes::kPrefix, PeerEnd::kReset,
           Told::kTimedOut, Told::kClosed, Told::kClosedTimedOut, Told::kTimedOut, Told::kTimedOut,
           ReadTold::kAborted, ReadTold::kFirstError,
           StreamAfter::kClosed, StreamAfter::kClosed},
    EndRow{End::kException, "exception", "an exception leaves the coroutine with the only handle",
           PeerBytes::kAll, PeerEnd::kReset,
           Told::kDone, Told::kDone, Told::kClosed, Told::kDone, Told::kAborted,
           ReadTold::kAborted, ReadTold::kFirstError,
           StreamAfter::kClosed, StreamAfter::kClosed},
    EndRow{End::kPeerResets, "peer_resets", "the peer resets",
           PeerBytes::kPrefix, PeerEnd::kItsOwn,
           Told::kStreamError, Told::kClosed, Told::kClosedStreamError, Told::kStreamError,
           Told::kStreamError,
           ReadTold::kStreamsEnd, ReadTold::kStreamsEnd,
           StreamAfter::kClosed, StreamAfter::kReleased},
    EndRow{End::kPeerHalfCloses, "peer_half_closes", "the peer half-closes, then `close()`",
           PeerBytes::kAll, PeerEnd::kInOrder,
           Told::kDone, Told::kDone, Told::kClosed, Told::kDone, Told::kDone,
           ReadTold::kGoesOn, ReadTold::kGoesOn,
           StreamAfter::kDrained, StreamAfter::kReleased},
    EndRow{End::kPeerNeverReads, "peer_never_reads", "the peer never reads; nobody ends the queue",
           PeerBytes::kPrefix, PeerEnd::kNothing,
           Told::kWaits, Told::kWaits, Told::kWaits, Told::kWaits, Told::kWaits,
           ReadTold::kWaits, ReadTold::kWaits,
           StreamAfter::kKept, StreamAfter::kKept},
    EndRow{End::kPeerReadsSlowly, "peer_reads_slowly",
           "`close()`, the peer reads slower than all timeouts, but reads",
           PeerBytes::kAll, PeerEnd::kInOrder,
           Told::kDone, Told::kDone, Told::kClosed, Told::kDone, Told::kDone,
           ReadTold::kGoesOn, ReadTold::kGoesOn,
           StreamAfter::kDrained, StreamAfter::kReleased},
    EndRow{End::kContextDestroyed, "context_destroyed", "the context is destroyed",
           PeerBytes::kPrefix, PeerEnd::kReset,
           Told::kDestroyed, Told::kDestroyed, Told::kDestroyed, Told::kDestroyed, Told::kDestroyed,
           ReadTold::kDestroyed, ReadTold::kDestroyed,
           StreamAfter::kClosed, StreamAfter::kClosed},
};
// clang-format on

// clang-format off
/// Its end in order is a handshake, which ends both directions and reads what comes.
inline constexpr std::array kWebSocketRows{
    EndRow{End::kClose, "close", "`close()`, `async_close()`",
           PeerBytes::kAll, PeerEnd::kInOrder,
           Told::kDone, Told::kDone, Told::kClosed, Told::kDone, Told::kDone,
           ReadTold::kAborted, ReadTold::kAborted,
           StreamAfter::kClosed, StreamAfter::kClosed},
    EndRow{End::kPeerStays, "peer_stays", "`close()`, the peer does not end",
           PeerBytes::kAll, PeerEnd::kUnanswered,
           Told::kDone, Told::kDone, Told::kClosed, Told::kDone, Told::kTimedOut,
           ReadTold::kAborted, ReadTold::kFirstError,
           StreamAfter::kClosed, StreamAfter::kClosed},
    EndRow{End::kPeerResets, "peer_resets", "the peer resets",
           PeerBytes::kPrefix, PeerEnd::kItsOwn,
           Told::kStreamError, Told::kClosed, Told::kClosedStreamError, Told::kStreamError,
           Told::kStreamError,
           ReadTold::kStreamsEndOrAborted, ReadTold::kStreamsEndOrAborted,
           StreamAfter::kClosed, StreamAfter::kReleased},
    EndRow{End::kPeerReadsSlowly, "peer_reads_slowly",
           "`close()`, the peer reads slower than all timeouts, but reads",
           PeerBytes::kAll, PeerEnd::kInOrder,
           Told::kDone, Told::kDone, Told::kClosed, Told::kDone, Told::kDone,
           ReadTold::kAborted, ReadTold::kAborted,
           StreamAfter::kClosed, StreamAfter::kClosed},
};
// clang-format on

/// What kinds of streams differ in.
enum class Family { kTcp, kTls, kUnix, kPipe, kDuplex, kOwn, kWebSocket };

struct FamilyRow {
  Family family;
  std::string_view title;
  std::string_view in_order;  ///< what an end in order looks like to the peer
  bool knows_reset;
  bool is_read;  ///< it has a read side, too
  bool lingers;
  bool is_acknowledged;  ///< a reset behind the last write destroys nothing
  bool context_resets;   ///< a reset needs no call when the context is destroyed
};

inline constexpr std::array kFamilies{
    FamilyRow{Family::kTcp, "TCP; Beast's streams over it", "end", true, true, true, true, true},
    FamilyRow{Family::kTls, "TLS, Beast's too", "close_notify, end", true, true, true, true, true},
    FamilyRow{Family::kUnix, "Unix socket", "end", false, true, true, true, false},
    FamilyRow{Family::kPipe, "pipe", "end", false, false, false, true, false},
    FamilyRow{Family::kDuplex, "duplex", "end", true, true, false, true, true},
    FamilyRow{Family::kOwn, "own stream", "end", true, true, false, false, false},
    FamilyRow{Family::kWebSocket, "WebSocket", "close frame 1000, end", true, true, false, true,
              true},
};

enum class StreamKind {
  kTcpV4,
  kTcpV6,
  kUnix,
  kPipe,
  kTls12,
  kTls13,
  kDuplex,
  kOwn,
  kBeastTcp,
  kBeastRate,
  kBeastSsl,
  kBeastFlat,
  kWebSocket,
  kWebSocketOverTls,
};

struct StreamRow {
  StreamKind kind;
  std::string_view name;  ///< of its tests
  Family family;
  bool needs_boost;
};

inline constexpr std::array kStreams{
    StreamRow{StreamKind::kTcpV4, "tcp_v4", Family::kTcp, false},
    StreamRow{StreamKind::kTcpV6, "tcp_v6", Family::kTcp, false},
    StreamRow{StreamKind::kUnix, "unix", Family::kUnix, false},
    StreamRow{StreamKind::kPipe, "pipe", Family::kPipe, false},
    StreamRow{StreamKind::kTls12, "tls_1_2", Family::kTls, false},
    StreamRow{StreamKind::kTls13, "tls_1_3", Family::kTls, false},
    StreamRow{StreamKind::kDuplex, "duplex", Family::kDuplex, false},
    StreamRow{StreamKind::kOwn, "own", Family::kOwn, false},
    StreamRow{StreamKind::kBeastTcp, "beast_tcp_stream", Family::kTcp, true},
    StreamRow{StreamKind::kBeastRate, "beast_basic_stream_with_rate", Family::kTcp, true},
    StreamRow{StreamKind::kBeastSsl, "beast_ssl_stream", Family::kTls, true},
    StreamRow{StreamKind::kBeastFlat, "beast_flat_stream", Family::kTcp, true},
    StreamRow{StreamKind::kWebSocket, "websocket", Family::kWebSocket, true},
    StreamRow{StreamKind::kWebSocketOverTls, "websocket_over_tls", Family::kWebSocket, true},
};

/// All is written, and acknowledged where that can be asked, then comes a reset.
[[nodiscard]] constexpr bool waits_for_acknowledgement(const EndRow& row) {
  return row.end == End::kDrop || row.end == End::kException || row.end == End::kAbortAfterWritten;
}

/// Whether the peer can tell that it was cut off.
[[nodiscard]] constexpr bool is_reset_seen(const EndRow& row, const FamilyRow& family) {
  return row.peer != PeerEnd::kInOrder &&
         (row.end == End::kContextDestroyed ? family.context_resets : family.knows_reset);
}

/// A pipe, and a WebSocket, have no half that their peer could close.
[[nodiscard]] constexpr bool makes_sense(const EndRow& row, const FamilyRow& family) {
  return row.end != End::kPeerHalfCloses ||
         (family.family != Family::kPipe && family.family != Family::kWebSocket);
}

[[nodiscard]] constexpr const FamilyRow& family_row(Family family) {
  return kFamilies[static_cast<std::size_t>(family)];
}

[[nodiscard]] constexpr Family family_of(StreamKind kind) {
  return kStreams[static_cast<std::size_t>(kind)].family;
}

/// What is there of a row for this family: another one, or itself.
[[nodiscard]] constexpr const EndRow& row_of(const EndRow& row, const FamilyRow& family) {
  if (family.family == Family::kWebSocket) {
    for (const EndRow& other : kWebSocketRows) {
      if (other.end == row.end) {
        return other;
      }
    }
  }
  return row;
}

/// What is expected of one end on one kind of stream.
struct Expectation : EndRow {
  bool is_reset;  ///< the peer sees a reset, else an end in order
  bool may_lose;  ///< a reset may destroy what the stream took
  bool is_acknowledged;
  bool is_read;  ///< else nobody reads it
};

[[nodiscard]] constexpr Expectation expected_of(const EndRow& of_all, const FamilyRow& family) {
  const EndRow& row = row_of(of_all, family);
  Expectation expectation{row, is_reset_seen(row, family), family.knows_reset,
                          family.is_acknowledged, family.is_read};
  if (row.owned == StreamAfter::kDrained && !family.lingers) {
    expectation.owned = StreamAfter::kClosed;
  }
  if (row.shared == StreamAfter::kReleased && family.family == Family::kPipe &&
      row.peer != PeerEnd::kItsOwn) {
    expectation.shared = StreamAfter::kClosed;  // a pipe has no half that could stay open
  }
  return expectation;
}

/// The section of docs/lifecycle.md that is made of this.
[[nodiscard]] std::string end_tables();

}  // namespace bytes_handoff::test
