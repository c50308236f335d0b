#pragma once

// What can be waiting on a write queue. The front end derives from these and keeps its handler
// there; the queue links them, writes the result into them, and hands them back in `Effects`.

#include <cstddef>
#include <cstdint>
#include <span>

#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/detail/outcome.hpp"

namespace bytes_handoff::detail {

class Waiting {
 public:
  Waiting() noexcept = default;
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

  /// The result is in place: see to it that whoever waits gets it. Called once, outside all locks.
  /// `destroyed_context` is the execution context that is being destroyed, if one is: what would
  /// have to run there must be destroyed instead.
  virtual void resume(const void* destroyed_context) noexcept = 0;

 protected:
  virtual ~Waiting() = default;

 private:
  friend class WaitingList;
  Waiting* next_ = nullptr;
  Waiting* previous_ = nullptr;
};

/// First come, first served; anyone can leave. Intrusive: allocates nothing, owns nothing.
class WaitingList {
 public:
  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] Waiting* front() const noexcept { return first_; }

  void push_back(Waiting& node) noexcept {
    node.next_ = nullptr;
    node.previous_ = last_;
    (last_ == nullptr ? first_ : last_->next_) = &node;
    last_ = &node;
    ++size_;
  }

  void remove(Waiting& node) noexcept {
    (node.previous_ == nullptr ? first_ : node.previous_->next_) = node.next_;
    (node.next_ == nullptr ? last_ : node.next_->previous_) = node.previous_;
    node.next_ = node.previous_ = nullptr;
    --size_;
  }

  Waiting* pop_front() noexcept {
    Waiting* node = first_;
    if (node != nullptr) {
      remove(*node);
    }
    return node;
  }

 private:
  Waiting* first_ = nullptr;
  Waiting* last_ = nullptr;
  std::size_t size_ = 0;
};

/// Waits for the end of one write.
struct TicketWaiter : Waiting {
  WriteResult result;
};

/// Waits until everything that was admitted before it has been written.
struct FlushWaiter : Waiting {
  ErrorValue error;
  std::uint64_t target = 0;  // items that must have been written
  bool linked = false;
};

/// Waits for the end of the queue.
struct CloseWaiter : Waiting {
  ErrorValue error;
  bool linked = false;
};

}  // namespace bytes_handoff::detail
