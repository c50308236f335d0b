#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "roles/integrated/port_pairing.hpp"
#include "transports/stream_end.hpp"
#include "transports/streams.hpp"
#include "transports/tcp_endpoint.hpp"

namespace stream_harness {

/// Listens on a port of the loopback that the kernel picks, and gives each accepted socket to the
/// owner of the port that it was connected from.
template <class Owner>
class PairingAcceptor {
 public:
  using OnMatch = std::function<void(Owner, TcpStream)>;
  using OnError = std::function<void(net_error_code)>;

  /// `on_match` is called for each pair; `on_error` once, where accepting has become impossible.
  PairingAcceptor(const Executor& executor, OnMatch on_match, OnError on_error)
      : acceptor_(executor), on_match_(std::move(on_match)), on_error_(std::move(on_error)) {}

  [[nodiscard]] net_error_code open() {
    net_error_code error = listen_at(acceptor_, {net::ip::address_v4::loopback(), 0});
    if (!error) endpoint_ = acceptor_.local_endpoint(error);
    return error;
  }

  [[nodiscard]] const TcpEndpoint& endpoint() const noexcept { return endpoint_; }

  /// Accepts until `stop`.
  void start() {
    stopped_ = false;
    accept_next();
  }

  /// A connection from this port is the owner's.
  void expect(std::uint16_t port, Owner owner) { deliver(pairing_.expect(port, std::move(owner))); }

  /// Accepts no more; what has not been paired is closed.
  void stop() {
    net_error_code ignored;
    stopped_ = true;
    acceptor_.cancel(ignored);
    pairing_.clear();
  }

 private:
  using Pairing = PortPairing<Owner, TcpStream>;

  void accept_next() {
    acceptor_.async_accept(peer_, [this](net_error_code error, TcpStream socket) {
      if (stopped_) return;
      if (error && error != net::error::connection_aborted) return on_error_(error);
      if (!error) deliver(pairing_.accepted(peer_.port(), std::move(socket)));
      if (!stopped_) accept_next();
    });
  }

  void deliver(std::optional<typename Pairing::Match> match) {
    if (match) on_match_(std::move(match->owner), std::move(match->socket));
  }

  TcpAcceptor acceptor_;
  OnMatch on_match_;
  OnError on_error_;
  TcpEndpoint endpoint_;
  TcpEndpoint peer_;
  Pairing pairing_;
  bool stopped_ = false;
};

}  // namespace stream_harness
