#pragma once

#include <cstddef>
#include <utility>

#include "bytes_handoff/core/queue/busy_queue.hpp"
#include "bytes_handoff/core/queue/waiting.hpp"
#include "bytes_handoff/core/queue/write_item.hpp"
#include "bytes_handoff/ends.hpp"

namespace bytes_handoff::detail {

/// What an ended queue has not wholly written, with the references of its slices.
class UnwrittenItems {
 public:
  UnwrittenItems() noexcept = default;
  UnwrittenItems(UnwrittenItems&& other) noexcept { swap(other.items_, other.first_written_); }
  UnwrittenItems& operator=(UnwrittenItems&&) = delete;
  /// May run a user's destructor: outside of locks.
  ~UnwrittenItems();

  [[nodiscard]] bool empty() const noexcept { return items_.empty(); }

  /// Exchanges these with the queue's. `offset`: bytes of the first item that are written.
  void swap(WriteItems& items, std::size_t& offset) noexcept {
    items_.swap(items);
    std::swap(first_written_, offset);
  }

  /// All of them; then this is empty. What is in pipes is copied out. Throws std::bad_alloc with
  /// nothing lost.
  [[nodiscard]] UnwrittenEntries take();

 private:
  void copy_out_of_pipes();

  WriteItems items_;
  std::size_t first_written_ = 0;
};

/// Waits for what a queue has not written when it has ended.
struct UnwrittenWaiter : Waiting {
  ErrorValue error;
  UnwrittenItems items;  // once it is resumed without an error
  bool linked = false;
};

}  // namespace bytes_handoff::detail
