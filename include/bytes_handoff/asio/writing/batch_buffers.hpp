#pragma once

#include <cstddef>
#include <iterator>
#include <memory>

#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/core/memory/pool.hpp"
#include "bytes_handoff/core/queue/departure.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// Part of a write batch as an Asio buffer sequence, without copying the buffers.
class BatchBuffers {
 public:
  using Buffer = WriteBatch::Buffer;

  class const_iterator {  // NOLINT(readability-identifier-naming): a buffer sequence's member
   public:
    using value_type = net::const_buffer;
    using difference_type = std::ptrdiff_t;
    using reference = net::const_buffer;
    using pointer = void;
    using iterator_category = std::bidirectional_iterator_tag;

    const_iterator() noexcept = default;
    explicit const_iterator(const Buffer* at) noexcept : at_(at) {}
    [[nodiscard]] net::const_buffer operator*() const noexcept { return {at_->data, at_->size}; }
    const_iterator& operator++() noexcept {
      ++at_;
      return *this;
    }
    const_iterator operator++(int) noexcept { return const_iterator(at_++); }
    const_iterator& operator--() noexcept {
      --at_;
      return *this;
    }
    const_iterator operator--(int) noexcept { return const_iterator(at_--); }
    friend bool operator==(const const_iterator&, const const_iterator&) noexcept = default;

   private:
    const Buffer* at_ = nullptr;
  };
  using value_type = net::const_buffer;

  BatchBuffers(const Buffer* first, std::size_t count) noexcept : first_(first), count_(count) {}
  [[nodiscard]] const_iterator begin() const noexcept { return const_iterator(first_); }
  [[nodiscard]] const_iterator end() const noexcept { return const_iterator(first_ + count_); }

 private:
  const Buffer* first_;
  std::size_t count_;
};

/// The buffers of a batch that stays with the stream after the writer's turn. They come from the
/// pool: a writer without such a batch holds no memory for it.
class HeldBuffers {
 public:
  using Buffer = BatchBuffers::Buffer;

  HeldBuffers() noexcept = default;
  HeldBuffers(const HeldBuffers&) = delete;
  HeldBuffers& operator=(const HeldBuffers&) = delete;
  ~HeldBuffers() { release(); }

  /// Throws std::bad_alloc. Precondition: holds none.
  void hold(const WriteBatch& batch) {
    auto* memory = static_cast<Buffer*>(pool_allocate(batch.count * sizeof(Buffer)));
    buffers_ = memory;
    count_ = batch.count;
    std::uninitialized_copy_n(batch.buffers.data(), count_, buffers_);
  }
  void release() noexcept {
    if (buffers_ != nullptr) {
      pool_deallocate(buffers_, count_ * sizeof(Buffer));
      buffers_ = nullptr;
    }
  }

  [[nodiscard]] BatchBuffers sequence() const noexcept { return {buffers_, count_}; }

 private:
  Buffer* buffers_ = nullptr;
  std::size_t count_ = 0;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
