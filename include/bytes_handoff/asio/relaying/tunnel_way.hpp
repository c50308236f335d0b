#pragma once

#include <cstdint>
#include <type_traits>

#include "bytes_handoff/asio/relaying/queue_relay.hpp"
#include "bytes_handoff/asio/relaying/stream_relay.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/core/relaying/tunnel_core.hpp"
#include "bytes_handoff/tunnel.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

template <class In, class Out>
using RelayTo = std::conditional_t<std::is_same_v<Out, WriteHandoff>, QueueRelay<In>,
                                   StreamRelay<In, std::remove_const_t<Out>>>;

/// One way of a tunnel: a relay that tells the tunnel how it goes. It lives inside of that.
template <class Tunnel, Way kWay, class In, class Out>
class TunnelWay final : public RelayTo<In, Out> {
  using Base = RelayTo<In, Out>;
  static constexpr bool kToStream = !std::is_same_v<Out, WriteHandoff>;

 public:
  template <class From, class To>
  TunnelWay(Tunnel& tunnel, const From& from, const To& to,
            const RelayOptions& options) requires(!kToStream)
      : Base(from.buffer(), from.stream(), to.out(), options), tunnel_(tunnel) {}
  template <class From, class To>
  TunnelWay(Tunnel& tunnel, const From& from, const To& to,
            const RelayOptions& options) requires(kToStream == true)
      : Base(from.buffer(), from.stream(), to.stream(), options, true), tunnel_(tunnel) {}

  /// Nothing of it is under way any more.
  void resume(const void* destroyed_context) noexcept override {
    tunnel_.template on_way_over<kWay>(destroyed_context);
  }

 private:
  [[nodiscard]] bool may_close_out() const noexcept override {
    return tunnel_.template may_close_output<kWay>();
  }
  void on_input_failed(const ErrorValue& error) noexcept override {
    tunnel_.template on_input_failed<kWay>(error);
  }
  [[nodiscard]] ErrorValue in_lost_by() const noexcept override {
    return tunnel_.template input_lost_by<kWay>();
  }

  Tunnel& tunnel_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
