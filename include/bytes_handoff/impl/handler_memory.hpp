#pragma once

#include <cstddef>
#include <new>

namespace bytes_handoff::detail {

/// Memory for one operation at a time, kept where the operation's owner lives, so that posting it
/// or giving it to a stream allocates nothing. What does not fit, or comes while it is in use, is
/// allocated. Not thread safe: its owner sees to it that uses follow one another.
template <std::size_t kBytes>
class HandlerMemory {
 public:
  HandlerMemory() noexcept = default;
  HandlerMemory(const HandlerMemory&) = delete;
  HandlerMemory& operator=(const HandlerMemory&) = delete;

  [[nodiscard]] void* allocate(std::size_t size) {
    if (!in_use_ && size <= kBytes) {
      in_use_ = true;
      return storage_;
    }
    return ::operator new(size);
  }

  void deallocate(void* memory) noexcept {
    if (memory == storage_) {
      in_use_ = false;
    } else {
      ::operator delete(memory);
    }
  }

 private:
  alignas(std::max_align_t) std::byte storage_[kBytes];
  bool in_use_ = false;
};

/// The allocator that hands a `HandlerMemory` to Asio.
template <class T, std::size_t kBytes>
class HandlerAllocator {
 public:
  using value_type = T;
  template <class U>
  struct rebind {
    using other = HandlerAllocator<U, kBytes>;
  };

  explicit HandlerAllocator(HandlerMemory<kBytes>& memory) noexcept : memory_(&memory) {}
  template <class U>
  HandlerAllocator(const HandlerAllocator<U, kBytes>& other) noexcept : memory_(other.memory_) {}

  [[nodiscard]] T* allocate(std::size_t n) {
    return static_cast<T*>(memory_->allocate(n * sizeof(T)));
  }
  void deallocate(T* memory, std::size_t) noexcept { memory_->deallocate(memory); }

  template <class U>
  friend bool operator==(const HandlerAllocator& a, const HandlerAllocator<U, kBytes>& b) noexcept {
    return a.memory_ == b.memory_;
  }

 private:
  template <class, std::size_t>
  friend class HandlerAllocator;
  HandlerMemory<kBytes>* memory_;
};

}  // namespace bytes_handoff::detail
