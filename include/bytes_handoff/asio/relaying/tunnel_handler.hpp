#pragma once

#include <utility>

#include "bytes_handoff/asio/support/handler_memory.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/core/relaying/tunnel_core.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// What runs of a tunnel where one side is used: that which `kFrom` comes from. Where it is
/// destroyed instead, the context of that side is.
template <class Tunnel, Way kFrom, void (Tunnel::*kRun)(const typename Tunnel::Self&) noexcept>
class TunnelHandler {
 public:
  using allocator_type = PoolAllocator<void>;

  explicit TunnelHandler(typename Tunnel::Self self) noexcept : self_(std::move(self)) {}
  TunnelHandler(TunnelHandler&&) noexcept = default;
  TunnelHandler& operator=(TunnelHandler&&) = delete;
  ~TunnelHandler() {
    if (self_) {
      self_->template lose<kFrom>();
    }
  }

  [[nodiscard]] static allocator_type get_allocator() noexcept { return {}; }
  void operator()() noexcept {
    const auto self = std::move(self_);
    ((*self).*kRun)(self);
  }
  /// Of a timer.
  void operator()(const net_error_code& error) noexcept {
    const auto self = std::move(self_);
    if (!error) {
      ((*self).*kRun)(self);
    }
  }

 private:
  typename Tunnel::Self self_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
