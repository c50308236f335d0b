#pragma once

#include <cstddef>
#include <utility>

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
    link_back(&node, &node);
    ++size_;
  }

  /// Precondition: in this list.
  void remove(T& object) noexcept {
    ListNode& node = object;
    (&node == first_ ? first_ : node.previous_->next_) = node.next_;
    if (ListNode* const behind = node.next_ != nullptr ? node.next_ : first_) {
      behind->previous_ = node.previous_;
    }
    node.next_ = node.previous_ = nullptr;
    --size_;
  }

  /// All of `from`, in their order, behind these.
  void splice_back(IntrusiveList& from) noexcept {
    if (from.first_ == nullptr) {
      return;
    }
    link_back(from.first_, from.first_->previous_);
    size_ += std::exchange(from.size_, 0U);
    from.first_ = nullptr;
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
  // A chain of nodes, of which the last one has no next.
  void link_back(ListNode* front, ListNode* back) noexcept {
    if (first_ == nullptr) {
      first_ = front;
    } else {
      front->previous_ = first_->previous_;
      first_->previous_->next_ = front;
    }
    first_->previous_ = back;
  }

  ListNode* first_ = nullptr;  // its previous one is the last
  std::size_t size_ = 0;
};

}  // namespace bytes_handoff::detail
