#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory_resource>

#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/bytes_mut.hpp"
#include "bytes_handoff/core/queue/segment_queue.hpp"

namespace bytes_handoff::detail {

/// A pointer to a ticket's state, or null, and whether this is the last item of the ticket's write.
/// Only the last item's link stands for a reference. Trivial, so that room for items costs nothing.
class TicketLink {
 public:
  TicketLink() noexcept = default;
  TicketLink(void* ticket, bool is_last) noexcept
      : bits_(reinterpret_cast<std::uintptr_t>(ticket) |
              static_cast<std::uintptr_t>(ticket != nullptr && is_last)) {}

  template <class Ticket>
  [[nodiscard]] Ticket* get() const noexcept {
    return reinterpret_cast<Ticket*>(bits_ & ~std::uintptr_t{1});
  }
  [[nodiscard]] bool is_last() const noexcept { return (bits_ & 1) != 0; }

 private:
  std::uintptr_t bits_;
};

/// One admitted slice. Being in the queue is its permit: it counts as one item and `size` bytes
/// from the push until the pop.
struct WriteItem {
  const std::byte* data;
  std::size_t size;
  Owner* owner;  // one reference, or null
  TicketLink ticket;

  /// Takes the bytes over; `bytes` is left empty. An empty slice keeps nothing alive, and its owner
  /// stays with `bytes`, to be dropped by the caller.
  static WriteItem take(Bytes& bytes, TicketLink ticket) noexcept {
    if (bytes.empty()) {
      return {nullptr, 0, nullptr, ticket};
    }
    WriteItem item{bytes.data(), bytes.size(), nullptr, ticket};
    item.owner = BytesAccess::release(bytes);
    return item;
  }
};

using WriteItems = SegmentQueue<WriteItem>;

/// Makes the item's bytes a copy behind what `into` holds, which has room for them. Returns the
/// owner that they had, with its reference. Precondition: the item is not empty.
[[nodiscard]] Owner* move_bytes(WriteItem& item, BytesMut& into) noexcept;

/// References to drop once the lock is open, a run of neighbours with one owner at a time: dropping
/// the last one may run a user's destructor.
class DeferredReleases {
 public:
  static constexpr std::size_t kCapacity = 66;

  DeferredReleases() noexcept = default;
  DeferredReleases(const DeferredReleases&) = delete;
  DeferredReleases& operator=(const DeferredReleases&) = delete;
  ~DeferredReleases() { run(); }

  /// Whether one more owner can be taken, whatever it is.
  [[nodiscard]] bool has_room() const noexcept { return count_ < kCapacity; }

  /// Precondition: `has_room()`.
  void add(Owner* owner, std::size_t references = 1) noexcept {
    if (owner == nullptr) {
      return;
    }
    if (count_ != 0 && runs_[count_ - 1].owner == owner) {
      runs_[count_ - 1].references += references;
    } else {
      runs_[count_++] = {owner, references};
    }
  }

  void run() noexcept {
    for (std::size_t i = 0; i < count_; ++i) {
      runs_[i].owner->release(runs_[i].references);
    }
    count_ = 0;
  }

 private:
  struct Run {
    Owner* owner;
    std::size_t references;
  };
  std::size_t count_ = 0;
  std::array<Run, kCapacity> runs_;  // NOLINT: only the first count_ are ever read
};

/// Limits of one gather: buffers (what a vectored write takes on common systems is a multiple of
/// this), bytes, and items (so that the queue is locked for about a microsecond at most).
inline constexpr std::size_t kMaxBatchBuffers = 64;
inline constexpr std::size_t kMaxBatchBytes = 1024 * 1024;
inline constexpr std::size_t kMaxBatchItems = 1024;

static_assert(kMaxBatchBuffers + 2 <= DeferredReleases::kCapacity,
              "what one gather releases must fit, beside one owner of a compacted run");

/// What one vectored write offers to the stream. Slices that are neighbours in one block are one
/// buffer. The memory belongs to the queue and stays while the write is with the stream.
///
/// For a stream that makes a record of each write, whole slices of together at most `join_at_most`
/// bytes are gathered, or one that is larger. Where they are scattered they are joined: copied into
/// one block, to which they belong from then on. What is one buffer anyway is not copied. The rest
/// of a slice of which the stream took a part is not joined to what is behind it.
class WriteBatch {
 public:
  struct Buffer {
    const std::byte* data;
    std::size_t size;
  };

  /// `join_at_most` 0: nothing is joined.
  explicit WriteBatch(std::size_t join_at_most = 0) noexcept : join_at_most_(join_at_most) {}

  /// Gathers from the front of `from`, whose first `offset` bytes are written already. What must be
  /// joined gets a block from `block_source`; null: the library's pool.
  void gather(WriteItems& from, std::size_t offset,
              std::pmr::memory_resource* block_source = nullptr) noexcept;

  /// Whether what was gathered is to be joined before it is offered.
  [[nodiscard]] bool must_join() const noexcept { return join_at_most_ != 0 && count > 1; }
  /// Joins what was gathered, and drops the references on its owners. The items must be with the
  /// stream, in which case the queue's lock is not needed. Where the source of the block throws,
  /// the first buffer alone is offered. Precondition: `must_join()`.
  void join() noexcept;

  std::array<Buffer, kMaxBatchBuffers> buffers;  // NOLINT: only the first count are ever read
  std::size_t count = 0;                         // buffers in use
  std::size_t bytes = 0;
  std::size_t items = 0;  // items that are wholly or partly in it

 private:
  void gather_to_join(WriteItems& from, std::size_t offset) noexcept;
  [[nodiscard]] bool extends_last_buffer(const std::byte* data, const Owner* owner,
                                         const Owner* previous_owner) const noexcept {
    return count != 0 && owner == previous_owner &&
           buffers[count - 1].data + buffers[count - 1].size == data;
  }

  const std::size_t join_at_most_;
  WriteItems::Cursor first_;  // this and the next only where slices are joined
  std::pmr::memory_resource* block_source_ = nullptr;
};

}  // namespace bytes_handoff::detail
