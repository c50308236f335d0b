#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

#include "bytes_handoff/core/memory/pool.hpp"

namespace bytes_handoff::detail {

/// Nothing is kept with the elements of a queue.
struct NoHead {};

/// A first-in first-out queue in pooled segments. Elements stay where they are until popped. Room
/// is reserved beforehand, so that pushing cannot fail. An empty queue can hold no memory at all.
///
/// `Head` is kept with the elements, in the segment at the front. It begins anew with the memory.
template <class T, class Head = NoHead>
class SegmentQueue {
  static_assert(std::is_trivially_default_constructible_v<T> && std::is_trivially_copyable_v<T>);

  static constexpr std::size_t kSegmentBytes = 2048;

  struct Segment {
    static constexpr std::size_t kHeadBytes = std::is_empty_v<Head> ? 0 : sizeof(Head);
    static constexpr std::size_t kItems = (kSegmentBytes - sizeof(void*) - kHeadBytes) / sizeof(T);
    Segment* next;
    [[no_unique_address]] Head head;
    T items[kItems];
  };

 public:
  static constexpr std::size_t kSegmentItems = Segment::kItems;

  /// A place in the queue; valid until the element there is popped.
  class Cursor {
   public:
    [[nodiscard]] T& operator*() const noexcept { return segment_->items[index_]; }
    [[nodiscard]] T* operator->() const noexcept { return &segment_->items[index_]; }
    Cursor& operator++() noexcept {
      // Steps into the next segment only when there is one: a cursor at the end stays in the last.
      if (++index_ == Segment::kItems && segment_->next != nullptr) {
        segment_ = segment_->next;
        index_ = 0;
      }
      return *this;
    }

   private:
    friend class SegmentQueue;
    Segment* segment_ = nullptr;
    std::size_t index_ = 0;
  };

  SegmentQueue() noexcept = default;
  SegmentQueue(SegmentQueue&& other) noexcept { swap(other); }
  SegmentQueue& operator=(SegmentQueue&& other) noexcept {
    SegmentQueue(std::move(other)).swap(*this);
    return *this;
  }
  ~SegmentQueue() { release_segments(); }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  /// Elements that can be pushed without more memory.
  [[nodiscard]] std::size_t room() const noexcept { return room_; }

  /// Precondition: an element is there, or room for one.
  [[nodiscard]] Head& head() noexcept { return front_.segment_->head; }
  [[nodiscard]] const Head& head() const noexcept { return front_.segment_->head; }

  /// Sees to it that `room() >= n`. Throws std::bad_alloc; then nothing has changed but the room.
  void reserve(std::size_t n) {
    while (room_ < n) {
      append_segment();
    }
  }

  /// Keeps room for `n` elements out of `room()`. Precondition: `room() >= n`.
  void set_aside(std::size_t n) noexcept {
    room_ -= n;
    aside_ += n;
  }
  /// Precondition: that many are set aside.
  void take_back(std::size_t n) noexcept {
    room_ += n;
    aside_ -= n;
  }
  [[nodiscard]] std::size_t aside() const noexcept { return aside_; }

  /// Returns where the element is. Precondition: `room() > 0`.
  Cursor push_back(const T& item) noexcept {
    step_if_full(back_);
    const Cursor at = back_;
    at.segment_->items[at.index_] = item;
    back_.index_ = at.index_ + 1;
    ++size_;
    --room_;
    return at;
  }

  /// Precondition for all three: not empty.
  [[nodiscard]] T& front() noexcept { return *front_cursor(); }
  [[nodiscard]] Cursor front_cursor() noexcept {
    Cursor at = front_;
    step_if_full(at);
    return at;
  }
  void pop_front() noexcept {
    Cursor at = front_cursor();
    ++at.index_;
    --size_;
    while (front_.segment_ != at.segment_) {
      drop_front_segment();
    }
    front_ = at;
  }

  /// Pops elements from the front for as long as `take(element)` says so, at most `most`. Returns
  /// how many. With `keeps_memory` what becomes free is room at the back.
  template <class Take>
  [[gnu::always_inline]] std::size_t pop_front_while(std::size_t most, bool keeps_memory,
                                                     Take take) {
    most = (std::min)(most, size_);
    std::size_t popped = 0;
    Cursor at = front_;
    for (; popped != most; ++popped, ++at.index_) {
      step_if_full(at);
      if (!take(std::as_const(at.segment_->items[at.index_]))) {
        break;
      }
    }
    size_ -= popped;
    while (front_.segment_ != at.segment_) {
      if (keeps_memory) {
        append(take_front_segment());
      } else {
        drop_front_segment();
      }
    }
    front_ = at;
    return popped;
  }

  /// Forgets all elements and gives back all memory, reserved room included.
  void release_segments() noexcept {
    while (front_.segment_ != nullptr) {
      drop_front_segment();
    }
    front_ = back_ = Cursor();
    last_ = nullptr;
    size_ = room_ = aside_ = 0;
  }

  void swap(SegmentQueue& other) noexcept {
    std::swap(last_, other.last_);
    std::swap(front_, other.front_);
    std::swap(back_, other.back_);
    std::swap(size_, other.size_);
    std::swap(room_, other.room_);
    std::swap(aside_, other.aside_);
  }

 private:
  static void step_if_full(Cursor& at) noexcept {
    if (at.index_ == Segment::kItems) {
      at.segment_ = at.segment_->next;
      at.index_ = 0;
    }
  }

  void append_segment() {
    static_assert(sizeof(Segment) <= kSegmentBytes && std::is_trivially_copyable_v<Head>);
    append(::new (pool_allocate(sizeof(Segment))) Segment);
  }

  void append(Segment* segment) noexcept {
    segment->next = nullptr;
    if (last_ == nullptr) {
      front_.segment_ = back_.segment_ = segment;
    } else {
      last_->next = segment;
    }
    last_ = segment;
    room_ += Segment::kItems;
  }

  [[nodiscard]] Segment* take_front_segment() noexcept {
    Segment* const taken = std::exchange(front_.segment_, front_.segment_->next);
    if constexpr (!std::is_empty_v<Head>) {
      if (front_.segment_ != nullptr) {  // bytes: not all of it need have a value
        std::memcpy(&front_.segment_->head, &taken->head, sizeof(Head));
      }
    }
    return taken;
  }

  void drop_front_segment() noexcept { pool_deallocate(take_front_segment(), sizeof(Segment)); }

  Segment* last_ = nullptr;
  Cursor front_;
  Cursor back_;
  std::size_t size_ = 0;
  std::size_t room_ = 0;
  std::size_t aside_ = 0;
};

}  // namespace bytes_handoff::detail
