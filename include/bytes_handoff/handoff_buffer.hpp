#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/bytes_mut.hpp"
#include "bytes_handoff/config.hpp"
#include "bytes_handoff/core/budget/account_pointer.hpp"
#include "bytes_handoff/core/memory/poison.hpp"
#include "bytes_handoff/core/reading/async_read_stream.hpp"
#include "bytes_handoff/core/reading/kept_error.hpp"
#include "bytes_handoff/core/reading/read_on.hpp"
#include "bytes_handoff/core/support/check.hpp"
#include "bytes_handoff/core/support/lifetimebound.hpp"
#include "bytes_handoff/core/support/one_thread.hpp"
#include "bytes_handoff/error.hpp"
#include "bytes_handoff/expected.hpp"
#include "bytes_handoff/framers.hpp"

namespace bytes_handoff {

template <Framer F>
class FrameRange;

namespace detail {
class ReadClaim;
struct BufferAccess;
}  // namespace detail

/// A bounded read buffer that outlives the parsers that look into it.
///
/// It reads what a stream has and keeps it. A parser looks at the bytes without taking them, and
/// splits complete prefixes off as owned slices. When the protocol changes, the next parser takes
/// the rest.
///
/// Not for a message of unknown size that is collected whole. Not needed if a parser works on one
/// read at a time and keeps nothing.
///
/// Ownership: the buffer owns the bytes it holds. Slices that were split off own theirs, and may
///     outlive it. Not copyable. It must stay in place, alive, while a read runs.
/// Views: a view from `peek` stays valid until you call a function marked "Invalidates views".
///     Slices always stay valid.
/// Threads: distinct objects on any threads at once; one object on one thread at a time.
/// Checks: `BYTES_HANDOFF_CHECKS` finds a mutator, a move or a destruction while a read runs, and
///     two threads in one object at once.
/// Cost: every function is O(1) and allocates nothing, unless it says otherwise.
///
///     HandoffBuffer buffer({.max_size = 64 * 1024});
///     DelimiterFramer lines("\n");
///     while (co_await buffer.async_wait_frame(socket, lines, use_awaitable) != 0)
///       for (Bytes& line : buffer.frames(lines)) handle(line);
class HandoffBuffer {
 public:
  /// Empty, with the default configuration. Allocates nothing.
  HandoffBuffer() noexcept = default;

  /// Empty, with `config`. Allocates nothing, unless there is a memory budget.
  ///
  /// Errors: throws `std::invalid_argument` if `config` can never work. Its text names the member
  ///     and the rule. Throws `std::system_error` with `memory_exhausted` if the memory budget has
  ///     no floor left for it.
  explicit HandoffBuffer(HandoffBufferConfig config);

  /// A buffer that starts with the bytes another parser left. Copies nothing; `tail` is left empty.
  ///
  /// Errors: refused if `tail` has more than `config.max_size` bytes. Then `tail` is unchanged.
  ///     Throws as the constructor does, and `std::bad_alloc` if the memory budget is exhausted,
  ///     with `tail` unchanged. A block that slices share, too, is not charged.
  [[nodiscard(
      "a tail that is taken is in the result")]] static expected<HandoffBuffer, LimitExceeded>
  from_tail(BytesMut& tail, HandoffBufferConfig config);

  /// The source is left empty, with its configuration, and not reading. Views stay valid and belong
  /// to the target. Precondition: no read runs in either.
  HandoffBuffer(HandoffBuffer&& other) noexcept;
  HandoffBuffer& operator=(HandoffBuffer&& other) noexcept;
  ~HandoffBuffer();

  [[nodiscard]] const HandoffBufferConfig& config() const noexcept BYTES_HANDOFF_LIFETIMEBOUND {
    return config_;
  }

  /// Bytes that are buffered.
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }
  [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }
  /// Buffered bytes and spare room together.
  [[nodiscard]] std::size_t capacity() const noexcept { return bytes_.capacity(); }
  /// Bytes of memory that it keeps from being freed: its whole block, also if slices keep it, too.
  [[nodiscard]] std::size_t held_bytes() const noexcept;
  /// The buffered bytes, first to last.
  [[nodiscard]] std::span<const std::byte> peek() const noexcept BYTES_HANDOFF_LIFETIMEBOUND {
    return bytes_.span();
  }
  [[nodiscard]] std::string_view peek_view() const noexcept BYTES_HANDOFF_LIFETIMEBOUND {
    return bytes_.view();
  }

  /// How many bytes have left the buffer: the position, in all that it has read, of the first byte
  /// that it holds. `from_tail` begins at 0.
  [[nodiscard]] std::uint64_t position() const noexcept { return received_ - size(); }

  /// Makes room for `n` bytes more, for the next read. Invalidates views.
  ///
  /// Errors: refused, before memory is taken, if the buffer would hold more than `max_size`. Throws
  ///     what the source of blocks throws. In both cases nothing changes.
  /// Cost: O(size) if the bytes move. At most one allocation.
  expected<void, LimitExceeded> reserve_read_capacity(std::size_t n);

  /// Reads what `stream` has and appends it to the buffer. Invalidates views.
  ///
  /// The read is offered all the room that the block has spare: at least `read_reserve`, and never
  /// more than `max_size - size()`. After a small read, a socket may be read again, at most 16
  /// times.
  ///
  /// Asio's sockets and descriptors, and `DuplexStream` (`testing/duplex.hpp`), are put into
  /// non-blocking mode. The buffer waits until they are readable. Meanwhile an empty buffer holds
  /// no block, and up to 4 KiB of unread bytes are kept in a small one. A descriptor that cannot be
  /// waited for, such as a file, is read at once.
  ///
  /// An empty buffer offers any other stream 512 bytes at first. If they are filled, the next read
  /// is offered all the room. With an `ssl::stream` that next read is made at once if more bytes
  /// are already decrypted.
  ///
  /// The default token is that of the stream's executor, if it has one.
  ///
  /// Completes: `void(error_code ec, std::size_t n)`, when at least one byte has been appended.
  ///     `n == 0` without an error is the end of the stream. The handler is called on its
  ///     associated executor, by default the stream's, and never from inside this function.
  /// Errors: `limit_exceeded` if the buffer is full (nothing is read); `read_in_progress` if a read
  ///     is already running; an error that came with a frame (see `async_wait_frame`); otherwise
  ///     the stream's error, or what the stream throws. `n` counts the bytes that came before the
  ///     error. `stream_truncated` of an `ssl::stream` is an error.
  /// Cancellation: the types that the stream's own operations support. Sockets, descriptors and
  ///     `DuplexStream` support all; `ssl::stream` supports `terminal`. Nothing is lost: bytes that
  ///     the stream delivered are in the buffer, and the buffer stays usable.
  /// Threads: buffer and stream must stay alive and in place until completion. Until then only
  ///     `size`, `empty`, `capacity`, `held_bytes`, `peek`, `peek_view` and `config` may be called.
  ///     If the stream's context is destroyed first, the handler is destroyed uninvoked and the
  ///     read is over. Only bytes that the stream has taken and not yet delivered are lost with it.
  /// Cost: a read that waits allocates once, by the handler's associated allocator. The default is
  ///     the library's pool. The stream may allocate, too. The buffer holds at most one block, or
  ///     two while it moves bytes. A move of more than 4 KiB costs amortized O(1) a byte read.
  template <detail::AsyncReadStream Stream,
            class CompletionToken = detail::DefaultReadToken<Stream>>
  requires(!detail::EndsReads<CompletionToken>) auto async_read_available(
      Stream& stream, CompletionToken&& token = CompletionToken());

  /// The same, with the `WriteHandoff` that writes to the same stream.
  ///
  /// If `out` is aborted, exceeds a time limit, or loses its last handle without a close, the
  /// connection is reset (`write_handoff.hpp`). Then the read completes with the first error of
  /// `out`, instead of `operation_aborted`. The read does not keep `out` open. A `close` of `out`
  /// does not end the read: it goes on to the peer's end. See docs/which-close.md.
  ///
  /// The system tells once that a connection is lost (`connection_reset`, `timed_out`), and a read
  /// finds an end then. If a write of `out` was told, the read completes with that error, too.
  template <detail::AsyncReadStream Stream, detail::EndsReads Queue,
            class CompletionToken = detail::DefaultReadToken<Stream>>
  auto async_read_available(Stream& stream, const Queue& out,
                            CompletionToken&& token = CompletionToken());

  /// Reads until a whole frame is at the front of the buffer, and leaves it there.
  ///
  /// A frame that is there already costs no read. Otherwise reads are made as by
  /// `async_read_available`, until `framer` says that a frame is complete. Take it with `frames`,
  /// or with `split_prefix(n)`. Invalidates views.
  ///
  /// Frames that are there come before an end or an error of the stream. If a read brings a whole
  /// frame and an error, the next read of this buffer tells the error, and does not read.
  /// `take_tail` does not carry it.
  ///
  /// Completes: `void(error_code ec, std::size_t n)`, when a frame of `n` bytes is there, with its
  ///     delimiter or header. `n == 0` without an error is the end of the stream behind the last
  ///     frame: the buffer is empty. The handler is called as that of `async_read_available`.
  /// Errors: `truncated_frame` if the stream ends inside of a frame, which stays in the buffer;
  ///     `limit_exceeded` if `max_size` is too small for the frame; the framer's error, or what it
  ///     throws; `read_in_progress`; otherwise the stream's error. `n` is 0. No read is started
  ///     once an error is known.
  /// Cancellation: all types. A read that waits is cancelled if its stream supports the type;
  ///     otherwise the wait ends when that read has ended. Nothing is lost: what was read is in the
  ///     buffer. A frame that came meanwhile is told without an error.
  /// Threads: as for `async_read_available`. `framer` must also stay alive, and is called until
  ///     completion on the handler's associated executor, or inside this function.
  /// Cost: of its reads, and a scan behind each read that may have completed a frame. Allocates at
  ///     most once, as a read that waits does. Lets others on the executor run at least once in 16
  ///     reads.
  ///
  ///     DelimiterFramer lines("\n");
  ///     while (co_await buffer.async_wait_frame(socket, lines, use_awaitable) != 0) {
  ///       for (Bytes& line : buffer.frames(lines)) handle(line);
  ///     }
  template <detail::AsyncReadStream Stream, Framer F,
            class CompletionToken = detail::DefaultReadToken<Stream>>
  requires(!detail::EndsReads<CompletionToken>) auto async_wait_frame(
      Stream& stream, F& framer, CompletionToken&& token = CompletionToken());

  /// The same, with the `WriteHandoff` that writes to the same stream: see `async_read_available`.
  template <detail::AsyncReadStream Stream, Framer F, detail::EndsReads Queue,
            class CompletionToken = detail::DefaultReadToken<Stream>>
  auto async_wait_frame(Stream& stream, F& framer, const Queue& out,
                        CompletionToken&& token = CompletionToken());
  template <class Stream, detail::Temporary CannotStay, class... Rest>
  void async_wait_frame(Stream&, CannotStay&&, Rest&&...) = delete;  // a variable keeps the framer

  /// The complete frames that are there, as a range over owned slices of their contents.
  ///
  /// What is content, the framer says. The library's leave out the delimiter or the header, unless
  /// `keep_delimiter` or `keep_header` is set. `split_prefix(n)` gives a whole frame.
  ///
  /// Each frame is split off before the loop's body runs, as `split_prefix` does it. A body that is
  /// left early has its own frame, and the rest stays in the buffer. The range ends where no whole
  /// frame is left: bytes are missing, or the framer has met an error. `error()` of the range tells
  /// which; the next `async_wait_frame` tells it, too. A frame that can never fit into `max_size`
  /// is the error `limit_exceeded`. `framer` and this must outlive the range.
  ///
  /// Errors: the increment throws what a copy by the prefix policy throws; nothing changes then.
  /// Cost: a scan and a split for each frame.
  ///
  ///     auto lines = buffer.frames(framer);
  ///     for (Bytes& line : lines) handle(line);
  ///     if (auto error = lines.error()) co_return report(error.message());
  template <Framer F>
  [[nodiscard]] FrameRange<F> frames(F& framer) noexcept;
  template <Framer F>
  void frames(const F&&) = delete;  // a variable keeps the framer, and what it has looked at

  /// Splits off the first `n` bytes as an owned slice. Views of the bytes behind them stay valid.
  ///
  /// The slice shares the block. It is a copy if `config().prefix_policy` says so.
  ///
  /// Errors: refused if `n > size()`. A copy may throw `std::bad_alloc`. Nothing changes then.
  /// Cost: O(1). A copy is O(n) and allocates once.
  [[nodiscard("the bytes that were split off are the result: advance drops them")]] expected<
      Bytes, SplitOutOfBounds>
  split_prefix(std::size_t n) {
    const detail::OneThread::Visit visit(one_thread_);
    BYTES_HANDOFF_CHECK(
        !reading_,
        "HandoffBuffer::split_prefix while a read runs: only the observers may be called");
    if (n <= config_.prefix_policy.copy_at_most) {
      return split_small_prefix(n);
    }
    return bytes_.split_to_frozen(n);
  }

  /// Splits off the first `n` bytes, mutable. Always shares the block. Views stay valid.
  [[nodiscard("the bytes that were split off are the result: advance drops them")]] expected<
      BytesMut, SplitOutOfBounds>
  split_prefix_mut(std::size_t n) noexcept {
    const detail::OneThread::Visit visit(one_thread_);
    BYTES_HANDOFF_CHECK(
        !reading_,
        "HandoffBuffer::split_prefix_mut while a read runs: only the observers may be called");
    return bytes_.split_to(n);
  }

  /// Takes all buffered bytes and the room behind them, for the next parser or for `from_tail`. The
  /// buffer is left empty and holds no memory. Views stay valid and belong to the tail.
  [[nodiscard("the tail is the result: advance drops bytes")]] BytesMut take_tail() noexcept {
    const detail::OneThread::Visit visit(one_thread_);
    BYTES_HANDOFF_CHECK(
        !reading_, "HandoffBuffer::take_tail while a read runs: only the observers may be called");
    return std::exchange(bytes_, BytesMut());
  }

  /// Takes all buffered bytes as one slice. The buffer is left empty and holds no memory. Views
  /// stay valid and belong to the slice.
  [[nodiscard("the frozen bytes are the result")]] Bytes freeze_all() noexcept {
    return take_tail().freeze();
  }

  /// Drops the first `n` bytes. Views of the bytes behind them stay valid.
  ///
  /// Errors: refused if `n > size()`. Nothing changes then.
  expected<void, SplitOutOfBounds> advance(std::size_t n) noexcept {
    const detail::OneThread::Visit visit(one_thread_);
    BYTES_HANDOFF_CHECK(
        !reading_, "HandoffBuffer::advance while a read runs: only the observers may be called");
    detail::give_up(bytes_.data(), n <= size() ? n : 0);
    return bytes_.advance(n);
  }

 private:
  friend struct detail::BufferAccess;
  template <Framer F>
  friend class FrameRange;

  [[nodiscard]] expected<Bytes, SplitOutOfBounds> split_small_prefix(std::size_t n);
  void have_generation() noexcept {
    if (generation_ == 0) {
      generation_ = detail::new_generation();
    }
  }
  // Without a generation, it is a new one for every mark.
  [[nodiscard]] FrameWindow window() const noexcept {
    return FrameWindow(peek(), {generation_, position()});
  }
  // The content of the frame at the front, which leaves the buffer.
  [[gnu::always_inline]] void take_frame(Bytes& content, std::size_t n, std::size_t first,
                                         std::size_t last) {
    const detail::OneThread::Visit visit(one_thread_);
    BYTES_HANDOFF_CHECK(
        !reading_, "HandoffBuffer::frames while a read runs: only the observers may be called");
    if (last - first <= config_.prefix_policy.copy_at_most) {
      copy_frame(content, n, first, last);
      return;
    }
    detail::give_up(bytes_.data(), first);
    detail::give_up(bytes_.data() + last, n - last);
    content = bytes_.take(n, first, last);
  }
  void copy_frame(Bytes& content, std::size_t n, std::size_t first, std::size_t last);
  [[nodiscard]] Bytes take_all() noexcept;
  void put_back(Bytes&& front) noexcept;
  void take_in(BytesMut&& bytes) noexcept;
  void give_back_credit() noexcept;
  void make_room(std::size_t n);
  void take_small_block(std::size_t n);
  [[gnu::cold]] void make_small_room(std::size_t most);
  void drop_block_larger_than(std::size_t n) noexcept;

  // The steps of a read: see front_end.hpp.
  [[nodiscard]] expected<std::span<std::byte>, LimitExceeded> begin_read();
  [[nodiscard]] expected<std::span<std::byte>, LimitExceeded> begin_small_read();
  void end_read(std::size_t n, bool more_is_there) noexcept;
  void pause_read() noexcept;
  [[nodiscard]] expected<std::size_t, LimitExceeded> may_read();
  [[nodiscard]] std::span<std::byte> offer(std::size_t most) noexcept;

  // Room that others fill, and what they put there: see buffer_access.hpp.
  [[nodiscard]] expected<std::span<std::byte>, LimitExceeded> prepare(std::size_t n);
  void commit(std::size_t n) noexcept;
  [[nodiscard]] expected<void, LimitExceeded> may_add(std::size_t n) const noexcept;

  void take_state(HandoffBuffer& from) noexcept {
    offered_ = std::exchange(from.offered_, 1);
    read_since_move_ = std::exchange(from.read_since_move_, 0);
    reading_ = std::exchange(from.reading_, false);
    is_reserved_ = std::exchange(from.is_reserved_, false);
    is_prepared_ = std::exchange(from.is_prepared_, false);
    received_ = std::exchange(from.received_, 0);
    generation_ = std::exchange(from.generation_, 0);
    read_on_ = std::exchange(from.read_on_, {});
    next_read_at_ = std::exchange(from.next_read_at_, {});
    kept_error_ = std::exchange(from.kept_error_, {});
  }

  HandoffBufferConfig config_;
  detail::AccountPointer account_;  // none without a memory budget
  BytesMut bytes_;
  // Room of the last read that it did not fill; 1 before the first, 0 where more is there. While a
  // read runs, or room is prepared: that room.
  std::size_t offered_ = 1;
  std::size_t read_since_move_ = 0;  // bytes, since what was unread was last moved to a new block
  std::uint64_t received_ = 0;       // bytes, since the buffer was made
  std::uint64_t generation_ = 0;  // tells these bytes from those of other buffers; 0: not asked yet
  bool may_have_credit_ = false;  // its account, which is elsewhere in memory
  bool reading_ = false;
  bool is_reserved_ = false;  // room for the next read, which may be in a large block
  bool is_prepared_ = false;  // room that others may have filled
  detail::ReadOn read_on_;
  std::chrono::steady_clock::time_point next_read_at_{};  // where it gathers
  detail::KeptError kept_error_;                          // that the next read tells
  [[no_unique_address]] detail::OneThread one_thread_{"HandoffBuffer: two threads used it at once"};
  detail::ReadClaim* claim_ = nullptr;  // of the operation that reads, while it waits
};

}  // namespace bytes_handoff

#include "bytes_handoff/core/framing/frame_range.hpp"

#if defined(BYTES_HANDOFF_STANDALONE_ASIO) || defined(BYTES_HANDOFF_BOOST_ASIO)
#include "bytes_handoff/asio/reading/handoff_buffer.hpp"
#endif
