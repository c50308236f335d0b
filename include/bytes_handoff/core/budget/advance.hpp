#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>

#include "bytes_handoff/core/support/intrusive_list.hpp"

namespace bytes_handoff::detail {

/// Credit that a queue has drawn from the pot ahead of its use. It counts as free. The pot opens
/// it, and takes it back: then it is closed, and its queue goes to the pot for each draw and
/// release.
///
/// It is one number. A release that comes before the pot closes it is taken back with it; one that
/// comes behind that sees it closed. So no credit is stranded here, and nobody has to look whether
/// the pot is tight.
///
/// Threads: `try_draw` and `put_back` under the queue's lock; the rest is the pot's, under its own.
template <class Sync>
class BasicAdvance : public ListNode {
 public:
  /// Draws `n` bytes, or nothing: it has not so much, or is closed.
  [[nodiscard]] bool try_draw(std::size_t n) noexcept {
    std::size_t word = word_.load(std::memory_order_relaxed);
    return word > n && word_.compare_exchange_strong(word, word - n, std::memory_order_acq_rel,
                                                     std::memory_order_relaxed);
  }
  /// Gives back `n` bytes, as long as it has at most `most` then. Returns those that it has not
  /// taken; they go to the pot.
  [[nodiscard]] std::size_t put_back(std::size_t n, std::size_t most) noexcept {
    std::size_t word = word_.load(std::memory_order_relaxed);
    if (word == kClosed || word > most) {
      return n;
    }
    const std::size_t taken = (std::min)(n, most - bytes_of(word));
    return word_.compare_exchange_strong(word, word + taken, std::memory_order_acq_rel,
                                         std::memory_order_relaxed)
               ? n - taken
               : n;
  }

  /// Behind the last touch of the pot if not.
  [[nodiscard]] bool is_open() const noexcept {
    return word_.load(std::memory_order_acquire) != kClosed;
  }

  // The pot's alone.
  void open() noexcept { word_.store(kEmpty, std::memory_order_release); }
  /// Precondition: it is open.
  void add(std::size_t n) noexcept { word_.fetch_add(n, std::memory_order_acq_rel); }
  /// Returns what it had. The last touch. Precondition: it is open.
  [[nodiscard]] std::size_t close() noexcept {
    return bytes_of(word_.exchange(kClosed, std::memory_order_acq_rel));
  }
  /// Precondition: it is open.
  [[nodiscard]] std::size_t bytes() const noexcept {
    return bytes_of(word_.load(std::memory_order_relaxed));
  }

 private:
  // One more than it has, so that a draw needs one comparison.
  static constexpr std::size_t kClosed = 0;
  static constexpr std::size_t kEmpty = 1;
  [[nodiscard]] static std::size_t bytes_of(std::size_t word) noexcept { return word - kEmpty; }

  typename Sync::template Atomic<std::size_t> word_{kClosed};
};

}  // namespace bytes_handoff::detail
