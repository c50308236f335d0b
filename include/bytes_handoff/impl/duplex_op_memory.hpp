#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "bytes_handoff/detail/net.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// Keeps the memory of the last parked operation of one kind at one end for the next, so that in
/// steady state parking allocates nothing. Safe across threads.
class DuplexOpMemory {
 public:
  DuplexOpMemory() = default;
  DuplexOpMemory(const DuplexOpMemory&) = delete;
  DuplexOpMemory& operator=(const DuplexOpMemory&) = delete;
  ~DuplexOpMemory() { ::operator delete(spare_.load(std::memory_order_relaxed)); }

  /// Raises `bytes`, which is at least the size of a size_t, to what the memory holds.
  void* acquire(std::size_t& bytes) {
    if (void* const spare = spare_.exchange(nullptr, std::memory_order_acquire)) {
      const std::size_t held = *static_cast<std::size_t*>(spare);
      if (held >= bytes) {
        bytes = held;
        return spare;
      }
      ::operator delete(spare);
    }
    return ::operator new(bytes);
  }

  /// `bytes` is what `acquire` made of it.
  void release(void* memory, std::size_t bytes) noexcept {
    ::new (memory) std::size_t(bytes);
    ::operator delete(spare_.exchange(memory, std::memory_order_acq_rel));
  }

 private:
  std::atomic<void*> spare_{nullptr};
};

/// The memory of one operation, from a handler's associated allocator; where that is the default,
/// from `DuplexOpMemory`.
template <typename Allocator, std::size_t kAlignment>
class DuplexOpBlock {
  struct alignas(kAlignment) Unit {
    std::byte bytes[kAlignment];
  };
  using UnitAllocator = typename std::allocator_traits<Allocator>::template rebind_alloc<Unit>;
  using Traits = std::allocator_traits<UnitAllocator>;
  static constexpr bool kRecycled = std::is_same_v<UnitAllocator, std::allocator<Unit>> &&
                                    kAlignment <= __STDCPP_DEFAULT_NEW_ALIGNMENT__;

 public:
  /// `home` outlives the block, unless that forgets it.
  DuplexOpBlock(const Allocator& allocator, DuplexOpMemory& home, std::size_t bytes)
      : allocator_(allocator), home_(&home) {
    size_ = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    if constexpr (kRecycled) {
      address_ = home.acquire(size_);
    } else {
      address_ = std::to_address(Traits::allocate(allocator_, size_ / kAlignment));
    }
  }

  DuplexOpBlock(DuplexOpBlock&& other) noexcept
      : allocator_(other.allocator_),
        home_(other.home_),
        address_(std::exchange(other.address_, nullptr)),
        size_(other.size_) {}
  DuplexOpBlock& operator=(DuplexOpBlock&&) = delete;

  ~DuplexOpBlock() {
    if (address_ == nullptr) return;
    if constexpr (kRecycled) {
      if (home_ != nullptr) {
        home_->release(address_, size_);
      } else {
        ::operator delete(address_);
      }
    } else {
      Traits::deallocate(allocator_, pointer_to(address_), size_ / kAlignment);
    }
  }

  void* address() const noexcept { return address_; }
  /// The memory will not be kept for the next operation.
  void forget_home() noexcept { home_ = nullptr; }

 private:
  static typename Traits::pointer pointer_to(void* address) noexcept {
    return std::pointer_traits<typename Traits::pointer>::pointer_to(*static_cast<Unit*>(address));
  }

  [[no_unique_address]] UnitAllocator allocator_;
  DuplexOpMemory* home_;
  void* address_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
