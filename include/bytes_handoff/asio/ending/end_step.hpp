#pragma once

#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/support/net.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// A handler that goes on with `step(handler, results...)`. It has the associated executor,
/// allocator and cancellation slot of the handler that it holds.
template <class Handler, class DefaultExecutor, class Step>
class EndStep {
 public:
  using executor_type = net::associated_executor_t<Handler, DefaultExecutor>;
  using allocator_type = net::associated_allocator_t<Handler>;
  using cancellation_slot_type = net::associated_cancellation_slot_t<Handler>;

  EndStep(Handler handler, const DefaultExecutor& executor, Step step)
      : handler_(std::move(handler)), executor_(executor), step_(std::move(step)) {}

  [[nodiscard]] executor_type get_executor() const noexcept {
    return net::get_associated_executor(handler_, executor_);
  }
  [[nodiscard]] allocator_type get_allocator() const noexcept {
    return net::get_associated_allocator(handler_);
  }
  [[nodiscard]] cancellation_slot_type get_cancellation_slot() const noexcept {
    return net::get_associated_cancellation_slot(handler_);
  }

  template <class... Results>
  void operator()(const Results&... results) {
    step_(std::move(handler_), results...);
  }

 private:
  Handler handler_;
  DefaultExecutor executor_;
  Step step_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
