#pragma once

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

}  // namespace stream_harness
