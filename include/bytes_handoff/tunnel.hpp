#pragma once

// Both ways between two streams. For one way see `relay.hpp`.

#include <chrono>
#include <concepts>
#include <string_view>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/support/default_token.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/relay.hpp"

namespace bytes_handoff {

/// What the end of one way of a tunnel does to the other way.
enum class OtherWay : unsigned char {
  goes_on,  ///< nothing
  ends,     ///< it reads no more, passes on what it has, and then its output is reset
};

/// What a cancellation does to a tunnel.
enum class OnCancel : unsigned char {
  /// Both ways end at once. Nothing is ended or reset.
  stays_open,
  /// Both ways read no more and pass on what they have. Then both outputs are reset: a cut is never
  /// made to look whole.
  ends,
};

/// How the two ways of a tunnel depend on each other, and how long they may be silent.
struct TunnelOptions {
  /// How long both ways together may be silent. Then both outputs are reset. Zero: for ever.
  ///
  /// Bytes that are received, passed on or written by a queue put it back, in either way. So do
  /// bytes that a peer's system acknowledges, if the transport can tell. A long download with a
  /// silent client is not idle. It is noticed within a quarter of this time.
  std::chrono::nanoseconds idle_timeout{0};
  /// A second limit, from the end of one way on. It starts anew with that end. `idle_timeout` goes
  /// on beside it, so the shorter one counts. Zero: no second limit.
  std::chrono::nanoseconds half_close_timeout{std::chrono::seconds{60}};
  /// What an input that ends in order does to the other way.
  OtherWay on_end = OtherWay::goes_on;
  /// What an input that fails does to the other way.
  OtherWay on_read_error = OtherWay::ends;
  /// What an output that fails does to the other way. If it goes on, an early answer arrives.
  /// If the connection is lost, as by `connection_reset` or `timed_out`, its end is a cut: the
  /// system tells that once, and then an end.
  OtherWay on_write_error = OtherWay::goes_on;
  /// What a cancellation does. A server that is to end has its tunnels end by this.
  OnCancel on_cancel = OnCancel::stays_open;
  /// Whether a socket without a queue is closed by the end in order of its output, if the way from
  /// it is over without an error. That is a system call less. The side that ends first stays open.
  /// Not for a socket with `SO_LINGER`, whose close would wait or discard.
  bool may_close = false;
  /// Bounds of the end of an output without a queue, as in `RelayOptions`.
  std::chrono::nanoseconds close_timeout{std::chrono::seconds{10}};
  std::chrono::nanoseconds close_limit{std::chrono::seconds{120}};
  /// If not null: where the way from `a` to `b` counts, and the other one.
  RelayProgress* a_to_b = nullptr;
  RelayProgress* b_to_a = nullptr;
  /// Who moves the bytes to an output without a queue.
  RelayBy by = RelayBy::kernel_if_it_pays;
};

}  // namespace bytes_handoff

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

template <class Token>
concept TunnelToken = !std::same_as<std::remove_cvref_t<Token>, TunnelOptions>;

template <class Out>
concept TunnelOut = std::same_as<Out, WriteHandoff> || ByteWriteStream<Out>;

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// One side of a tunnel: a stream with its buffer, and its queue if it has one. A copy refers to
/// the same.
///
///     TunnelEnd(client_buffer, client)           // the tunnel alone writes to the stream
///     TunnelEnd(server_buffer, *server, queue)   // by a queue in front of it, as others may
template <detail::AsyncReadStream Stream, detail::TunnelOut Out>
class TunnelEnd {
 public:
  TunnelEnd(HandoffBuffer& buffer, Stream& stream) noexcept requires std::same_as<Out, Stream>
      : buffer_(&buffer), stream_(&stream), out_(&stream) {}
  TunnelEnd(HandoffBuffer& buffer, Stream& stream,
            WriteHandoff queue) noexcept requires std::same_as<Out, WriteHandoff>
      : buffer_(&buffer), stream_(&stream), out_(std::move(queue)) {}

  [[nodiscard]] HandoffBuffer& buffer() const noexcept { return *buffer_; }
  [[nodiscard]] Stream& stream() const noexcept { return *stream_; }
  /// What is written to: the stream, or the queue.
  [[nodiscard]] const Out& out() const noexcept {
    if constexpr (std::same_as<Out, Stream>) {
      return *out_;
    } else {
      return out_;
    }
  }

 private:
  HandoffBuffer* buffer_;
  Stream* stream_;
  std::conditional_t<std::same_as<Out, Stream>, Stream*, WriteHandoff> out_;
};
template <class Stream>
TunnelEnd(HandoffBuffer&, Stream&) -> TunnelEnd<Stream, Stream>;
template <class Stream>
TunnelEnd(HandoffBuffer&, Stream&, WriteHandoff) -> TunnelEnd<Stream, WriteHandoff>;

/// What the error of a tunnel came from. Log it, or count by it.
enum class TunnelCause : unsigned char {
  none,       ///< there is no error, or a context was destroyed
  read_a,     ///< a read from `a`
  write_a,    ///< a write to `a`, or its end; or its queue has ended
  read_b,     ///< a read from `b`
  write_b,    ///< a write to `b`, or its end; or its queue has ended
  other_way,  ///< the end in order of one side, since `on_end` ends the other way
  time,       ///< `idle_timeout` or `half_close_timeout`, or there was no memory for their timer
  cancelled,
};
/// As that of `QueueEventKind`.
[[nodiscard]] constexpr std::string_view to_string(TunnelCause cause) noexcept {
  switch (cause) {
    case TunnelCause::none:
      return "none";
    case TunnelCause::read_a:
      return "read_a";
    case TunnelCause::write_a:
      return "write_a";
    case TunnelCause::read_b:
      return "read_b";
    case TunnelCause::write_b:
      return "write_b";
    case TunnelCause::other_way:
      return "other_way";
    case TunnelCause::time:
      return "time";
    case TunnelCause::cancelled:
      return "cancelled";
  }
  return "unknown";
}

/// How a tunnel ended, way by way.
struct TunnelResult {
  struct Way {
    RelayCounts counts;
    /// None if the input ended in order and the output has taken the end.
    net_error_code error;
  };
  Way a_to_b;
  Way b_to_a;
  /// What the error that the tunnel completes with came from.
  TunnelCause cause = TunnelCause::none;
};

/// Passes on everything between two streams, both ways at once, as two `async_relay` would.
///
/// If one side ends in order, that end is passed on, and the other way goes on: the connection is
/// half-closed. If a side fails, its bytes are passed on before the other side is reset: a cut is
/// never made to look whole. `options` says what one way's end does to the other, and how long both
/// may be silent. docs/lifecycle.md says what each peer sees.
///
/// Completes: `void(error_code, TunnelResult)`, once both ways have ended.
/// Errors: the first one that happened; none if both ways ended in order. `TunnelResult::cause`
///     tells what it came from. Each way's own is in the result. `Errc::aborted` for a way that
///     ended because of the other. `Errc::timed_out` for ways that a limit has ended: both outputs
///     are reset at once. A queue that has ended by then is not ended again. The error of a read
///     tells why its side's queue has ended, if that was the reason. `read_in_progress` if a buffer
///     is being read; nothing is ended then.
/// Throws: `std::invalid_argument` if a time of `options` is negative. Nothing has begun then.
/// Cancellation: the types that both streams support, with `operation_aborted`. Nothing is ended or
///     reset, except what is being ended already (`relay.hpp`). Both buffers hold what was received
///     and not passed on.
///     With `OnCancel::ends` all types. It completes when both ways have passed on what they have,
///     and both outputs are reset, within `close_timeout` and `close_limit`; a queue has its own.
///     The second cancellation resets both outputs at once.
/// Ownership: buffers, streams and `RelayProgress` must stay alive and in place until the handler
///     is called or destroyed. Until then only observers of the buffers may be called, nobody else
///     reads the streams, and nobody else writes to one without a queue.
/// Threads: start it on any thread that may use both buffers. Both executors must be serial, and
///     may be two. Each stream is used on its own.
/// Contexts: as `relay.hpp`. No timer is left behind.
/// Cost: one allocation by the handler's associated allocator, by default from the library's pool,
///     one more between two executors, and one of a timer for each limit that is waited for.
///     Limits cost nothing per byte.
///
///     auto [error, result] = co_await async_tunnel(
///         TunnelEnd(client_buffer, client), TunnelEnd(server_buffer, server),
///         {.idle_timeout = std::chrono::minutes(5)}, as_tuple(use_awaitable));
template <class StreamA, class OutA, class StreamB, class OutB,
          class CompletionToken = DefaultToken>
auto async_tunnel(TunnelEnd<StreamA, OutA> a, TunnelEnd<StreamB, OutB> b,
                  const TunnelOptions& options, CompletionToken&& token = CompletionToken());
template <class StreamA, class OutA, class StreamB, class OutB,
          class CompletionToken = DefaultToken>
requires detail::TunnelToken<CompletionToken>
auto async_tunnel(TunnelEnd<StreamA, OutA> a, TunnelEnd<StreamB, OutB> b,
                  CompletionToken&& token = CompletionToken());

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff

#include "bytes_handoff/asio/relaying/tunnel.hpp"
