#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/bytes_mut.hpp"
#include "bytes_handoff/config.hpp"
#include "bytes_handoff/core/reading/read_on.hpp"
#include "bytes_handoff/error.hpp"
#include "bytes_handoff/expected.hpp"

namespace bytes_handoff {

namespace detail {
class ReadClaim;
struct BufferAccess;
}  // namespace detail

/// A bounded read buffer that outlives the parsers that look into it.
///
/// It reads what a stream has, keeps it as protocol state, lets a parser look without committing,
/// splits complete prefixes off as owned slices, and hands its tail on when the protocol changes
/// mode. Do not use it to collect a message of unknown size without a limit, or where a parser can
/// work on the bytes of one read alone and keeps nothing.
///
/// Ownership: the buffer owns the bytes it holds; slices that were split off own theirs and may
/// outlive it. Not copyable. It must stay where it is, alive, while a read runs.
/// Thread safety: distinct objects on any threads at once; one object by one thread at a time.
/// Cost: every operation is O(1) and allocates nothing unless it says otherwise.
/// Views from `peek` survive what does not say that it invalidates them; slices always survive.
///
///     auto [ec, n] = co_await buffer.async_read_available(socket, as_tuple(use_awaitable));
///     while (auto end = find_frame(buffer.peek_view()))
///       handle(*buffer.split_prefix(*end));
class HandoffBuffer {
 public:
  /// Empty, with the default configuration. Allocates nothing.
  HandoffBuffer() noexcept = default;

  /// Empty, with `config`. Allocates nothing. Throws `std::invalid_argument` that names the member
  /// and the rule if `config` can never work.
  explicit HandoffBuffer(HandoffBufferConfig config);

  /// Starts from the bytes that another parser left, without copying them, and leaves `tail` empty.
  /// Refused if they are more than `config.max_size`; then `tail` keeps them. Throws
  /// `std::invalid_argument` as the constructor does, before anything is taken.
  [[nodiscard]] static expected<HandoffBuffer, LimitExceeded> from_tail(BytesMut& tail,
                                                                        HandoffBufferConfig config);

  /// The source is left empty, with its configuration, and not reading. Views stay valid and belong
  /// to the target. Precondition: `async_read_available` runs in neither.
  HandoffBuffer(HandoffBuffer&& other) noexcept;
  HandoffBuffer& operator=(HandoffBuffer&& other) noexcept;
  ~HandoffBuffer();

  [[nodiscard]] const HandoffBufferConfig& config() const noexcept { return config_; }

  /// Bytes that are buffered.
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }
  [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }
  /// Bytes that fit in all before more memory is taken.
  [[nodiscard]] std::size_t capacity() const noexcept { return bytes_.capacity(); }
  /// The buffered bytes, first to last.
  [[nodiscard]] std::span<const std::byte> peek() const noexcept { return bytes_.span(); }
  [[nodiscard]] std::string_view peek_view() const noexcept { return bytes_.view(); }

  /// Makes room for `n` bytes more, for the next read. Refused, before memory is taken, when that
  /// would be more than `max_size`. Invalidates views. O(len) when the bytes move; at most one
  /// allocation. Throws what the source of blocks throws, and then nothing has changed.
  expected<void, LimitExceeded> reserve_read_capacity(std::size_t n);

  /// Reads what `stream` has and appends it to the buffer.
  ///
  /// The room for a read is all that the block has spare. It is at least the smaller of
  /// `read_reserve` and `max_size` - `size()`, and never more than the latter. After a small read,
  /// a socket may be read again, at most 16 times, if that has found more before.
  ///
  /// Asio's sockets and descriptors and the duplex can tell when they are readable. They are put
  /// into their non-blocking mode and waited for first, so an idle connection holds no block. A
  /// descriptor that cannot be waited for, such as a file, is read at once. Any other stream waits
  /// with at most 512 bytes of room while nothing is buffered. If a read fills these, the next one
  /// offers all; it follows at once if an `ssl::stream` has more bytes decrypted.
  ///
  /// Completes: `void(error_code, std::size_t)`, when at least one byte was appended; 0 without an
  ///     error is the end of the stream. The handler runs on its associated executor, by default
  ///     the stream's, and is never called from inside this function.
  /// Errors: `Errc::limit_exceeded` if the buffer is full, with nothing read;
  ///     `Errc::read_in_progress` if a read runs already; otherwise the stream's error, what it
  ///     throws included, with the bytes that came before it. `stream_truncated` of an
  ///     `ssl::stream` is an error. The buffer stays usable.
  /// Cancellation: the types that the stream's own operations take: all of them with sockets,
  ///     descriptors and the duplex, `terminal` with `ssl::stream`; between two steps of the read
  ///     any of them. Nothing is lost: what the stream delivered is in the buffer, the rest is
  ///     still to be read.
  /// Threads: buffer and stream must stay alive and in place until completion; until then only
  ///     `len`, `is_empty`, `capacity`, `peek` and `config` may be called. Where the stream's
  ///     context is destroyed first, the handler is destroyed uninvoked and no read runs any more;
  ///     only what a stream without readiness had taken and not yet told is gone with it.
  /// Cost: a read that waits takes one allocation by the handler's associated allocator (from the
  ///     library's pool where that is the default) beside the stream's own. At most one block, and
  ///     one of their size for a few unread bytes while it waits; bytes that stay unread move at
  ///     most once for each. Invalidates views.
  template <class AsyncReadStream, class CompletionToken>
  auto async_read_available(AsyncReadStream& stream, CompletionToken&& token);

  /// The same, told of the `WriteHandoff` that writes to the same stream. If that queue is ended on
  /// this side (abort, a time limit, no close), it resets the connection, and the read completes
  /// with the queue's first error instead of `operation_aborted`. It keeps the queue not open.
  template <class AsyncReadStream, class Queue, class CompletionToken>
  auto async_read_available(AsyncReadStream& stream, const Queue& out, CompletionToken&& token);

  /// Splits off the first `n` bytes as an owned slice. It shares the block, or is copied where
  /// `config().prefix_policy` says so (then O(n), one small allocation, which may throw
  /// std::bad_alloc with nothing changed). Views of the bytes behind the prefix stay valid.
  [[nodiscard]] expected<Bytes, SplitOutOfBounds> split_prefix(std::size_t n) {
    if (n <= config_.prefix_policy.copy_at_most) {
      return split_small_prefix(n);
    }
    return bytes_.split_to_frozen(n);
  }

  /// As `split_prefix`, mutable; always shares. Views stay valid.
  [[nodiscard]] expected<BytesMut, SplitOutOfBounds> split_prefix_mut(std::size_t n) noexcept {
    return bytes_.split_to(n);
  }

  /// Everything that is buffered, with the room behind it, for the next parser or for another
  /// buffer's `from_tail`. The buffer is left empty and holds no memory, so that neither keeps the
  /// other's block. Views stay valid and belong to the tail.
  [[nodiscard]] BytesMut take_tail() noexcept { return std::exchange(bytes_, BytesMut()); }

  /// Everything that is buffered as one slice; the buffer is left empty and holds no memory. Views
  /// stay valid and belong to the slice.
  [[nodiscard]] Bytes freeze_all() noexcept { return take_tail().freeze(); }

  /// Drops the first `n` bytes. Views of the bytes behind them stay valid.
  expected<void, SplitOutOfBounds> advance(std::size_t n) noexcept { return bytes_.advance(n); }

  /// The three steps of a read, for front ends over other I/O than Asio streams.
  ///
  /// `begin_read` gives the room that the read is offered and marks a read as running; it may throw
  /// what the source of blocks throws, and then none runs. With nothing buffered it keeps no block
  /// that is larger than a fresh buffer's, unless `reserve_read_capacity` asked for it.
  /// `begin_small_read` is for streams that cannot tell that they are readable: as `begin_read`,
  /// with at most 512 bytes of room unless more was reserved, and in a small block while nothing is
  /// buffered. `end_read(n)` appends the first `n` bytes of that room; with `more_is_there` the
  /// stream has not said that this was all it had. `pause_read` marks a read as running that waits
  /// before it begins (again): meanwhile the block is given back, and a few bytes that are still
  /// buffered move to a block of their size. All three that begin or pause a read invalidate views.
  [[nodiscard]] expected<std::span<std::byte>, LimitExceeded> begin_read();
  [[nodiscard]] expected<std::span<std::byte>, LimitExceeded> begin_small_read();
  void end_read(std::size_t n, bool more_is_there = false) noexcept;
  void pause_read() noexcept;
  [[nodiscard]] bool is_reading() const noexcept { return reading_; }
  /// Whether the last read took all that its stream had, so that waiting is better than trying.
  [[nodiscard]] bool is_stream_drained() const noexcept { return offered_ != 0; }

 private:
  friend struct detail::BufferAccess;

  [[nodiscard]] expected<Bytes, SplitOutOfBounds> split_small_prefix(std::size_t n);
  void make_room(std::size_t n);
  void drop_large_block() noexcept;
  [[nodiscard]] expected<std::size_t, LimitExceeded> may_read();
  [[nodiscard]] std::span<std::byte> offer(std::size_t most) noexcept;
  void take_state(HandoffBuffer& from) noexcept {
    offered_ = std::exchange(from.offered_, 1);
    read_since_move_ = std::exchange(from.read_since_move_, 0);
    reading_ = std::exchange(from.reading_, false);
    is_reserved_ = std::exchange(from.is_reserved_, false);
    read_on_ = std::exchange(from.read_on_, {});
  }

  HandoffBufferConfig config_;
  BytesMut bytes_;
  // Room of the last read that it did not fill; 1 before the first, 0 where more is there. While a
  // read runs: its room.
  std::size_t offered_ = 1;
  std::size_t read_since_move_ = 0;  // bytes, since what was unread was last moved to a new block
  bool reading_ = false;
  bool is_reserved_ = false;  // room for the next read, which may be in a large block
  detail::ReadOn read_on_;
  detail::ReadClaim* claim_ = nullptr;  // of the operation that reads, while it waits
};

namespace detail {

/// What the front end of a read keeps in the buffer.
struct BufferAccess {
  static ReadOn& read_on(HandoffBuffer& buffer) noexcept { return buffer.read_on_; }
  static ReadClaim*& claim(HandoffBuffer& buffer) noexcept { return buffer.claim_; }
};

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
    if (buffer_->is_reading()) {
      buffer_->end_read(0);
    }
  }

  /// The buffer is being destroyed.
  void forget_buffer() noexcept { buffer_ = nullptr; }

 private:
  HandoffBuffer* buffer_;
};

}  // namespace detail

}  // namespace bytes_handoff

#if defined(BYTES_HANDOFF_STANDALONE_ASIO) || defined(BYTES_HANDOFF_BOOST_ASIO)
#include "bytes_handoff/asio/reading/handoff_buffer.hpp"
#endif
