#pragma once

// What many subscribers are given alike, copied together once.

#include <cstddef>
#include <new>
#include <span>
#include <vector>

#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/bytes_mut.hpp"
#include "bytes_handoff/core/fan_out/log.hpp"
#include "bytes_handoff/core/memory/block.hpp"

namespace bytes_handoff::detail {

/// Small publications, each a slice as in the log, which lie behind one another. A stream is
/// offered them as one buffer, and they have one owner. They are copied for the second subscriber
/// that is given the same, and serve all that follow.
class SharedCopy {
 public:
  static constexpr std::size_t kMostBytes = std::size_t{16} * 1024;
  static constexpr std::size_t kMostBytesASlice = 1024;

  /// Whether it has all that lies between these places.
  [[nodiscard]] bool has(const Place& from, const Place& to) const noexcept {
    return !slices_.empty() && from == from_ && to == to_;
  }
  /// Precondition: there is room for them.
  void give(std::vector<Bytes>& into) const noexcept {
    Owner* const owner = BytesAccess::owner(slices_.front());
    owner->add_references(slices_.size());
    for (const Bytes& slice : slices_) {
      into.push_back(BytesAccess::adopt(slice.data(), slice.size(), owner));
    }
  }

  /// A subscriber is about to be given these. If the one before was, too, they become slices of the
  /// copy. Without memory for it they stay what they are.
  void note(const Place& from, const Place& to, std::vector<Bytes>& slices) noexcept {
    if (from != from_ || to != to_) {
      clear();
      from_ = from;
      to_ = to;
    } else if (slices_.empty() && is_worth_it(slices)) {
      copy(slices);
    }
  }
  void clear() noexcept {
    slices_.clear();
    from_ = to_ = Place();
  }

 private:
  [[nodiscard]] static bool is_worth_it(std::span<const Bytes> slices) noexcept {
    std::size_t bytes = 0;
    for (const Bytes& slice : slices) {
      bytes += slice.size();
      if (slice.size() > kMostBytesASlice || slice.empty() || !may_copy(slice)) {
        return false;
      }
    }
    return bytes <= kMostBytes;
  }
  // Not what has a tag, or is paid for, or is in a pipe.
  [[nodiscard]] static bool may_copy(const Bytes& slice) noexcept {
    Owner* const owner = BytesAccess::owner(slice);
    if (const Block* const block = Block::of(owner)) {
      return block->payer == nullptr;
    }
    return owner == nullptr || TightCopy::of(owner) != nullptr;
  }
  void copy(std::vector<Bytes>& slices) noexcept {
    std::size_t bytes = 0;
    for (const Bytes& slice : slices) {
      bytes += slice.size();
    }
    try {
      BytesMut all = BytesMut::with_capacity(bytes);
      slices_.reserve(slices.size());
      for (const Bytes& slice : slices) {
        all.extend(slice.span());
        slices_.push_back(*all.split_to_frozen(slice.size()));
      }
      slices.clear();
      give(slices);
    } catch (const std::bad_alloc&) {  // NOLINT: nothing was done yet
    }
  }

  Place from_;
  Place to_;
  std::vector<Bytes> slices_;
};

}  // namespace bytes_handoff::detail
