#pragma once

// The log of a fan-out: publications in order, bounded in bytes and entries, and found by key.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "bytes_handoff/bytes.hpp"
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

/// Bytes that the log has dropped, to be released outside its lock.
class DroppedBytes {
 public:
  static constexpr std::size_t kCapacity = 32;

  [[nodiscard]] bool is_full() const noexcept { return count_ == kCapacity; }
  /// Precondition: not full.
  void add(Bytes& bytes) noexcept { bytes_[count_++].swap(bytes); }
  void release() noexcept {
    for (; count_ != 0; --count_) {
      bytes_[count_ - 1].clear();
    }
  }

 private:
  std::array<Bytes, kCapacity> bytes_;
  std::size_t count_ = 0;
};

/// Not thread safe. All its memory is allocated at the start. Every call is O(1), or O(entries of
/// one publication), but for keys that share a bucket.
class FanOutLog {
 public:
  /// Precondition: `throw_if_invalid(config)` does not.
  explicit FanOutLog(const FanOutConfig& config);

  /// Whether such a publication can ever be held.
  [[nodiscard]] bool can_hold(std::size_t entries, std::size_t bytes) const noexcept {
    return entries <= config_.max_entries && bytes <= config_.max_bytes && bytes != SIZE_MAX;
  }
  /// Drops the oldest publications until there is room. False: `dropped` is full; call it again
  /// with an empty one. Precondition: `can_hold()`.
  [[nodiscard]] bool make_room(std::size_t entries, std::size_t bytes,
                               DroppedBytes& dropped) noexcept;
  /// Takes the slices; they are left empty. Preconditions: there is room, and `slices` has at least
  /// one, `bytes` in all.
  void push(std::span<Bytes> slices, std::size_t bytes, const PublicationKey& key) noexcept;

  /// Where the oldest publication begins, and where the newest ends.
  [[nodiscard]] const Place& first() const noexcept { return first_; }
  [[nodiscard]] const Place& end() const noexcept { return end_; }
  /// Precondition for both: it is in the log.
  [[nodiscard]] const Publication& publication(std::uint64_t number) const noexcept {
    return publications_[number % publications_.size()];
  }
  [[nodiscard]] const Bytes& slice(std::uint64_t entry) const noexcept {
    return slices_[entry % slices_.size()];
  }

 private:
  [[nodiscard]] bool has_room(std::size_t entries, std::size_t bytes) const noexcept;
  void drop_oldest() noexcept;
  [[nodiscard]] std::uint64_t& bucket_of(std::uint64_t key) noexcept;
  void enter_bucket(Publication& publication) noexcept;
  void leave_bucket(const Publication& publication) noexcept;
  [[nodiscard]] Publication& at(std::uint64_t number) noexcept {
    return publications_[number % publications_.size()];
  }

  const FanOutConfig config_;
  std::vector<Publication> publications_;
  std::vector<Bytes> slices_;
  std::vector<std::uint64_t> buckets_;  // the newest publication of each, plus 1; a power of two
  Place first_;
  Place end_;
  // The oldest slice that is still held: of a publication that was dropped, until it is released.
  std::uint64_t held_entry_ = 0;
  std::uint64_t held_byte_ = 0;
};

}  // namespace bytes_handoff::detail
