#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <span>

#include "bytes_handoff/core/queue/waiting.hpp"
#include "bytes_handoff/core/support/intrusive_list.hpp"

namespace bytes_handoff::detail {

/// Bytes of the caller. A write only reads them.
struct PipeSegment {
  std::byte* data;
  std::size_t size;
};
using PipeSegments = std::span<const PipeSegment>;

enum class PipeSide : std::uint8_t { kReader, kWriter };
inline constexpr std::array kPipeSides{PipeSide::kReader, PipeSide::kWriter};

/// What a request asks for. The waits end when the named call would not return `kWouldBlock`, or
/// when the reader has gone.
enum class PipeAct : std::uint8_t { kRead, kWrite, kWaitReadable, kWaitWritable, kWaitBroken };

[[nodiscard]] constexpr PipeSide side_of(PipeAct act) noexcept {
  return act == PipeAct::kRead || act == PipeAct::kWaitReadable ? PipeSide::kReader
                                                                : PipeSide::kWriter;
}

enum class PipeStatus : std::uint8_t {
  kDone,         ///< Bytes moved (none only if none were asked for), or the condition holds.
  kWouldBlock,   ///< Nothing moved; the request may be parked.
  kEndOfStream,  ///< A read behind the last byte.
  kReset,        ///< A read behind the last byte, or a write, and the other side was reset.
  kBroken,       ///< A write that nobody will read.
  kClosed,       ///< The side that asks has been closed.
  kAborted,      ///< A parked request that was cancelled, or whose own side was closed.
  kNoMemory,     ///< There was no memory for the ring; nothing moved.
  kFailed,       ///< The path has failed: a write, or a read behind the last byte.
  kBusy          ///< A second read (or write) while one is parked.
};

/// How a side ends. It stays as it ended, except that one that is shut may still close.
enum class PipeEnd : std::uint8_t {
  kNone,
  kShut,    ///< Writer: nothing more will be written. Reader: nothing more is taken in.
  kClosed,  ///< The same, and the side's own parked requests are aborted.
  kReset    ///< As `kClosed`; the other side is told `kReset`, unless this one was shut before.
};

struct PipeResult {
  PipeStatus status;
  std::size_t bytes;
};

/// What a path does to bytes on their way through a pipe.
struct PipePath {
  static constexpr std::size_t kUnlimited = SIZE_MAX;

  std::size_t most_per_read = kUnlimited;
  std::size_t most_per_write = kUnlimited;
  /// With a seed each of these is from 1 to the number above, as the seed says.
  std::uint64_t random = 0;
  bool is_random = false;
  /// Bytes after which its fault happens. Nothing goes through it behind them.
  std::size_t bytes_to_fault = kUnlimited;
  /// Written bytes cannot be read before `arrive`.
  bool is_delayed = false;
};

/// A request that can be parked. The pipe links it and writes the outcome into it.
class PipeRequest : public Waiting {
 public:
  explicit PipeRequest(PipeAct what) noexcept : act(what) {}

  PipeSegments segments;  ///< Valid while it is parked; so are their bytes.
  std::size_t bytes = 0;
  PipeStatus status = PipeStatus::kWouldBlock;
  bool is_parked = false;
  const PipeAct act;
};

/// Where a call puts the requests that it has settled, in order, by the side that made them. The
/// caller resumes them, with no lock held.
struct PipeSettled {
  [[nodiscard]] WaitingList& of(PipeSide side) const noexcept {
    return side == PipeSide::kReader ? reader : writer;
  }

  WaitingList& reader;
  WaitingList& writer;
};

/// One direction of a duplex: a bounded ring of bytes, two sides, and the requests that wait. It
/// decides everything. It knows no locks and no handlers: the caller makes one call after the
/// other.
///
/// The ring's memory (`capacity` bytes, 64-byte aligned) is taken when the first byte must be
/// buffered, and kept until the reader closes. Bytes that meet a parked request are copied once,
/// past the ring. At most one read and one write are parked. The number of waits is not limited.
///
/// Cost: O(bytes + segments + settled requests). Only the ring is allocated.
class DuplexPipe {
 public:
  /// Precondition: `capacity` > 0. A null `block_source` stands for `operator new`.
  explicit DuplexPipe(std::size_t capacity,
                      std::pmr::memory_resource* block_source = nullptr) noexcept;
  DuplexPipe(const DuplexPipe&) = delete;
  DuplexPipe& operator=(const DuplexPipe&) = delete;
  ~DuplexPipe() { drop_storage(); }

  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  /// Bytes that can be read without waiting.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool has_storage() const noexcept { return storage_ != nullptr; }
  [[nodiscard]] bool is_closed(PipeSide side) const noexcept {
    return end_of(side) > PipeEnd::kShut;
  }
  /// Whether a wait for it would be done at once.
  [[nodiscard]] bool holds(PipeAct wait) const noexcept;

  /// Does what can be done without waiting. A read takes from the ring, and then from a parked
  /// write, whose rest fills the ring. A write goes to a parked read, or if there is none to the
  /// ring.
  PipeResult attempt(PipeAct act, PipeSegments segments, PipeSettled settled) noexcept;
  /// The same, and parks what would block. A second read, or write, is settled as `kBusy`. Returns
  /// whether the request is parked.
  bool start(PipeRequest& request, PipeSettled settled) noexcept;

  /// Settles a request as `kAborted`. False if it is not parked.
  bool cancel(PipeRequest& request, WaitingList& settled) noexcept;
  /// The same for all that a side has parked.
  void cancel_all(PipeSide side, WaitingList& settled) noexcept;
  void end(PipeSide side, PipeEnd how, PipeSettled settled) noexcept;

  /// From now on.
  void set_path(const PipePath& path) noexcept { path_ = path; }
  /// Whether the last byte before the path's fault has been written.
  [[nodiscard]] bool has_met_fault() const noexcept { return path_.bytes_to_fault == 0; }
  /// The path fails: both sides are told `kFailed`.
  void fail(PipeSettled settled) noexcept;
  /// Bytes that were written, and are still on their way.
  [[nodiscard]] std::size_t on_the_way() const noexcept { return on_the_way_; }
  /// The first `n` of these can be read.
  void arrive(std::size_t n, PipeSettled settled) noexcept;

 private:
  class Cursor;

  [[nodiscard]] PipeEnd end_of(PipeSide side) const noexcept {
    return ends_[static_cast<std::size_t>(side)];
  }
  [[nodiscard]] bool has_ended() const noexcept {
    return end_of(PipeSide::kReader) != PipeEnd::kNone ||
           end_of(PipeSide::kWriter) != PipeEnd::kNone || has_failed_;
  }
  // For the reader: nothing more is on its way.
  [[nodiscard]] bool has_ended_for_reads() const noexcept {
    return has_ended() && (on_the_way_ == 0 || end_of(PipeSide::kReader) != PipeEnd::kNone);
  }
  /// Behind what is on its way everything is.
  [[nodiscard]] bool is_delayed() const noexcept { return path_.is_delayed || on_the_way_ != 0; }
  [[nodiscard]] bool is_full() const noexcept { return size_ + on_the_way_ == capacity_; }
  [[nodiscard]] PipeStatus ended(PipeSide side) const noexcept;
  [[nodiscard]] PipeRequest*& transfer_of(PipeSide side) noexcept {
    return transfers_[static_cast<std::size_t>(side)];
  }
  [[nodiscard]] IntrusiveList<PipeRequest>& waits_for(PipeAct wait) noexcept {
    return waits_[static_cast<std::size_t>(wait) - kTransfers];
  }

  PipeResult read(PipeSegments into, PipeSettled settled) noexcept;
  PipeResult write(PipeSegments from, PipeSettled settled) noexcept;
  bool ensure_storage() noexcept;
  void drop_storage() noexcept;
  [[nodiscard]] std::size_t limit(std::size_t most) noexcept;
  [[nodiscard]] std::size_t limit_of_write() noexcept;
  void count_written(std::size_t n) noexcept;
  std::size_t push(Cursor& from) noexcept;
  std::size_t pop(Cursor& into) noexcept;
  void settle_ended(PipeSettled settled) noexcept;
  void settle_transfer(PipeSide side, PipeStatus status, WaitingList& settled) noexcept;
  void settle_waits(PipeAct wait, PipeStatus status, WaitingList& settled) noexcept;

  static constexpr std::size_t kTransfers = 2;

  std::size_t capacity_;
  std::size_t head_ = 0;  ///< Index of the oldest byte; 0 whenever the ring is empty.
  std::size_t size_ = 0;
  std::size_t on_the_way_ = 0;  ///< Bytes in the ring behind those that can be read.
  std::byte* storage_ = nullptr;
  std::pmr::memory_resource* block_source_;
  std::array<PipeRequest*, kTransfers> transfers_{};  ///< A read only while the ring is empty.
  std::array<IntrusiveList<PipeRequest>, 3> waits_;   ///< By act.
  std::array<PipeEnd, 2> ends_{};
  PipePath path_;
  bool has_failed_ = false;
};

}  // namespace bytes_handoff::detail
