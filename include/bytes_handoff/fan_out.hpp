#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "bytes_handoff/asio/support/default_token.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/writable_bytes.hpp"
#include "bytes_handoff/asio/support/writer_pointer.hpp"
#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/core/fan_out/subscriber.hpp"
#include "bytes_handoff/error.hpp"
#include "bytes_handoff/expected.hpp"
#include "bytes_handoff/lag_policy.hpp"
#include "bytes_handoff/write_handoff.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {
class FanOutOwner;
}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// One queue's place in the log of a `FanOut`. It leaves the log when it is dropped.
///
/// Ownership: keeps no queue open. It keeps the memory of the queue, and of the log. Move-only.
/// Threads: distinct objects on any threads at once. Observers and `async_caught_up` may run
///     concurrently.
class Subscription {
 public:
  using executor_type = net::any_io_executor;

  /// Not of a queue: `valid()` and `is_active()` are false.
  Subscription() noexcept = default;
  Subscription(Subscription&&) noexcept = default;
  /// Leaves the log that it had joined.
  Subscription& operator=(Subscription&& other) noexcept;
  ~Subscription();

  /// Leaves the log. What the queue was given, it writes. On the stream's executor, nothing more is
  /// given after this call. After a call elsewhere, up to 64 entries, or one publication, may still
  /// be given.
  void leave() noexcept;

  /// Whether it is of a queue. Stays so when that has ended.
  [[nodiscard]] bool valid() const noexcept { return static_cast<bool>(writer_); }

  /// The executor of the queue's stream, where a handler runs that is bound to none. Empty once the
  /// stream's context is being destroyed. Precondition: `valid()`.
  [[nodiscard]] executor_type get_executor() const noexcept;

  /// Waits until the queue has been given all that was published before this call. What it missed,
  /// or was left out by its policy, counts as given.
  ///
  /// A publisher that is a subscriber, too, paces itself by this and `async_flush` of its queue.
  /// Then it is never further ahead of its own stream than what it has published since. To wait for
  /// others, too, wait for each subscription.
  ///
  /// Completes: `void(error_code)`. Nothing needs to have been written: `async_flush` waits for
  ///     that.
  /// Errors: `closed` if it leaves before, for whatever reason, or has left.
  /// Cancellation: all types, with `operation_aborted`. Only the wait ends.
  /// Threads: any. Several may wait at once. The subscription may be moved or dropped while the
  ///     wait runs; to drop it is to leave. The handler runs as those of a `WriteHandoff`.
  /// Cost: two posts, and one allocation by the handler's associated allocator, by default from the
  ///     library's pool.
  ///
  /// Precondition: `valid()`.
  ///
  ///     co_await subscription.async_caught_up(use_awaitable);
  ///     co_await out.async_flush(use_awaitable);
  template <class CompletionToken = DefaultToken>
  auto async_caught_up(CompletionToken&& token = CompletionToken()) const;

  /// Whether more may be given. False after `leave`, after the end of the queue, and when all of a
  /// closed log was given: as soon as the library has run on the stream's executor. A queue that is
  /// closing leaves with the next publication.
  [[nodiscard]] bool is_active() const noexcept { return subscriber_ && !subscriber_->is_over(); }
  /// Entries that the queue was not given: what the log dropped, what was skipped, and what could
  /// never fit the queue. Counted when the queue is served, so a stuck one lacks its last gap.
  [[nodiscard]] std::uint64_t missed() const noexcept {
    return subscriber_ ? subscriber_->missed() : 0;
  }
  /// Entries that were left out because the log had a newer one with their key.
  [[nodiscard]] std::uint64_t conflated() const noexcept {
    return subscriber_ ? subscriber_->conflated() : 0;
  }

 private:
  friend class FanOut;
  Subscription(detail::SubscriberPointer subscriber, detail::WriterPointer writer) noexcept
      : subscriber_(std::move(subscriber)), writer_(std::move(writer)) {}

  detail::SubscriberPointer subscriber_;  // null if it never joined
  detail::WriterPointer writer_;
};

/// One log of entries for many queues: what is published once is written to every subscriber.
///
/// A publisher is never held up. A full log drops its oldest entries. Each subscriber is given
/// entries as its queue has room, and the next one is chosen when the room is there. If a
/// subscriber lags, its `LagPolicy` may skip entries that the queue has not been given, or end the
/// queue. What is admitted to a queue is never taken back. A stuck subscriber costs the others
/// nothing.
///
/// Entries of one log come in order. Between two logs there is none.
///
/// Not for a message that each queue must take or refuse: copy the `Bytes`, and call `try_write`
/// for each. Then each refusal is known. It costs a lock for each queue.
///
/// Ownership: handles are cheap to copy and share one log. If the last one goes without a close,
///     subscribers are given the rest, and their queues stay open. A handle that was moved from may
///     only be assigned or destroyed; `BYTES_HANDOFF_CHECKS` finds other calls.
/// Threads: any member, any thread, at any time.
/// Work: is done on the executors of the streams. All subscribers of one executor are served by one
///     handler, a few at a time, which then posts itself again. Each `io_context` has one such
///     executor, and each strand is one. A subscription alone does not keep a context running.
/// Contexts: if a stream's context is destroyed, its subscribers leave. Log and contexts may be
///     destroyed in any order.
/// Memory: the log keeps entries until newer ones drop them, also those that everyone was given.
///     Its blocks retain at most twice `max_bytes`, 64 bytes an entry, and four blocks. The entries
///     themselves take about 100 bytes each. While subscribers of an executor are served, they may
///     share a copy of small entries, of at most 16 KiB. Beside it there is what each queue bounds
///     by itself, and what is not the library's: memory behind `Bytes::from_owner`, and tagged
///     messages.
///     A `MemoryBudget` of queues is charged for an entry once, or for its whole block. That is
///     from when the first of them is given it until all of them and the log have dropped it.
///
///     FanOut ticks({.max_bytes = 256 * 1024});
///     Subscription subscription = ticks.subscribe(out, {.hard_limit = {.entries = 500}});
///     Bytes tick = Bytes::copy_of("EURUSD 1.0831\n");
///     if (auto published = ticks.publish(tick); !published) { /* closed, or too large */ }
class FanOut {
 public:
  /// An empty log.
  ///
  /// Throws: `std::invalid_argument` for a configuration that can never work; `std::bad_alloc`.
  explicit FanOut(const FanOutConfig& config = {});

  /// Publishes to all who have joined before, and leaves the bytes empty.
  ///
  /// Several slices are a group. It is given to a queue as one write, all or none. It is dropped or
  /// skipped as a whole, too. Each slice is an entry. A span without slices publishes nothing. With
  /// a `key`, this supersedes earlier publications with that key for subscribers that conflate.
  ///
  /// Subscribers are served after the calling handler has returned. So the log must hold all that
  /// one handler publishes, and what other handlers publish that run before. The default holds 1
  /// MiB of any input that is read 64 KiB at a time. What is beyond `max_bytes` or `max_entries` is
  /// missed even by a subscriber that is idle: `Subscription::missed` tells. A publisher that can
  /// wait paces itself by `Subscription::async_caught_up`.
  ///
  /// Slices that are much smaller than their blocks are copied together, in the library's own
  /// blocks, unless neighbours fill them. So a line of its own small read does not keep that read's
  /// block.
  ///
  /// Errors: `closed`, and `can_never_fit` for what is larger than the log, or a group for whose
  ///     entries there is no memory. The bytes stay with the caller.
  /// Cost: O(1) a slice, and O(1) an entry that is dropped, under the log's lock. Then at most one
  ///     post for each executor that has nothing under way. Where the log grows: amortized O(1). A
  ///     run of small slices costs a copy of less than half of its block. Allocates nothing in
  ///     steady state if the executors are those of an `io_context` or strands of that.
  [[nodiscard("a refused publication keeps its bytes: check the result")]]  //
  expected<void, Errc>
  publish(Bytes& bytes, std::optional<std::uint64_t> key = std::nullopt) const;
  [[nodiscard("a refused publication keeps its bytes: check the result")]]  //
  expected<void, Errc>
  publish(std::span<Bytes> slices, std::optional<std::uint64_t> key = std::nullopt) const;
  template <detail::UnwritableBytes CannotKeep, class Hint = detail::WhyUnwritable<CannotKeep>,
            class... Key>
  void publish(CannotKeep&&, Key...) const = delete;  // the hint says what to do

  /// Joins: the queue is given entries from the next publication on. It leaves when the
  /// subscription is dropped, or the queue is closed or has ended.
  ///
  /// Other writes of the queue are as always; entries come between them, in their order. Where it
  /// has no room for the next entry, the subscriber waits for room in the queue's line, as
  /// `async_reserve` does. It does not count for `max_waiters`, and may wait where no write may. A
  /// queue can be subscribed more than once, and to several logs.
  ///
  /// Errors: not active if the queue is closed or has ended, or the log is closed. Throws
  ///     `std::invalid_argument` for a policy that can never work, and `std::bad_alloc`.
  /// Cost: O(executors), and one allocation; one more for the first subscriber of an executor.
  ///     `Executor` is not to be given: a template is compiled only where it is called.
  template <class Executor = net::any_io_executor>
  [[nodiscard("it leaves the log when it is dropped")]] Subscription subscribe(
      const WriteHandoff& queue, LagPolicy policy = {}) const;

  /// Nothing more is published. Each subscriber is given the rest, then its queue is closed, as by
  /// `WriteHandoff::close`. Does nothing if it is closed.
  void close() const noexcept;
  [[nodiscard]] bool is_open() const noexcept;

 private:
  /// Precondition: not moved from.
  [[nodiscard]] detail::FanOutOwner& checked() const noexcept;

  std::shared_ptr<detail::FanOutOwner> owner_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff

#include "bytes_handoff/asio/fan_out/fan_out.hpp"
