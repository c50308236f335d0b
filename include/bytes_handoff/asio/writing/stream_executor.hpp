#pragma once

#include <optional>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/support/net.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// The executor of a stream, until it is reset: once its context is being destroyed, which some
/// executors must not outlive.
template <class Executor>
class StreamExecutor {
  static constexpr bool kIsAny = std::is_same_v<Executor, net::any_io_executor>;
  // What `any_io_executor` has room for. For a larger one it would take memory.
  static constexpr bool kFitsAny =
      sizeof(Executor) <= 3 * sizeof(void*) && alignof(Executor) <= alignof(void*);
  struct NoOther {};

 public:
  explicit StreamExecutor(const Executor& executor) : own_(executor), other_(other(executor)) {}

  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(own_); }
  /// Precondition for both: it was not reset.
  [[nodiscard]] const Executor& operator*() const noexcept {
    if constexpr (kIsAny) {
      return own_;
    } else {
      return *own_;
    }
  }
  [[nodiscard]] net::any_io_executor any() const noexcept {
    if constexpr (kIsAny || kFitsAny) {
      return **this;
    } else {
      return other_;
    }
  }

  void reset() noexcept {
    own_ = {};
    other_ = {};
  }

 private:
  [[nodiscard]] static auto other([[maybe_unused]] const Executor& executor) {
    if constexpr (kIsAny || kFitsAny) {
      return NoOther();
    } else {
      return net::any_io_executor(executor);
    }
  }

  std::conditional_t<kIsAny, net::any_io_executor, std::optional<Executor>> own_;
  [[no_unique_address]] std::conditional_t<kIsAny || kFitsAny, NoOther, net::any_io_executor>
      other_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
