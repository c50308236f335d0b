#pragma once

// A synchronization policy whose atomics are Relacy's, which know what weak memory orders allow,
// and whose plain data is watched for races. The library's own headers come first: Relacy makes
// macros of `new`, of `assert`, and of the names of memory orders.

#include <atomic>
#include <cstdint>

#include "bytes_handoff/core/memory/reference_count.hpp"

// clang-format off: it would put this in front
#include <relacy/relacy.hpp>
// clang-format on
#undef new
#undef delete
#undef malloc
#undef calloc
#undef realloc
#undef free
#undef assert
#undef errno
#undef memory_order_relaxed
#undef memory_order_consume
#undef memory_order_acquire
#undef memory_order_release
#undef memory_order_acq_rel
#undef memory_order_seq_cst

namespace bytes_handoff::test {

/// With `kForgetsOrders` all operations are relaxed.
template <bool kForgetsOrders>
struct BasicRelacySync {
  template <class T>
  class Atomic {
   public:
    Atomic(T value) noexcept {  // NOLINT(google-explicit-constructor)
      atomic_.store(value, rl::mo_relaxed, RL_INFO);
    }
    void store(T value, std::memory_order order) { atomic_.store(value, order_of(order), RL_INFO); }
    T load(std::memory_order order) const { return atomic_.load(order_of(order), RL_INFO); }
    T exchange(T value, std::memory_order order) {
      return rl::atomic_proxy<T>(atomic_, RL_INFO).exchange(value, order_of(order));
    }
    T fetch_add(T value, std::memory_order order) {
      return rl::atomic_proxy<T>(atomic_, RL_INFO).fetch_add(value, order_of(order));
    }
    T fetch_sub(T value, std::memory_order order) {
      return rl::atomic_proxy<T>(atomic_, RL_INFO).fetch_sub(value, order_of(order));
    }
    bool compare_exchange_strong(T& expected, T desired, std::memory_order success,
                                 std::memory_order failure) {
      return rl::atomic_proxy<T>(atomic_, RL_INFO)
          .compare_exchange_strong(expected, desired, order_of(success), order_of(failure));
    }

   private:
    static rl::memory_order order_of(std::memory_order order) {
      if (kForgetsOrders) {
        return rl::mo_relaxed;
      }
      switch (order) {
        case std::memory_order::relaxed:
          return rl::mo_relaxed;
        case std::memory_order::consume:
        case std::memory_order::acquire:
          return rl::mo_acquire;
        case std::memory_order::release:
          return rl::mo_release;
        case std::memory_order::acq_rel:
          return rl::mo_acq_rel;
        default:
          return rl::mo_seq_cst;
      }
    }

    rl::atomic<T> atomic_;
  };

  /// Two threads that are here at once, one of them to write, are a race.
  template <class T>
  class Plain {
   public:
    Plain() = default;
    /// Ends it for all: whoever may still be here is a race.
    ~Plain() { touched_(RL_INFO).store(2); }

    Plain& operator=(const T& value) {
      touched_(RL_INFO).store(1);
      value_ = value;
      return *this;
    }
    operator const T&() const {  // NOLINT(google-explicit-constructor)
      static_cast<void>(touched_(RL_INFO).load());
      return value_;
    }

   private:
    rl::var<int> touched_;
    T value_{};
  };
};
using RelacySync = BasicRelacySync<false>;
using RelaxedSync = BasicRelacySync<true>;

}  // namespace bytes_handoff::test
