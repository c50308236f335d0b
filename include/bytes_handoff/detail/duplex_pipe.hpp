#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>

namespace bytes_handoff::detail {

using MutableSegment = std::span<std::byte>;
using ConstSegment = std::span<const std::byte>;

/// What became of a read, a write or a wait on one direction of a duplex.
enum class PipeStatus : std::uint8_t {
  kDone,  ///< Bytes moved (none only where none were asked for), or the wait's condition holds.
  kWouldBlock,   ///< Nothing moved; the request may be parked.
  kEndOfStream,  ///< A read behind the last byte of a direction whose writing or reading was shut.
  kBroken,       ///< A write that nobody will read, or behind its own shutdown.
  kClosed,       ///< The end that asks has been closed.
  kAborted,      ///< A parked request that was cancelled, or whose own end was closed.
  kNoMemory,     ///< The ring could not be allocated; nothing moved.
  kBusy          ///< A second read (or write) while one is parked, which the contract forbids.
};

struct PipeResult {
  PipeStatus status;
  std::size_t bytes;
};

/// A request that can be parked in a `DuplexPipe`. The pipe links it and fills in its outcome;
/// whoever takes it from a `PipeRequestList` calls exactly one of `complete` and `discard`, with no
/// lock held. Both end the request's life.
class PipeRequest {
 public:
  PipeRequest() = default;
  PipeRequest(const PipeRequest&) = delete;
  PipeRequest& operator=(const PipeRequest&) = delete;

  /// Hands the outcome to whoever asked.
  virtual void complete() = 0;
  /// Drops the request; nobody is told.
  virtual void discard() noexcept = 0;

  PipeRequest* next = nullptr;
  std::uint64_t id =
      0;  ///< Names the request in a cancellation; 0 when it cannot be cancelled alone.
  std::size_t bytes = 0;
  PipeStatus status = PipeStatus::kWouldBlock;

 protected:
  ~PipeRequest() = default;
};

/// The segments are borrowed: they and what they point to stay valid while the request is parked.
class PipeRead : public PipeRequest {
 public:
  std::span<const MutableSegment> into;

 protected:
  ~PipeRead() = default;
};

class PipeWrite : public PipeRequest {
 public:
  std::span<const ConstSegment> from;

 protected:
  ~PipeWrite() = default;
};

enum class PipeCondition : std::uint8_t {
  kReadable,  ///< A read would not return `kWouldBlock`.
  kWritable,  ///< A write would not return `kWouldBlock`.
  kBroken     ///< The reading end does not read any more.
};

class PipeWait : public PipeRequest {
 public:
  PipeCondition condition = PipeCondition::kReadable;

 protected:
  ~PipeWait() = default;
};

/// Intrusive first-in-first-out list; owns nothing.
class PipeRequestList {
 public:
  PipeRequestList() = default;
  PipeRequestList(const PipeRequestList&) = delete;
  PipeRequestList& operator=(const PipeRequestList&) = delete;

  bool empty() const noexcept { return first_ == nullptr; }
  void push_back(PipeRequest& request) noexcept;
  /// The oldest request, or null.
  PipeRequest* pop_front() noexcept;

 private:
  PipeRequest* first_ = nullptr;
  PipeRequest* last_ = nullptr;
};

/// Where a call puts the parked requests that it has settled, by the end that they belong to.
struct PipeSettled {
  PipeRequestList& reader;
  PipeRequestList& writer;
};

/// One direction of a duplex: a bounded ring of bytes, the state of its two ends, and the requests
/// that wait for it. It decides everything and knows no locks, threads or handlers: the caller
/// serializes all calls, and ends the settled requests afterwards.
///
/// The ring's memory (capacity bytes, 64-byte aligned) is taken when the first byte has to be
/// buffered and kept until the reader closes or the pipe is destroyed. Bytes that meet a parked
/// request on the other side are copied once, past the ring. At most one read and one write are
/// parked; waits are not limited. Calls cost O(bytes + segments + parked waits) and allocate
/// nothing but the ring.
class DuplexPipe {
 public:
  /// Requires `capacity` > 0.
  explicit DuplexPipe(std::size_t capacity) noexcept : capacity_(capacity) {}

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
  void park(PipeWait& request) noexcept;

  /// Settle as `kAborted` what that end has parked: the request named `id`, or with 0 all of them.
  void cancel_reader(std::uint64_t id, PipeRequestList& settled) noexcept;
  void cancel_writer(std::uint64_t id, PipeRequestList& settled) noexcept;

  /// Nothing more is written: the reader gets what remains, then the end of the stream.
  void shut_writer(PipeSettled settled) noexcept;
  /// Nothing more is taken in: writes are broken; what is in the ring can still be read.
  void shut_reader(PipeSettled settled) noexcept;
  /// As `shut_*`, and the end's own parked requests are aborted. A closed reader drops the ring.
  void close_writer(PipeSettled settled) noexcept;
  void close_reader(PipeSettled settled) noexcept;

 private:
  enum class Side : std::uint8_t { kOpen, kShut, kClosed };

  struct AlignedDelete {
    void operator()(std::byte* memory) const noexcept;
  };

  template <typename Byte>
  class Cursor;

  bool ensure_storage() noexcept;
  std::size_t push(Cursor<const std::byte>& from) noexcept;
  std::size_t pop(Cursor<std::byte>& into) noexcept;
  void settle_reader(PipeStatus status, PipeRequestList& settled) noexcept;
  void settle_writer(PipeStatus status, PipeRequestList& settled) noexcept;
  void settle_waits(PipeSettled settled) noexcept;

  std::size_t capacity_;
  std::size_t head_ = 0;  ///< Index of the oldest byte; 0 whenever the ring is empty.
  std::size_t size_ = 0;
  std::unique_ptr<std::byte[], AlignedDelete> storage_;
  PipeRead* parked_read_ = nullptr;    ///< Only while the ring is empty.
  PipeWrite* parked_write_ = nullptr;  ///< Only while the ring is full.
  PipeRequestList reader_waits_;
  PipeRequestList writer_waits_;
  Side reader_ = Side::kOpen;
  Side writer_ = Side::kOpen;
};

}  // namespace bytes_handoff::detail
