#include "transports/tcp_endpoint.hpp"

#include <asio/ip/address.hpp>

namespace stream_harness {

TcpEndpoint to_endpoint(const HostPort& address) {
  return {net::ip::make_address(address.host), address.port};
}

std::string to_text(const TcpEndpoint& endpoint) {
  const auto address = endpoint.address();
  return to_text(HostPort{address.to_string(), endpoint.port(), address.is_v6()});
}

net_error_code listen_at(TcpAcceptor& acceptor, const TcpEndpoint& endpoint) {
  net_error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(net::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(net::socket_base::max_listen_connections, error);
  return error;
}

}  // namespace stream_harness
