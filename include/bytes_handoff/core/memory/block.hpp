#pragma once

// What slices keep alive: an owner with a count of references, and two of the kinds of owners that
// the library fills itself, the block and the tight copy. `tagged.hpp` has the third.

#include <cstddef>
#include <cstdint>
#include <memory_resource>

#include "bytes_handoff/core/memory/block_payer.hpp"
#include "bytes_handoff/core/memory/pool.hpp"
#include "bytes_handoff/core/memory/reference_count.hpp"
#include "bytes_handoff/core/support/sync.hpp"

namespace bytes_handoff::detail {

/// The shared part of every slice. The last reference that is released calls `destroy`.
struct Owner {
  using Destroy = void (*)(Owner*) noexcept;

  explicit Owner(std::size_t references, Destroy destroy_by) noexcept
      : references_(references), destroy(destroy_by) {}

  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;

  void add_references(std::size_t count) noexcept { references_.add(count); }

  /// Gives back `count` references that the caller holds. May destroy the owner.
  void release(std::size_t count) noexcept {
    if (references_.release(count)) {
      destroy(this);
    }
  }

  /// The same, but the caller destroys it: true if it is to do so.
  [[nodiscard]] bool release_only(std::size_t count) noexcept { return references_.release(count); }

  /// Whether the `held` references of the caller are all that there are. When true, what the other
  /// holders did with the bytes has happened before.
  [[nodiscard]] bool is_unique(std::size_t held) const noexcept {
    return references_.is_unique(held);
  }

  /// Only for a holder of all references.
  void reset_references(std::size_t count) noexcept { references_.reset(count); }

 private:
  ReferenceCount<StdSync, std::size_t> references_;

 public:
  const Destroy destroy;

 protected:
  ~Owner() = default;
};

/// One piece of memory that reads fill and slices share. The header takes the first cache line, so
/// that the data starts on the second.
///
/// A fresh block belongs to whoever made it with `kReferencesAtOnce` references: the filler hands
/// them out one a slice without touching the shared count, and gives back the rest at once.
struct alignas(kCacheLine) Block final : Owner {
  static constexpr std::uint32_t kReferencesAtOnce = 1U << 20;

  std::size_t capacity;
  /// Where the memory came from; null for the library's pool.
  std::pmr::memory_resource* source;
  /// Who has paid for it, from which budget, and how much; null: nobody.
  BlockPayer* payer = nullptr;
  const void* budget = nullptr;
  std::size_t paid = 0;
  PaidFrom paid_from = PaidFrom::kBudget;

  /// A block of at least `least_capacity` bytes of data, rounded up to a power of two, with
  /// `kReferencesAtOnce` references. Throws std::bad_alloc (std::length_error for a size that no
  /// block can have).
  [[nodiscard]] static Block* make(std::size_t least_capacity,
                                   std::pmr::memory_resource* source = nullptr);

  /// As above, for which `payer` pays, unless it is null. Throws MemoryShort if it does not.
  [[nodiscard]] static Block* make_paid(std::size_t least_capacity,
                                        std::pmr::memory_resource* source, BlockPayer* payer);
  [[nodiscard]] static Block* make_paid_from_floor(std::size_t least_capacity,
                                                   std::pmr::memory_resource* source,
                                                   BlockPayer* payer);

  /// As above, of the pool, for bytes that never grow. A size that the pool does not cache is
  /// rounded up to a cache line alone.
  [[nodiscard]] static Block* make_exact(std::size_t capacity);

  /// Before anybody else sees the block.
  void was_paid_by(BlockPayer& who, PaidFrom from, std::size_t bytes) noexcept {
    payer = &who;
    budget = who.budget();
    paid = bytes;
    if (from == PaidFrom::kFloor) {
      paid_from = from;
    }
  }

  [[nodiscard]] std::byte* data() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
  [[nodiscard]] std::byte* end() noexcept { return data() + capacity; }

  /// What the block takes from memory.
  [[nodiscard]] std::size_t footprint() const noexcept { return capacity + sizeof(Block); }

  /// What it takes from the system at most.
  [[nodiscard]] static std::size_t cost(std::size_t data_capacity,
                                        const std::pmr::memory_resource* source) noexcept {
    if (source == nullptr) [[likely]] {
      return retained_at_most(data_capacity);
    }
    return data_capacity + sizeof(Block);
  }

  /// What a block of the pool takes from the system at most. That includes its header, room to
  /// align it, and the rest of a page where it is large.
  [[nodiscard]] static constexpr std::size_t retained_at_most(std::size_t data_capacity) noexcept {
    constexpr std::size_t kPage = 4096;
    return data_capacity + 2 * kCacheLine + kMostSystemOverhead +
           (data_capacity >= kLargestPooled ? kPage : 0);
  }

  /// The block behind an owner; null when the owner is of another kind.
  [[nodiscard]] static Block* of(Owner* owner) noexcept {
    return owner != nullptr && owner->destroy == &Block::destroy_block ? static_cast<Block*>(owner)
                                                                       : nullptr;
  }

 private:
  Block(std::size_t data_capacity, std::pmr::memory_resource* memory) noexcept;
  template <PaidFrom kFrom>
  [[nodiscard]] static Block* make_paid_from(std::size_t least_capacity,
                                             std::pmr::memory_resource* source, BlockPayer* payer);
  [[nodiscard]] static Block* make_rounded(std::size_t capacity, std::pmr::memory_resource* source);
  static void destroy_block(Owner* owner) noexcept;
};

static_assert(sizeof(Block) == kCacheLine, "the data would not start on a cache line of its own");

/// Largest data capacity of a block: a quarter of the address space, so that sums of two never
/// wrap.
inline constexpr std::size_t kLargestBlock = SIZE_MAX / 4 + 1;

/// Bytes of data that a block made for `least_capacity` has: the next power of two, at least 64.
[[nodiscard]] std::size_t block_capacity_for(std::size_t least_capacity);

/// Bytes that never change, in memory of about their size, for slices that are kept for long. No
/// room is spent on aligning them: what it retains is at most twice `size` and 64 bytes.
struct TightCopy final : Owner {
  std::size_t size;

  /// With one reference and unspecified contents. Throws std::bad_alloc. Precondition: `size <=
  /// kLargestBlock`.
  [[nodiscard]] static TightCopy* make(std::size_t size);

  [[nodiscard]] std::byte* data() noexcept { return reinterpret_cast<std::byte*>(this + 1); }

  /// The copy behind an owner; null when the owner is of another kind.
  [[nodiscard]] static TightCopy* of(Owner* owner) noexcept {
    return owner != nullptr && owner->destroy == &TightCopy::destroy_copy
               ? static_cast<TightCopy*>(owner)
               : nullptr;
  }

 private:
  explicit TightCopy(std::size_t n) noexcept : Owner(1, &TightCopy::destroy_copy), size(n) {}
  static void destroy_copy(Owner* owner) noexcept;
};

/// What a slice of `owner` retains: bytes that the owner takes from the system, bookkeeping of the
/// pool and of `malloc` included. 0 for no owner, and for foreign owners, of which it is not known;
/// so a tagged owner counts without the foreign one that it keeps.
[[nodiscard]] std::size_t retained_by(Owner* owner) noexcept;

/// Whether `retained` is at most twice `size` and 64 bytes.
[[nodiscard]] constexpr bool is_tight(std::size_t retained, std::size_t size) noexcept {
  return retained / 2 <= size || retained - 2 * size <= 64;
}

/// Blocks that were paid for and that nobody has any more, to be destroyed outside of locks: that
/// may resume who waits.
class DroppedBlocks {
 public:
  /// Gives back `count` references. An owner that is no such block is destroyed at once.
  void release(Owner* owner, std::size_t count) noexcept;
  void destroy_all() noexcept;

 private:
  Block* first_ = nullptr;  // each has the next one in its data
};

/// Whether a run of `items` slices of one owner retains more than twice its `bytes` and 64 bytes an
/// item. Who keeps slices for long copies such a run together. False for foreign owners, whose size
/// is not known.
[[nodiscard]] bool is_wasteful(Owner* owner, std::size_t bytes, std::size_t items) noexcept;

/// Capacity of the block that a run of `bytes` is copied to: one that small runs share, or one of
/// its own.
[[nodiscard]] constexpr std::size_t gather_capacity(std::size_t bytes) noexcept {
  constexpr std::size_t kGatherBlock = 4096;
  return bytes > kGatherBlock / 2 ? bytes : kGatherBlock;
}

}  // namespace bytes_handoff::detail
