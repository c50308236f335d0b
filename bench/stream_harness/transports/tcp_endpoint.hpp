#pragma once

#include <cstdint>
#include <string>

#include "command_line/host_port.hpp"
#include "transports/streams.hpp"

namespace stream_harness {

using TcpEndpoint = net::ip::tcp::endpoint;

/// `address` must be one that `parse_host_port` gives.
[[nodiscard]] TcpEndpoint to_endpoint(const HostPort& address);

/// `HOST:PORT`, with an IPv6 host in brackets.
[[nodiscard]] std::string to_text(const TcpEndpoint& endpoint);

/// Opens `acceptor`, lets its address be used again, binds and listens.
[[nodiscard]] net_error_code listen_at(TcpAcceptor& acceptor, const TcpEndpoint& endpoint);

// These two do nothing where there is an error already.

/// Lets small writes leave at once.
void send_at_once(TcpStream& socket, net_error_code& error);

/// The port that a connected socket has; 0 where it is not to be had.
[[nodiscard]] std::uint16_t local_port(const TcpStream& socket, net_error_code& error);

}  // namespace stream_harness
