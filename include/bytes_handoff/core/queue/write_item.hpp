#pragma once

#include <array>
#include <cstddef>

#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/bytes_mut.hpp"
#include "bytes_handoff/core/memory/tagged.hpp"
#include "bytes_handoff/core/queue/segment_queue.hpp"

namespace bytes_handoff::detail {

struct TicketWaiter;

/// One admitted slice. Being in the queue is its permit: it counts as one item and `size` bytes
/// from the push until the pop.
struct WriteItem {
  const std::byte* data;
  std::size_t size;
  Owner* owner;          // one reference, or null
  TicketWaiter* waiter;  // for the write that this is the last item of, or null

  /// Whether the bytes are in a pipe: the owner is a `PipedPiece`.
  [[nodiscard]] bool is_piped() const noexcept { return data == nullptr && size != 0; }

  /// Takes the bytes over; `bytes` is left empty. An empty slice keeps nothing alive, and its owner
  /// stays with `bytes`, to be dropped by the caller.
  static WriteItem take(Bytes& bytes) noexcept {
    if (bytes.empty()) {
      return {nullptr, 0, nullptr, nullptr};
    }
    WriteItem item{bytes.data(), bytes.size(), nullptr, nullptr};
    item.owner = BytesAccess::release(bytes);
    return item;
  }

  /// The same for an empty message. An owner with a tag is kept.
  static WriteItem take_empty_message(Bytes& bytes) noexcept {
    WriteItem item = take(bytes);
    if (TaggedOwner::of(BytesAccess::owner(bytes)) != nullptr) {
      item.owner = BytesAccess::release(bytes);
    }
    return item;
  }
};

struct BusyQueue;
/// To be used behind `busy_queue.hpp`.
using WriteItems = SegmentQueue<WriteItem, BusyQueue>;

/// Makes the item's bytes a copy behind what `into` holds, which has room for them. Returns the
/// owner that they had, with its reference. Precondition: the item is not empty.
[[nodiscard]] Owner* move_bytes(WriteItem& item, BytesMut& into) noexcept;

/// References to drop outside the lock, since dropping the last one may run a user's destructor.
/// Neighbours with one owner are one run. They are dropped by `run` alone.
class DeferredReleases {
 public:
  static constexpr std::size_t kCapacity = 66;

  DeferredReleases() noexcept = default;
  DeferredReleases(const DeferredReleases&) = delete;
  DeferredReleases& operator=(const DeferredReleases&) = delete;

  /// Whether so many more owners can be taken, whatever they are.
  [[nodiscard]] bool has_room(std::size_t owners = 1) const noexcept {
    return owners <= kCapacity - count_;
  }

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

}  // namespace bytes_handoff::detail
