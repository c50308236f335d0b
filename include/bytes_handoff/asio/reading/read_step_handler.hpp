#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/support/cancellation_link.hpp"
#include "bytes_handoff/asio/support/net.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// What a stream's own step is told by. It does not depend on the user's handler, but for its
/// executor and allocator: so what a stream does for it is compiled once for each pair of those.
template <class Executor, class Allocator>
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
      return target_->link_.is_connected() ? target_->of_step_.slot() : cancellation_slot_type();
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

  CancellationLink link_;
  net::cancellation_signal of_step_;

 private:
  [[nodiscard]] virtual Executor executor() const noexcept = 0;
  [[nodiscard]] virtual Allocator allocator() const noexcept = 0;
  virtual void complete(const net_error_code& error, std::size_t n) = 0;
  /// The step was destroyed, with its context as a rule.
  virtual void drop() noexcept = 0;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
