#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>

#include "bytes_handoff/core/memory/pool.hpp"

namespace bytes_handoff::detail {

/// Takes from the library's pool what is small, or aligned to more than usual. The rest lives for
/// as long as a connection, as a rule: the pool's sizes, which are powers of two there, would cost
/// memory, and save little time.
template <class T>
struct PoolAllocator {
  using value_type = T;

  PoolAllocator() noexcept = default;
  template <class U>
  explicit(false) PoolAllocator(const PoolAllocator<U>&) noexcept {}  // NOLINT: as allocators do

  [[nodiscard]] T* allocate(std::size_t n) {
    const std::size_t size = n * sizeof(T);
    if constexpr (kIsAligned) {
      return static_cast<T*>(pool_allocate(size));
    } else if (size <= kLargestSmall && !kIsOveraligned) {
      return static_cast<T*>(pool_allocate_small(size));
    } else {
      return std::allocator<T>().allocate(n);
    }
  }
  void deallocate(T* memory, std::size_t n) noexcept {
    const std::size_t size = n * sizeof(T);
    if constexpr (kIsAligned) {
      pool_deallocate(memory, size);
    } else if (size <= kLargestSmall && !kIsOveraligned) {
      pool_deallocate_small(memory, size);
    } else {
      std::allocator<T>().deallocate(memory, n);
    }
  }

  template <class U>
  friend bool operator==(const PoolAllocator&, const PoolAllocator<U>&) noexcept {
    return true;
  }

 private:
  static constexpr bool kIsOveraligned = alignof(T) > kCacheLine;  // the pool does not
  static constexpr bool kIsAligned =
      alignof(T) > __STDCPP_DEFAULT_NEW_ALIGNMENT__ && !kIsOveraligned;
};

/// Memory for one function at a time, inside the owner. With it posting the function, or giving a
/// handler to a stream, allocates nothing. Not thread safe: the owner uses it once at a time.
template <std::size_t kBytes>
class HandlerMemory {
 public:
  HandlerMemory() noexcept = default;
  HandlerMemory(const HandlerMemory&) = delete;
  HandlerMemory& operator=(const HandlerMemory&) = delete;

  /// Null if it is in use, too small, or not aligned enough. It is aligned as a pointer.
  [[nodiscard]] void* take(std::size_t size, std::size_t alignment) noexcept {
    if (in_use_ || size > kBytes || alignment > alignof(void*)) {
      return nullptr;
    }
    in_use_ = true;
    return storage_;
  }
  void give_back() noexcept { in_use_ = false; }

 private:
  alignas(void*) std::byte storage_[kBytes];  // the first: at the address of this
  bool in_use_ = false;
};

/// The allocator that hands a `HandlerMemory` to Asio. What does not fit there comes from the
/// library's pool. A strand needs a second piece to schedule itself, which can outlive the owner
/// when both are destroyed with their context. So that piece must not come from the owner.
template <class T, class Memory>
class HandlerAllocator {
 public:
  using value_type = T;

  explicit HandlerAllocator(Memory& memory) noexcept : memory_(&memory) {}
  template <class U>
  HandlerAllocator(const HandlerAllocator<U, Memory>& other) noexcept : memory_(other.memory_) {}

  [[nodiscard]] T* allocate(std::size_t n) {
    void* const memory = memory_->take(n * sizeof(T), alignof(T));
    return memory != nullptr ? static_cast<T*>(memory) : PoolAllocator<T>().allocate(n);
  }
  void deallocate(T* memory, std::size_t n) noexcept {
    if (static_cast<void*>(memory) == static_cast<void*>(memory_)) {
      memory_->give_back();
    } else {
      PoolAllocator<T>().deallocate(memory, n);
    }
  }

  template <class U>
  friend bool operator==(const HandlerAllocator& a, const HandlerAllocator<U, Memory>& b) noexcept {
    return a.memory_ == b.memory_;
  }

 private:
  template <class, class>
  friend class HandlerAllocator;
  Memory* memory_;  // the owner may be gone where what is given back is not of it
};

/// Memory of an operation that must stay in place. It comes from the handler's own allocator, or
/// from the library's pool if that is the default one.
template <class Allocator, class Operation>
struct OperationMemory {
  using Rebound = typename std::allocator_traits<Allocator>::template rebind_alloc<Operation>;
  static constexpr bool kIsDefault = std::is_same_v<Rebound, std::allocator<Operation>>;
  using type = std::conditional_t<kIsDefault, PoolAllocator<Operation>, Rebound>;
  using Traits = std::allocator_traits<type>;

  [[nodiscard]] static type allocator_of(const Allocator& of_handler) noexcept {
    if constexpr (kIsDefault) {
      return {};
    } else {
      return type(of_handler);
    }
  }
  [[nodiscard]] static void* allocate(const Allocator& of_handler) {
    type allocator = allocator_of(of_handler);
    return static_cast<void*>(std::to_address(Traits::allocate(allocator, 1)));
  }
  /// The operation's destructor has run.
  static void deallocate(const Allocator& of_handler, Operation* operation) noexcept {
    type allocator = allocator_of(of_handler);
    Traits::deallocate(allocator,
                       std::pointer_traits<typename Traits::pointer>::pointer_to(*operation), 1);
  }
};

}  // namespace bytes_handoff::detail
