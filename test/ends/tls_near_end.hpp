#pragma once

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <future>
#include <memory>
#include <utility>

#include "ends/near_end.hpp"
#include "ends/tcp_pair.hpp"
#include "support/run_for.hpp"
#include "support/streams/tls.hpp"

namespace bytes_handoff::test {

inline void allow_only(SSL_CTX* context, int version) {
  SSL_CTX_set_min_proto_version(context, version);
  SSL_CTX_set_max_proto_version(context, version);
}

/// One version of TLS with a peer of OpenSSL's own calls; either may be the server.
template <class Stream>
[[nodiscard]] Connection connect_tls(net::io_context& context, int version, bool is_server) {
  auto tls = std::make_shared<net::ssl::context>(is_server ? net::ssl::context::tls_server
                                                           : net::ssl::context::tls_client);
  TlsPeer::Context of_peer(SSL_CTX_new(is_server ? TLS_client_method() : TLS_server_method()),
                           &SSL_CTX_free);
  allow_only(tls->native_handle(), version);
  allow_only(of_peer.get(), version);
  use_self_signed_certificate(is_server ? tls->native_handle() : of_peer.get());
  auto [socket, descriptor] = connect_tcp(context);
  auto stream = std::make_unique<Stream>(std::move(socket), *tls);
  auto peer = std::make_unique<TlsPeer>(descriptor, std::move(of_peer));
  auto shaken = std::async(std::launch::async, [&] { return peer->shake_hands(); });
  bool has_come = false;
  stream->async_handshake(is_server ? net::ssl::stream_base::server : net::ssl::stream_base::client,
                          [&](net_error_code error) {
                            EXPECT_FALSE(error) << error.message();
                            has_come = true;
                          });
  EXPECT_TRUE(run_until(context, [&] { return has_come; }));
  if (!has_come) {
    peer->stop_waiting();
  }
  EXPECT_TRUE(shaken.get());
  return {std::move(peer), std::make_unique<NearEndOf<Stream>>(std::move(stream), std::move(tls))};
}

}  // namespace bytes_handoff::test
