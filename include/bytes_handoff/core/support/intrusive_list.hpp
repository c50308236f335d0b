#pragma once

#include <cstddef>

#include "bytes_handoff/core/support/abi.hpp"

namespace bytes_handoff::detail {

/// What an object needs to be in an `IntrusiveList`: in one at a time.
class ListNode {
 public:
  ListNode() noexcept = default;
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;

 protected:
  ~ListNode() = default;

 private:
  template <class T>
  friend class IntrusiveList;
  ListNode* next_ = nullptr;
  ListNode* previous_ = nullptr;
};

/// A list of objects that derive from `ListNode`, oldest first; anyone can leave. Every call is
/// O(1), allocates nothing, and owns nothing.
template <class T>
class IntrusiveList {
 public:
  IntrusiveList() noexcept = default;
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;

  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// The oldest one; null when empty.
  [[nodiscard]] T* front() const noexcept { return static_cast<T*>(first_); }
  /// The next younger one; null behind the youngest.
  [[nodiscard]] T* after(const T& object) const noexcept {
    return static_cast<T*>(static_cast<const ListNode&>(object).next_);
  }

  /// Precondition: in no list.
  void push_back(T& object) noexcept {
    ListNode& node = object;
    node.next_ = nullptr;
    node.previous_ = last_;
    (last_ == nullptr ? first_ : last_->next_) = &node;
    last_ = &node;
    ++size_;
  }

  /// Precondition: in this list.
  void remove(T& object) noexcept {
    ListNode& node = object;
    (node.previous_ == nullptr ? first_ : node.previous_->next_) = node.next_;
    (node.next_ == nullptr ? last_ : node.next_->previous_) = node.previous_;
    node.next_ = node.previous_ = nullptr;
    --size_;
  }

  /// All of `from`, in their order, behind these.
  void splice_back(IntrusiveList& from) noexcept {
    if (from.first_ == nullptr) {
      return;
    }
    from.first_->previous_ = last_;
    (last_ == nullptr ? first_ : last_->next_) = from.first_;
    last_ = from.last_;
    size_ += from.size_;
    from.first_ = from.last_ = nullptr;
    from.size_ = 0;
  }

  /// The oldest one, taken out; null when empty.
  T* pop_front() noexcept {
    T* const object = front();
    if (object != nullptr) {
      remove(*object);
    }
    return object;
  }

 private:
  ListNode* first_ = nullptr;
  ListNode* last_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace bytes_handoff::detail
