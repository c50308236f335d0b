#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "bytes_handoff/core/memory/block.hpp"

namespace bytes_handoff::detail {

/// Bytes with a number that travels with every slice of them. Behind it in memory are a copy of the
/// bytes, or the owner that is kept alive in their place.
///
/// A copy takes as little as a `TightCopy`.
struct TaggedOwner final : Owner {
  const std::uint32_t tag;

  /// With one reference. Throws std::bad_alloc. Precondition: `bytes` are fewer than 4 GiB - 1.
  [[nodiscard]] static TaggedOwner* copy_of(std::span<const std::byte> bytes, std::uint32_t tag);
  /// With one reference, and one more on `kept`, which may be null. Throws std::bad_alloc.
  [[nodiscard]] static TaggedOwner* keep(Owner* kept, std::uint32_t tag);

  /// Bytes that a copy may not have, and above.
  static constexpr std::size_t kMostCopied = UINT32_MAX - 1;

  [[nodiscard]] std::byte* data() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
  [[nodiscard]] bool is_copy() const noexcept { return size_ != kKeepsOwner; }
  /// The owner that is kept. Precondition: it is no copy.
  [[nodiscard]] Owner* kept() noexcept { return *reinterpret_cast<Owner**>(this + 1); }

  /// What it takes from the system, without what it keeps.
  [[nodiscard]] std::size_t footprint() const noexcept;
  /// What one that keeps an owner takes.
  [[nodiscard]] static std::size_t footprint_of_keeper() noexcept;

  /// The tagged bytes behind an owner; null when the owner is of another kind.
  [[nodiscard]] static TaggedOwner* of(Owner* owner) noexcept;

 private:
  static constexpr std::uint32_t kKeepsOwner = UINT32_MAX;

  TaggedOwner(std::uint32_t of_tag, std::uint32_t size) noexcept
      : Owner(1, &TaggedOwner::destroy_tagged), tag(of_tag), size_(size) {}
  static void destroy_tagged(Owner* owner) noexcept;
  [[nodiscard]] static TaggedOwner* make(std::uint32_t tag, std::uint32_t size);
  [[nodiscard]] std::size_t total() const noexcept;

  const std::uint32_t size_;  // of the copy
};

static_assert(sizeof(TaggedOwner) == sizeof(TightCopy), "small copies would not be tight");
static_assert(sizeof(TaggedOwner) % alignof(Owner*) == 0);

/// 0 for an owner of another kind, and for none.
[[nodiscard]] std::uint32_t tag_of(Owner* owner) noexcept;

}  // namespace bytes_handoff::detail
