#pragma once

// The log of a fan-out: publications in order, bounded in bytes and entries, and found by key.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/bytes_mut.hpp"
#include "bytes_handoff/core/budget/paid_entry.hpp"
#include "bytes_handoff/core/memory/block.hpp"
#include "bytes_handoff/lag_policy.hpp"

namespace bytes_handoff::detail {

/// A place between two publications: what was published before it, in all.
struct Place {
  std::uint64_t publications = 0;
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;

  friend bool operator==(const Place&, const Place&) = default;
};

using PublicationKey = std::optional<std::uint64_t>;

/// One or more entries that were published as one.
struct Publication {
  Place at;
  std::size_t entries = 0;
  std::size_t bytes = 0;
  PublicationKey key;
  bool is_superseded = false;  // the log has a newer one with its key
  std::uint64_t next = 0;      // the next older one of its bucket, plus 1

  [[nodiscard]] Place end() const noexcept {
    return {at.publications + 1, at.entries + entries, at.bytes + bytes};
  }
};

/// Bytes that the log has dropped, and blocks that it has copied from. To be released outside its
/// lock.
class DroppedBytes {
 public:
  static constexpr std::size_t kCapacity = 32;

  DroppedBytes() noexcept {}  // NOLINT: each publication makes one, and few hold anything
  DroppedBytes(const DroppedBytes&) = delete;
  DroppedBytes& operator=(const DroppedBytes&) = delete;
  ~DroppedBytes() { release(); }

  [[nodiscard]] bool is_full() const noexcept { return count_ == kCapacity; }
  /// Precondition: not full.
  void add(Bytes& bytes) noexcept { std::construct_at(bytes_ + count_++, std::move(bytes)); }
  /// References on a block. If there are others to be released, those go at once, unless they are
  /// on a block that was paid for.
  void add(Owner* block, std::size_t references) noexcept {
    release_block();
    block_ = block;
    references_ = references;
    has_gathered_ = true;
  }
  /// Takes a reference of the caller.
  void add(PaidEntry& entry) noexcept {
    entries_.add(entry);
    has_gathered_ = true;
  }
  void release() noexcept {
    for (; count_ != 0; --count_) {
      std::destroy_at(bytes_ + count_ - 1);
    }
    if (std::exchange(has_gathered_, false)) {
      release_block();
      blocks_.destroy_all();
      entries_.destroy_all();
    }
  }

 private:
  void release_block() noexcept {
    if (block_ != nullptr) {
      blocks_.release(std::exchange(block_, nullptr), references_);
    }
  }

  union {
    Bytes bytes_[kCapacity];  // `count_` of them. NOLINT(readability-identifier-naming): private
  };
  std::size_t count_ = 0;
  bool has_gathered_ = false;  // what is below
  Owner* block_ = nullptr;
  std::size_t references_ = 0;
  DroppedBlocks blocks_;
  DroppedEntries entries_;
};

/// Not thread safe. Its rings grow with what it holds, up to its configuration, and never shrink.
/// Every call is O(1), or O(entries of one publication), but for keys that share a bucket, and for
/// growing.
///
/// A slice keeps its whole block. So the newest neighbours with one owner are a run, which may
/// still grow to be worth that block. It ends with an entry of another owner. If it is wasteful
/// then, it is copied together. So the library's blocks retain at most twice the bytes that are
/// counted, 64 bytes an entry, and four blocks. Those are the newest run's, and the oldest run's,
/// of which a part was dropped. Of the blocks that hold copies it is the newest and the oldest,
/// too.
class FanOutLog {
 public:
  /// Precondition: `throw_if_invalid(config)` does not. Throws std::bad_alloc.
  explicit FanOutLog(const FanOutConfig& config);

  /// Whether such a publication can ever be held. Grows for a large group: false, too, if there is
  /// no memory for its entries.
  [[nodiscard]] bool can_hold(std::size_t entries, std::size_t bytes) noexcept {
    return entries <= config_.max_entries && bytes <= config_.max_bytes && bytes != SIZE_MAX &&
           (entries <= slices_.size() || grow(entries));
  }
  /// Grows, or drops the oldest publications, until there is room. False: `dropped` is full; call
  /// it again with an empty one. Precondition: `can_hold()`.
  [[nodiscard]] bool make_room(std::size_t entries, std::size_t bytes,
                               DroppedBytes& dropped) noexcept;
  /// Takes the slices; they are left empty. Preconditions: there is room, and `slices` has at least
  /// one, `bytes` in all.
  void push(std::span<Bytes> slices, std::size_t bytes, const PublicationKey& key,
            DroppedBytes& dropped) noexcept;

  /// Where the oldest publication begins, and where the newest ends.
  [[nodiscard]] const Place& first() const noexcept { return first_; }
  [[nodiscard]] const Place& end() const noexcept { return end_; }
  /// Precondition for both: it is in the log.
  [[nodiscard]] const Publication& publication(std::uint64_t number) const noexcept {
    return publications_[number & mask_];
  }
  /// Its owner may be exchanged for one that keeps it.
  [[nodiscard]] Bytes& slice(std::uint64_t entry) noexcept { return slices_[entry & mask_]; }
  /// Entries that it has memory for.
  [[nodiscard]] std::size_t capacity() const noexcept { return slices_.size(); }

 private:
  /// Rings of this size at first.
  static constexpr std::size_t kFirstEntries = 64;

  /// The newest entries, of which those that have an owner have this one.
  struct Run {
    Owner* owner = nullptr;  // not a reference: the log has one, while it has the `newest` entry
    std::uint64_t start = 0;
    std::uint64_t newest = 0;  // with this owner
    std::size_t bytes = 0;
  };

  [[nodiscard]] bool has_room(std::size_t entries, std::size_t bytes) const noexcept;
  [[nodiscard]] bool is_within_limits(std::size_t entries, std::size_t bytes) const noexcept;
  [[nodiscard]] bool grow(std::size_t entries) noexcept;
  void set_size(std::size_t entries) noexcept;
  void drop_oldest() noexcept;
  void end_run(std::uint64_t end, DroppedBytes& dropped) noexcept;
  void gather(std::uint64_t begin, std::uint64_t end, std::size_t bytes,
              DroppedBytes& dropped) noexcept;
  [[nodiscard]] std::uint64_t& bucket_of(std::uint64_t key) noexcept;
  void enter_bucket(Publication& publication) noexcept;
  void leave_bucket(const Publication& publication) noexcept;
  [[nodiscard]] Publication& at(std::uint64_t number) noexcept {
    return publications_[number & mask_];
  }

  const FanOutConfig config_;
  // Rings of one size, a power of two.
  std::vector<Publication> publications_;
  std::vector<Bytes> slices_;
  std::vector<std::uint64_t> buckets_;  // the newest publication of each, plus 1
  std::uint64_t mask_ = 0;              // of places in the rings
  std::size_t most_entries_ = 0;        // that the rings have room for, and the limits let in
  Place first_;
  Place end_;
  // The oldest slice that is still held: of a publication that was dropped, until it is released.
  std::uint64_t held_entry_ = 0;
  std::uint64_t held_byte_ = 0;
  Run run_;
  BytesMut gathered_;  // where small runs are copied together
};

}  // namespace bytes_handoff::detail
