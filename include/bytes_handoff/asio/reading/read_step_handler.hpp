#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/support/cancellation_link.hpp"
#include "bytes_handoff/asio/support/net.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// Handlers of the library's own derive from it that know by themselves whether they were
/// cancelled, also between two steps: `is_cancelled()` tells. A user's may have such a name, too.
struct KnowsCancellationItself {};
template <class Handler>
concept KnowsCancellation = std::derived_from<Handler, KnowsCancellationItself>;

/// How a cancellation comes to the step under way: by the read, which remembers it.
class PassedCancellation {
 public:
  template <class Operation>
  void connect(Operation& operation, net::cancellation_slot slot) {
    link_.connect(operation, slot);
  }
  [[nodiscard]] net::cancellation_slot slot() noexcept {
    return link_.is_connected() ? of_step_.slot() : net::cancellation_slot();
  }
  void emit(net::cancellation_type_t type) { of_step_.emit(type); }
  /// What the last step has left there leads nowhere any more.
  void clear() noexcept { of_step_.slot().clear(); }

 private:
  CancellationLink link_;
  net::cancellation_signal of_step_;
};

/// The same, straight to the step: of a handler that `KnowsCancellation`.
class DirectCancellation {
 public:
  template <class Operation>
  void connect(Operation& /*operation*/, net::cancellation_slot slot) noexcept {
    slot_ = slot;
  }
  [[nodiscard]] net::cancellation_slot slot() const noexcept { return slot_; }
  void clear() noexcept { slot_.clear(); }

 private:
  net::cancellation_slot slot_;
};

template <class Handler>
using ReadCancellation =
    std::conditional_t<KnowsCancellation<Handler>, DirectCancellation, PassedCancellation>;

/// What a stream's own step is told by. It does not depend on the user's handler, but for its
/// executor and allocator: so what a stream does for it is compiled once for each pair of those.
template <class Executor, class Allocator, class Cancellation = PassedCancellation>
class ReadStepTarget {
 public:
  class StepHandler {
   public:
    using executor_type = Executor;
    using allocator_type = Allocator;
    using cancellation_slot_type = net::cancellation_slot;

    explicit StepHandler(ReadStepTarget* target) noexcept : target_(target) {}
    StepHandler(StepHandler&& other) noexcept : target_(std::exchange(other.target_, nullptr)) {}
    StepHandler& operator=(StepHandler&&) = delete;
    ~StepHandler() {
      if (target_ != nullptr) {
        target_->drop();
      }
    }

    [[nodiscard]] executor_type get_executor() const noexcept { return target_->executor(); }
    [[nodiscard]] allocator_type get_allocator() const noexcept {
      if constexpr (std::is_default_constructible_v<Allocator> &&
                    std::allocator_traits<Allocator>::is_always_equal::value) {
        return Allocator();
      } else {
        return target_->allocator();
      }
    }
    [[nodiscard]] cancellation_slot_type get_cancellation_slot() const noexcept {
      return target_->cancellation_.slot();
    }
    void operator()(const net_error_code& error, std::size_t n = 0) {
      std::exchange(target_, nullptr)->complete(error, n);
    }

   private:
    ReadStepTarget* target_;
  };

 protected:
  ReadStepTarget() noexcept = default;
  ~ReadStepTarget() = default;

  Cancellation cancellation_;

 private:
  [[nodiscard]] virtual Executor executor() const noexcept = 0;
  [[nodiscard]] virtual Allocator allocator() const noexcept = 0;
  virtual void complete(const net_error_code& error, std::size_t n) = 0;
  /// The step was destroyed, with its context as a rule.
  virtual void drop() noexcept = 0;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
