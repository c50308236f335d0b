#include "support/asio.hpp"

#if defined(BYTES_HANDOFF_BOOST_ASIO)

#include <openssl/ssl.h>

#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_stream.hpp>
#include <boost/beast/core/rate_policy.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <memory>
#include <utility>

#include "bytes_handoff/beast.hpp"
#include "ends/connection.hpp"
#include "ends/near_end.hpp"
#include "ends/tcp_pair.hpp"
#include "ends/tls_near_end.hpp"

namespace bytes_handoff::test {
namespace {

namespace beast = boost::beast;

using RateStream =
    beast::basic_stream<net::ip::tcp, net::any_io_executor, beast::simple_rate_policy>;

constexpr std::size_t kBytesPerSecond = std::size_t{16} * 1024 * 1024;

}  // namespace

Connection connect_beast(StreamKind kind, net::io_context& context, bool is_server) {
  if (kind == StreamKind::kBeastSsl) {
    return connect_tls<beast::ssl_stream<beast::tcp_stream>>(context, TLS1_3_VERSION, is_server);
  }
  auto [socket, descriptor] = connect_tcp(context);
  auto peer = std::make_unique<DescriptorPeer>(descriptor);
  if (kind == StreamKind::kBeastTcp) {
    return {std::move(peer), near_end_of(beast::tcp_stream(std::move(socket)))};
  }
  if (kind == StreamKind::kBeastFlat) {
    return {std::move(peer), near_end_of(beast::flat_stream<beast::tcp_stream>(std::move(socket)))};
  }
  RateStream stream(std::move(socket));
  stream.rate_policy().write_limit(kBytesPerSecond);
  return {std::move(peer), near_end_of(std::move(stream))};
}

}  // namespace bytes_handoff::test

#endif
