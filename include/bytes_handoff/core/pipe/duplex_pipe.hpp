#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <span>

#include "bytes_handoff/core/queue/waiting.hpp"
#include "bytes_handoff/core/support/intrusive_list.hpp"
#include "bytes_handoff/core/support/post_guard.hpp"

namespace bytes_handoff::detail {

using MutableSegment = std::span<std::byte>;
using ConstSegment = std::span<const std::byte>;

/// What became of a read, a write or a wait on one direction of a duplex.
enum class PipeStatus : std::uint8_t {
  kDone,  ///< Bytes moved (none only where none were asked for), or the wait's condition holds.
  kWouldBlock,   ///< Nothing moved; the request may be parked.
  kEndOfStream,  ///< A read behind the last byte of a direction whose writing or reading was shut.
  kReset,        ///< A read behind the last byte, or a write, where the other end was reset.
  kBroken,       ///< A write that nobody will read, or behind its own shutdown.
  kClosed,       ///< The end that asks has been closed.
  kAborted,      ///< A parked request that was cancelled, or whose own end was closed.
  kNoMemory,     ///< There was no memory for the ring; nothing moved.
  kBusy          ///< A second read (or write) while one is parked, which the contract forbids.
};

struct PipeResult {
  PipeStatus status;
  std::size_t bytes;
};

/// A request that can be parked in a `DuplexPipe`. The pipe links it and fills in its outcome.
class PipeRequest : public Waiting {
 public:
  std::size_t bytes = 0;
  PipeStatus status = PipeStatus::kWouldBlock;
  bool is_parked = false;
  /// Set while it is settled and not yet resumed: the shutdown of its context waits.
  HeldPostGuard held;
};

/// The segments are borrowed: they and what they point to stay valid while the request is parked.
class PipeRead : public PipeRequest {
 public:
  std::span<const MutableSegment> into;
};

class PipeWrite : public PipeRequest {
 public:
  std::span<const ConstSegment> from;
};

enum class PipeCondition : std::uint8_t {
  kReadable,  ///< A read would not return `kWouldBlock`.
  kWritable,  ///< A write would not return `kWouldBlock`.
  kBroken     ///< The reading end does not read any more.
};

class PipeWait : public PipeRequest {
 public:
  PipeCondition condition = PipeCondition::kReadable;
};

/// The parked requests of one end that a call has settled, in order. The caller resumes them, with
/// no lock held.
struct SettledRequests {
  /// Adds a request, which is parked no more.
  void add(PipeRequest& request, PipeStatus status) noexcept {
    request.status = status;
    request.is_parked = false;
    if (guard != nullptr) {
      guard->enter();
      request.held.reset(guard);
    }
    requests.push_back(request);
  }

  WaitingList requests;
  /// Entered for each of them; null where the context is known to live.
  PostGuard* guard = nullptr;
};

/// Where a call puts what it has settled, by the end that it belongs to.
struct PipeSettled {
  SettledRequests& reader;
  SettledRequests& writer;
};

/// One direction of a duplex: a bounded ring of bytes, the state of its two ends, and the requests
/// that wait for it. It decides everything and knows no locks, threads or handlers: the caller
/// serializes all calls, and resumes the settled requests afterwards.
///
/// The ring's memory (capacity bytes, 64-byte aligned) is taken when the first byte has to be
/// buffered and kept until the reader closes or the pipe is destroyed. Bytes that meet a parked
/// request on the other side are copied once, past the ring. At most one read and one write are
/// parked; waits are not limited. Calls cost O(bytes + segments + settled requests) and allocate
/// nothing but the ring.
class DuplexPipe {
 public:
  /// Requires `capacity` > 0. The ring's memory comes from `block_source`, or where that is null
  /// from `operator new`.
  explicit DuplexPipe(std::size_t capacity,
                      std::pmr::memory_resource* block_source = nullptr) noexcept
      : capacity_(capacity), block_source_(block_source) {}
  DuplexPipe(const DuplexPipe&) = delete;
  DuplexPipe& operator=(const DuplexPipe&) = delete;
  ~DuplexPipe() { drop_storage(); }

  std::size_t capacity() const noexcept { return capacity_; }
  /// Bytes in the ring.
  std::size_t size() const noexcept { return size_; }
  bool has_storage() const noexcept { return storage_ != nullptr; }
  bool reader_closed() const noexcept { return reader_ == Side::kClosed; }
  bool writer_closed() const noexcept { return writer_ == Side::kClosed; }

  /// Moves what is there, from the ring and then from a parked write, and lets that write's rest
  /// fill the ring.
  PipeResult read(std::span<const MutableSegment> into, PipeSettled settled) noexcept;
  /// Moves what fits: into the parked read, or where there is none into the ring.
  PipeResult write(std::span<const ConstSegment> from, PipeSettled settled) noexcept;
  /// Whether a wait for it would complete at once.
  bool holds(PipeCondition condition) const noexcept;

  /// Keep a request whose attempt has just returned `kWouldBlock` (for a wait: whose condition does
  /// not hold). False, and nothing kept, where a read (write) is parked already.
  bool park(PipeRead& request) noexcept;
  bool park(PipeWrite& request) noexcept;
  bool park(PipeWait& request) noexcept;

  /// Settles a request as `kAborted` where it is parked. O(1).
  void cancel(PipeRead& request, SettledRequests& settled) noexcept;
  void cancel(PipeWrite& request, SettledRequests& settled) noexcept;
  void cancel(PipeWait& request, SettledRequests& settled) noexcept;
  /// The same for all that an end has parked. O(their number).
  void cancel_reader(SettledRequests& settled) noexcept;
  void cancel_writer(SettledRequests& settled) noexcept;

  /// Nothing more is written: the reader gets what remains, then the end of the stream.
  void shut_writer(PipeSettled settled) noexcept;
  /// Nothing more is taken in: writes are broken; what is in the ring can still be read.
  void shut_reader(PipeSettled settled) noexcept;
  /// As `shut_*`, and the end's own parked requests are aborted. A closed reader drops the ring.
  void close_writer(PipeSettled settled) noexcept;
  void close_reader(PipeSettled settled) noexcept;
  /// As `close_*`, but the other end is told `kReset` instead, unless this one was shut before.
  void reset_writer(PipeSettled settled) noexcept;
  void reset_reader(PipeSettled settled) noexcept;

 private:
  enum class Side : std::uint8_t { kOpen, kShut, kClosed };
  using Waits = IntrusiveList<PipeWait>;

  template <class Byte>
  class Cursor;

  /// What a read behind the last byte is told, and a write that nobody will read.
  [[nodiscard]] PipeStatus end_of_reads() const noexcept {
    return is_reset_ && reader_ == Side::kOpen ? PipeStatus::kReset : PipeStatus::kEndOfStream;
  }
  [[nodiscard]] PipeStatus end_of_writes() const noexcept {
    return is_reset_ && writer_ == Side::kOpen ? PipeStatus::kReset : PipeStatus::kBroken;
  }
  bool ensure_storage() noexcept;
  void drop_storage() noexcept;
  std::size_t push(Cursor<const std::byte>& from) noexcept;
  std::size_t pop(Cursor<std::byte>& into) noexcept;
  [[nodiscard]] Waits& waits_for(PipeCondition condition) noexcept {
    return waits_[static_cast<std::size_t>(condition)];
  }
  void settle_read(PipeStatus status, SettledRequests& settled) noexcept;
  void settle_write(PipeStatus status, SettledRequests& settled) noexcept;
  static void settle_all(Waits& waits, PipeStatus status, SettledRequests& settled) noexcept;
  void settle_waits(PipeSettled settled) noexcept;

  std::size_t capacity_;
  std::size_t head_ = 0;  ///< Index of the oldest byte; 0 whenever the ring is empty.
  std::size_t size_ = 0;
  std::byte* storage_ = nullptr;
  std::pmr::memory_resource* block_source_;
  PipeRead* parked_read_ = nullptr;    ///< Only while the ring is empty.
  PipeWrite* parked_write_ = nullptr;  ///< Only while the ring is full.
  std::array<Waits, 3> waits_;         ///< By condition.
  Side reader_ = Side::kOpen;
  Side writer_ = Side::kOpen;
  bool is_reset_ = false;  ///< By one end, while it was open.
};

}  // namespace bytes_handoff::detail
