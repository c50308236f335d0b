#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>

#include "bytes_handoff/core/support/intrusive_list.hpp"

namespace bytes_handoff::detail {

/// What an advance has, and how much it may keep. In front of what the pot alone needs of it.
template <class Sync>
class AdvanceNumbers {
 protected:
  using Counter = typename Sync::template Atomic<std::size_t>;

  // One more than it has, so that a draw needs one comparison.
  static constexpr std::size_t kClosed = 0;
  static constexpr std::size_t kEmpty = 1;

  Counter word_{kClosed};
  Counter most_{kEmpty};
};

/// Credit that a member has drawn from the pot ahead of its use, or keeps for its next one. It
/// counts as free. The pot opens it, and takes it back: then it is closed, and the member goes to
/// the pot for each draw and release.
///
/// What it has is one number. A release that comes before the pot closes it is taken back with it;
/// one that comes behind that sees it closed. So no credit is stranded here, and nobody has to look
/// whether the pot is tight.
///
/// Threads: any for the first five; the rest is the pot's, under its lock.
template <class Sync>
class BasicAdvance : AdvanceNumbers<Sync>, public ListNode {
  using Numbers = AdvanceNumbers<Sync>;
  using Numbers::kClosed;
  using Numbers::kEmpty;
  using Numbers::most_;
  using Numbers::word_;

 public:
  using typename Numbers::Counter;

  /// `holds`: counts what this has, too, and is never 0 while this is open. Null: nobody does.
  explicit BasicAdvance(Counter* holds = nullptr) noexcept : holds_(holds) {}

  /// Draws `n` bytes, or nothing: it has not so much, is closed, or another thread is at it.
  [[nodiscard]] bool try_draw(std::size_t n) noexcept {
    std::size_t word = word_.load(std::memory_order_relaxed);
    return word > n && exchange(word, word - n);
  }
  /// The same, where one at a time draws and gives back. It takes fewer instructions: only the pot
  /// can come between.
  [[nodiscard]] bool try_draw_alone(std::size_t n) noexcept {
    if (word_.load(std::memory_order_relaxed) <= n) {
      return false;
    }
    // It had more than `n`. So where this goes below 0, it has been closed.
    const std::size_t left = word_.fetch_sub(n, std::memory_order_acq_rel) - n;
    if (static_cast<std::ptrdiff_t>(left) < 0) [[unlikely]] {
      word_.store(kClosed, std::memory_order_relaxed);
      return false;
    }
    return true;
  }
  /// Gives back `n` bytes, or nothing: it would have more than it may keep, is closed, or another
  /// thread is at it.
  [[nodiscard]] bool try_put_back(std::size_t n) noexcept {
    const std::size_t word = word_.load(std::memory_order_relaxed);
    return word != kClosed && word + n <= most_.load(std::memory_order_relaxed) &&
           exchange(word, word + n);
  }
  /// Gives back as many of `n` bytes as it may keep. Returns the others; they go to the pot.
  [[nodiscard]] std::size_t put_back(std::size_t n) noexcept {
    const std::size_t word = word_.load(std::memory_order_relaxed);
    const std::size_t most = most_.load(std::memory_order_relaxed);
    if (word == kClosed || word > most) {
      return n;
    }
    const std::size_t taken = (std::min)(n, most - word);
    return exchange(word, word + taken) ? n - taken : n;
  }
  /// If not, the pot is done with it, unless somebody counts what this has.
  [[nodiscard]] bool is_open() const noexcept {
    return word_.load(std::memory_order_acquire) != kClosed;
  }

  /// With nothing. From then on it keeps up to `most` bytes of what is released.
  void open(std::size_t most) noexcept {
    most_.store(most + kEmpty, std::memory_order_relaxed);
    word_.store(kEmpty, std::memory_order_release);
  }
  /// Precondition for these three: it is open.
  void add(std::size_t n) noexcept { word_.fetch_add(n, std::memory_order_acq_rel); }
  [[nodiscard]] std::size_t bytes() const noexcept {
    return word_.load(std::memory_order_relaxed) - kEmpty;
  }
  /// Returns what it had. Behind that it may be gone.
  [[nodiscard]] std::size_t close() noexcept {
    Counter* const holds = holds_;
    const std::size_t had = word_.exchange(kClosed, std::memory_order_acq_rel) - kEmpty;
    if (holds != nullptr && had != 0) {
      holds->fetch_sub(had, std::memory_order_acq_rel);
    }
    return had;
  }

 private:
  [[nodiscard]] bool exchange(std::size_t word, std::size_t next) noexcept {
    return word_.compare_exchange_strong(word, next, std::memory_order_acq_rel,
                                         std::memory_order_relaxed);
  }

  Counter* const holds_;
};

}  // namespace bytes_handoff::detail
