#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/support/context_registry.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/post.hpp"
#include "bytes_handoff/core/support/post_guard.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// Where handlers of a queue run that are bound to no executor, until the context is destroyed:
/// some executors must not outlive it. Handles and tickets share it, apart from the writer, so that
/// a ticket keeps no stream open.
class StreamContext final : public ContextMember,
                            public std::enable_shared_from_this<StreamContext> {
 public:
  /// On the stream's executor. Throws std::bad_alloc.
  [[nodiscard]] static std::shared_ptr<StreamContext> make(net::any_io_executor executor) {
    auto made = std::make_shared<StreamContext>();
    made->executor_ = std::move(executor);
    if (!made->enter_context(context_of(made->executor_))) {
      made->executor_ = nullptr;
    }
    return made;
  }

  StreamContext() noexcept = default;
  ~StreamContext() override {
    executor_ = nullptr;
    leave_context();
  }

  /// None once the context is being destroyed.
  [[nodiscard]] net::any_io_executor executor() noexcept {
    const PostLease lease(guard());
    return lease ? executor_ : net::any_io_executor();
  }

  /// The same, for who holds a lease, or none.
  [[nodiscard]] net::any_io_executor executor(const PostLease& lease) const noexcept {
    return lease ? executor_ : net::any_io_executor();
  }

 private:
  std::shared_ptr<void> keep_alive() noexcept override { return weak_from_this().lock(); }
  void end_with_context(const void* /*context*/) noexcept override {
    guard().wait_until_left();
    executor_ = nullptr;
  }

  net::any_io_executor executor_;
};

/// Whether a handler has nowhere to run: it is bound to no executor, and the context of the default
/// one is gone.
template <class Handler>
[[nodiscard]] bool has_nowhere_to_run(const Handler& handler,
                                      const net::any_io_executor& default_executor) noexcept {
  using Executor = net::associated_executor_t<Handler, net::any_io_executor>;
  if constexpr (std::is_same_v<Executor, net::any_io_executor>) {
    return !net::get_associated_executor(handler, default_executor);
  } else {
    return false;
  }
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
