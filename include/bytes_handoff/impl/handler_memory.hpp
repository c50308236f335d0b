#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>

#include "bytes_handoff/detail/pool.hpp"

namespace bytes_handoff::detail {

/// Memory for two functions at a time, kept where their owner lives, so that posting, or giving a
/// handler to a stream, allocates nothing: a strand needs a second piece to schedule itself. What
/// does not fit, is aligned to more than usual, or comes while both are in use, is allocated. Not
/// thread safe: its owner sees to it that uses follow one another.
template <std::size_t kBytes, std::size_t kSecondBytes = 96>
class HandlerMemory {
 public:
  HandlerMemory() noexcept = default;
  HandlerMemory(const HandlerMemory&) = delete;
  HandlerMemory& operator=(const HandlerMemory&) = delete;

  [[nodiscard]] void* allocate(std::size_t size, std::size_t alignment) {
    if (alignment > alignof(std::max_align_t)) {
      return ::operator new (size, std::align_val_t{alignment});
    }
    if (!first_in_use_ && size <= kBytes) {
      first_in_use_ = true;
      return first_;
    }
    if (!second_in_use_ && size <= kSecondBytes) {
      second_in_use_ = true;
      return second_;
    }
    return ::operator new(size);
  }

  void deallocate(void* memory, std::size_t alignment) noexcept {
    if (memory == first_) {
      first_in_use_ = false;
    } else if (memory == second_) {
      second_in_use_ = false;
    } else if (alignment > alignof(std::max_align_t)) {
      ::operator delete (memory, std::align_val_t{alignment});
    } else {
      ::operator delete(memory);
    }
  }

 private:
  alignas(std::max_align_t) std::byte first_[kBytes];
  alignas(std::max_align_t) std::byte second_[kSecondBytes];
  bool first_in_use_ = false;
  bool second_in_use_ = false;
};

/// The allocator that hands a `HandlerMemory` to Asio.
template <class T, class Memory>
class HandlerAllocator {
 public:
  using value_type = T;

  explicit HandlerAllocator(Memory& memory) noexcept : memory_(&memory) {}
  template <class U>
  HandlerAllocator(const HandlerAllocator<U, Memory>& other) noexcept : memory_(other.memory_) {}

  [[nodiscard]] T* allocate(std::size_t n) {
    return static_cast<T*>(memory_->allocate(n * sizeof(T), alignof(T)));
  }
  void deallocate(T* memory, std::size_t) noexcept { memory_->deallocate(memory, alignof(T)); }

  template <class U>
  friend bool operator==(const HandlerAllocator& a, const HandlerAllocator<U, Memory>& b) noexcept {
    return a.memory_ == b.memory_;
  }

 private:
  template <class, class>
  friend class HandlerAllocator;
  Memory* memory_;
};

/// Takes from the library's pool.
template <class T>
struct PoolAllocator {
  using value_type = T;

  PoolAllocator() noexcept = default;
  template <class U>
  explicit(false) PoolAllocator(const PoolAllocator<U>&) noexcept {}  // NOLINT: as allocators do

  [[nodiscard]] T* allocate(std::size_t n) {
    if constexpr (alignof(T) > kCacheLine) {
      return std::allocator<T>().allocate(n);
    } else {
      return static_cast<T*>(pool_allocate(n * sizeof(T)));
    }
  }
  void deallocate(T* memory, std::size_t n) noexcept {
    if constexpr (alignof(T) > kCacheLine) {
      std::allocator<T>().deallocate(memory, n);
    } else {
      pool_deallocate(memory, n * sizeof(T));
    }
  }

  template <class U>
  friend bool operator==(const PoolAllocator&, const PoolAllocator<U>&) noexcept {
    return true;
  }
};

/// What an operation that must stay in place is allocated with: the handler's own allocator, or the
/// library's pool where that is the default one.
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
