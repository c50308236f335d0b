#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <utility>

namespace stream_harness {

/// Brings together the two sides of a loopback connection by the port of the side that connected:
/// the one that knows whom the port belongs to, and the accepted socket. Either may come first.
/// Sockets that nobody expects (a stranger's connection) stay until `clear`.
template <class Owner, class Socket>
class PortPairing {
 public:
  struct Match {
    Owner owner;
    Socket socket;
  };

  /// `port` belongs to `owner`. The match, where the socket has been accepted already.
  [[nodiscard]] std::optional<Match> expect(std::uint16_t port, Owner owner) {
    auto node = accepted_.extract(port);
    if (node) return Match{std::move(owner), std::move(node.mapped())};
    owners_.insert_or_assign(port, std::move(owner));
    return std::nullopt;
  }

  /// A socket was accepted from `port`. The match, where its owner is known already.
  [[nodiscard]] std::optional<Match> accepted(std::uint16_t port, Socket socket) {
    auto node = owners_.extract(port);
    if (node) return Match{std::move(node.mapped()), std::move(socket)};
    accepted_.insert_or_assign(port, std::move(socket));
    return std::nullopt;
  }

  /// Drops (closes) what has not found its other side.
  void clear() {
    owners_.clear();
    accepted_.clear();
  }

  [[nodiscard]] std::size_t unpaired() const noexcept { return owners_.size() + accepted_.size(); }

 private:
  std::unordered_map<std::uint16_t, Owner> owners_;
  std::unordered_map<std::uint16_t, Socket> accepted_;
};

}  // namespace stream_harness
