#include "bytes_handoff/core/memory/tagged.hpp"

#include <cstring>
#include <new>

#include "bytes_handoff/core/budget/paid_entry.hpp"

namespace bytes_handoff::detail {
namespace {

// Behind one that keeps an owner.
constexpr std::size_t kPointerBytes = sizeof(void*);

std::size_t footprint_of(std::size_t total) noexcept {
  return kMostSystemOverhead +
         (total <= kLargestSmall ? small_slot_size(small_class_of(total)) : total);
}

}  // namespace

std::size_t TaggedOwner::total() const noexcept {
  return sizeof(TaggedOwner) + (is_copy() ? size_ : kPointerBytes);
}

TaggedOwner* TaggedOwner::make(std::uint32_t tag, std::uint32_t size) {
  const std::size_t total =
      sizeof(TaggedOwner) + (size == kKeepsOwner ? kPointerBytes : std::size_t{size});
  void* memory = total <= kLargestSmall ? pool_allocate_small(total) : ::operator new(total);
  return ::new (memory) TaggedOwner(tag, size);
}

TaggedOwner* TaggedOwner::copy_of(std::span<const std::byte> bytes, std::uint32_t tag) {
  TaggedOwner* copy = make(tag, static_cast<std::uint32_t>(bytes.size()));
  if (!bytes.empty()) {
    std::memcpy(copy->data(), bytes.data(), bytes.size());
  }
  return copy;
}

TaggedOwner* TaggedOwner::keep(Owner* kept, std::uint32_t tag) {
  TaggedOwner* keeper = make(tag, kKeepsOwner);
  ::new (keeper->data()) Owner*(kept);
  if (kept != nullptr) {
    kept->add_references(1);
  }
  return keeper;
}

std::size_t TaggedOwner::footprint() const noexcept { return footprint_of(total()); }

std::size_t TaggedOwner::footprint_of_keeper() noexcept {
  return footprint_of(sizeof(TaggedOwner) + kPointerBytes);
}

TaggedOwner* TaggedOwner::of(Owner* owner) noexcept {
  return owner != nullptr && owner->destroy == &TaggedOwner::destroy_tagged
             ? static_cast<TaggedOwner*>(owner)
             : nullptr;
}

std::uint32_t tag_of(Owner* owner) noexcept {
  if (const TaggedOwner* const tagged = TaggedOwner::of(owner)) {
    return tagged->tag;
  }
  const PaidEntry* const paid = PaidEntry::of(owner);
  return paid == nullptr ? 0 : tag_of(paid->kept);
}

void TaggedOwner::destroy_tagged(Owner* owner) noexcept {
  auto* tagged = static_cast<TaggedOwner*>(owner);
  Owner* const kept = tagged->is_copy() ? nullptr : tagged->kept();
  const std::size_t total = tagged->total();
  tagged->~TaggedOwner();
  if (total <= kLargestSmall) {
    pool_deallocate_small(tagged, total);
  } else {
    ::operator delete(tagged);
  }
  if (kept != nullptr) {
    kept->release(1);
  }
}

}  // namespace bytes_handoff::detail
