#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <memory_resource>
#include <mutex>
#include <new>
#include <unordered_map>

namespace bytes_handoff::test {

/// A source of blocks that counts what it gave out, checks what it gets back, and can be told to
/// fail. Safe to use from several threads. At its end everything must have come back.
class CountingResource : public std::pmr::memory_resource {
 public:
  CountingResource() = default;
  CountingResource(const CountingResource&) = delete;
  CountingResource& operator=(const CountingResource&) = delete;
  ~CountingResource() override { EXPECT_EQ(blocks_out(), 0U) << "slots were never given back"; }

  [[nodiscard]] std::size_t allocations() const { return read(allocations_); }
  [[nodiscard]] std::size_t allocated_bytes() const { return read(allocated_bytes_); }
  [[nodiscard]] std::size_t bytes_out() const { return read(bytes_out_); }
  [[nodiscard]] std::size_t most_bytes_out() const { return read(most_bytes_out_); }
  [[nodiscard]] std::size_t blocks_out() const {
    std::lock_guard lock(mutex_);
    return out_.size();
  }

  /// From now on, allocations throw std::bad_alloc, or no more.
  void fail(bool failing) {
    std::lock_guard lock(mutex_);
    failing_ = failing;
  }

 private:
  struct Request {
    std::size_t size;
    std::size_t alignment;
  };

  std::size_t read(const std::size_t& counter) const {
    std::lock_guard lock(mutex_);
    return counter;
  }

  void* do_allocate(std::size_t size, std::size_t alignment) override {
    std::lock_guard lock(mutex_);
    if (failing_) {
      throw std::bad_alloc();
    }
    void* memory = std::pmr::new_delete_resource()->allocate(size, alignment);
    try {
      out_.emplace(memory, Request{size, alignment});
    } catch (...) {
      std::pmr::new_delete_resource()->deallocate(memory, size, alignment);
      throw;
    }
    ++allocations_;
    allocated_bytes_ += size;
    bytes_out_ += size;
    most_bytes_out_ = bytes_out_ > most_bytes_out_ ? bytes_out_ : most_bytes_out_;
    return memory;
  }

  void do_deallocate(void* memory, std::size_t size, std::size_t alignment) override {
    std::lock_guard lock(mutex_);
    const auto found = out_.find(memory);
    if (found == out_.end()) {
      ADD_FAILURE() << "given back twice, or to the wrong source";
      return;
    }
    EXPECT_EQ(found->second.size, size);
    EXPECT_EQ(found->second.alignment, alignment);
    bytes_out_ -= found->second.size;
    std::pmr::new_delete_resource()->deallocate(memory, found->second.size,
                                                found->second.alignment);
    out_.erase(found);
  }

  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    return this == &other;
  }

  mutable std::mutex mutex_;
  std::unordered_map<void*, Request> out_;
  std::size_t allocations_ = 0;
  std::size_t allocated_bytes_ = 0;
  std::size_t bytes_out_ = 0;
  std::size_t most_bytes_out_ = 0;
  bool failing_ = false;
};

}  // namespace bytes_handoff::test
