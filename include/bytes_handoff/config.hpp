#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <string_view>

#include "bytes_handoff/core/support/abi.hpp"
#include "bytes_handoff/memory.hpp"
#include "bytes_handoff/observing/queue_event.hpp"
#include "bytes_handoff/observing/queue_registry.hpp"
#include "bytes_handoff/observing/write_times.hpp"

namespace bytes_handoff {

/// When a prefix that is split off a `HandoffBuffer` is copied instead of sharing the block.
///
/// It trades two goals. Sharing is cheaper, and neighbouring slices leave as one buffer. But a
/// small slice that is kept keeps the whole block. A copy retains at most 64 bytes more than twice
/// its size.
///
/// The default is to share. Slices that go on to a `WriteHandoff` live for a short time, and the
/// queue bounds what they retain. Choose `copying_small()` if slices are kept, such as the keys of
/// a cache.
struct PrefixPolicy {
  /// Prefixes of at most this many bytes are copied. 0: none is.
  std::size_t copy_at_most = 0;

  [[nodiscard]] static constexpr PrefixPolicy share() noexcept { return {}; }
  [[nodiscard]] static constexpr PrefixPolicy copying_small() noexcept { return {256}; }
};

/// How a `HandoffBuffer` reads, and what it may hold.
///
///     HandoffBuffer buffer({.max_size = 4096, .prefix_policy = PrefixPolicy::copying_small()});
struct HandoffBufferConfig {
  /// Bytes that may be buffered. At least 1.
  std::size_t max_size = 1024 * 1024;
  /// Least room, in bytes, that a read is offered while `max_size` allows it. At least 1.
  std::size_t read_reserve = 16 * 1024;
  /// Size of the blocks that reads fill, in bytes: at least `read_reserve`, rounded up to a power
  /// of two. A read is offered all the room in its block. So larger blocks mean fewer, larger
  /// reads. Must be at least 1.
  std::size_t block_size = 64 * 1024;
  /// When `split_prefix` copies. The default never does.
  PrefixPolicy prefix_policy = PrefixPolicy::share();
  /// Where blocks come from. Null: the library's pool. It must outlive every slice. It must be safe
  /// to use on every thread that drops a slice. It must not call a `WriteHandoff`, since a
  /// queue may use it under its lock.
  std::pmr::memory_resource* block_source = nullptr;
  /// Delay before the next read after a small one (under 4 KiB). Small messages that arrive during
  /// the delay are read together: fewer reads and writes, more latency. Default: no delay. Not
  /// negative.
  ///
  /// The first read after a pause is never delayed. To end a delay early, use the operation's
  /// cancellation slot. Closing the stream does not end it. A delay allocates a timer, and raises
  /// the receive low-water mark of a socket until it is over.
  std::chrono::nanoseconds gather_for{0};
  /// The budget that blocks are charged to, with those of other members. Default: none. While it
  /// has no memory, reads wait as for bytes; what does not wait throws `std::bad_alloc`. An empty
  /// buffer reads 512 bytes at a time from its floor meanwhile.
  MemoryBudget memory_budget{};
};

/// Limits and times of a `WriteHandoff`. The comment of that class says how a queue ends, and what
/// lingers.
///
/// The writer runs after the handler that submits. So the limits must hold what one handler
/// submits, or some of it is refused or waits. The frames of one read have about `block_size`
/// bytes. Sent one by one, they are at most `block_size` / size of the smallest frame items.
///
/// A limit of items, bytes or waiters may be `SIZE_MAX`, where another one bounds the memory.
struct WriteHandoffConfig {
  /// Items that may be admitted and not yet written. Each slice is an item, and so is a write
  /// without bytes. At least 1.
  ///
  /// An item takes 32 bytes while it is in the queue, in pieces of 2 KiB. The limit itself takes no
  /// memory. 3.5 KiB of messages of 14 bytes reach the default. If a handler submits many small
  /// messages, raise it, or use `async_send`, which waits for room.
  std::size_t max_items = 256;
  /// Bytes that may be admitted and not yet written. At least 1.
  std::size_t max_pending_bytes = 1024 * 1024;
  /// Writes that may wait for room; one more is refused. 0: no write waits. Each takes a few
  /// hundred bytes for its handler. Subscribers of a `FanOut` do not count.
  std::size_t max_waiters = 1024;
  /// Bytes of all writes that wait for room; a write beyond them is refused. A write that finds
  /// nobody waiting may wait whatever its size, so that any write that can be admitted gets in.
  std::size_t max_waiting_bytes = 1024 * 1024;
  /// How long the stream may make no progress while bytes are pending, before the queue ends with
  /// `timed_out`. For what is progress, see `close_timeout`. It is noticed within a quarter of this
  /// time.
  ///
  /// Zero, the default: for ever. A peer that never reads then keeps its connection and its memory.
  /// 30 s suits most servers.
  std::chrono::nanoseconds stall_timeout{0};
  /// How long an end may go on without progress. Then the queue ends with `timed_out`, and the
  /// connection is reset. It applies to a close, the end by the last handle, `abort(after_written)`
  /// and the lingering of an owned socket. Zero: what the stream takes at once is written, and
  /// nothing waits for the peer.
  ///
  /// Before an end only `stall_timeout` applies, and by default that is for ever.
  ///
  /// Progress is what the stream takes, and what the peer's system acknowledges if the transport
  /// can tell. While a socket lingers, input is progress too. A peer that reads slowly from a large
  /// receive buffer acknowledges nothing for a while. Allow at least the size of that buffer,
  /// divided by the rate at which the peer reads.
  std::chrono::nanoseconds close_timeout{std::chrono::seconds{10}};
  /// How long such an end may take in all, with or without progress. Then the queue ends as above.
  /// Zero: nothing waits for the peer.
  std::chrono::nanoseconds close_limit{std::chrono::seconds{120}};
  /// Source of the queue's own blocks; null for the library's pool. The queue copies small slices
  /// to such a block, to fill the records of an `ssl::stream`, or to free a block of which little
  /// is used. A socket that lingers also reads into such a block. The source must outlive every
  /// slice, and be safe on every thread that drops one. It must not call a `WriteHandoff`, since a
  /// queue may call it under its lock.
  std::pmr::memory_resource* block_source = nullptr;
  /// The budget that pending bytes are charged to, with those of other members, unless they are in
  /// blocks that are charged already. Default: none. While it has no memory, writes are refused or
  /// wait, as for `max_pending_bytes`. It may shed this queue.
  MemoryBudget memory_budget{};
  /// Tells this queue from others in `MemoryBudgetConfig::shed_rank`.
  std::uint64_t budget_tag = 0;
  /// Names this queue for people: in messages of refusals, in reports of `BYTES_HANDOFF_CHECKS`, in
  /// events and in a debugger. It is copied up to its first null character, with one allocation,
  /// when the queue is made. Empty, the default: the queue has no name, and nothing is allocated.
  std::string_view name{};
  /// Is told what happens to this queue: `QueueEventKind` lists it. Empty, the default: nobody is.
  /// It is copied when the queue is made. What it refers to must be there until it was told
  /// `ended`. This may be long after the last handle has gone. It is told by then when the stream's
  /// context is destroyed.
  ///
  /// Threads: it is called on the thread whose call, handler or destructor has brought the event
  ///     about, before that returns. This may be any thread that uses the queue, one of the
  ///     stream's executor, or the one that destroys its context. No lock of the library is held
  ///     then. It is never called twice at once for one queue. What happens while it runs is told
  ///     by the same thread, once it has returned.
  /// Order: an event comes before the handlers of the operations that the same step completes. If
  ///     several are due at once, they come in the order of `QueueEventKind`. What has changed back
  ///     before it was told is not told. Nothing comes after `ended`, not even the other half of a
  ///     pair. `ended` comes once for each queue.
  /// Reentrancy: it may use any handle, ticket or permit of this queue and of others, and may drop
  ///     them. Events that this causes come after it has returned, not within. It must not wait for
  ///     the queue, and not destroy the stream's context.
  /// Errors: it must not throw: that ends the process.
  /// Cost: without a hook, one test in each write of the stream. With one, a few comparisons there,
  ///     and looks at the time as for a `stall_timeout`. An event allocates nothing.
  QueueEventHook on_event{};
  /// How long there may be no progress while bytes are pending, until `on_event` is told `stalled`.
  /// For what is progress, see `close_timeout`. Noticed within a quarter of this time. Zero: stalls
  /// are not told. Not negative. Without a hook it means nothing.
  std::chrono::nanoseconds stalled_after{std::chrono::seconds{5}};
  /// Knows this queue, from when it is made until it is gone. None: nobody does.
  QueueRegistry registry{};
  /// Takes the times of this queue's writes, and lets `WriteTicket::async_outcome` tell them. None:
  /// nobody does.
  WriteTimes times{};
};

namespace detail {

/// Throws `std::invalid_argument` if `config` can never work. Its text names the member, its value
/// and the first rule that it breaks.
void throw_if_invalid(const HandoffBufferConfig& config);
void throw_if_invalid(const WriteHandoffConfig& config);

}  // namespace detail

}  // namespace bytes_handoff
