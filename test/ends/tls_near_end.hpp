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

struct TlsContexts {
  std::shared_ptr<net::ssl::context> near;
  TlsPeer::Context peer;
};

/// For one version of TLS.
[[nodiscard]] inline TlsContexts make_tls_contexts(int version, bool is_server) {
  auto near = std::make_shared<net::ssl::context>(is_server ? net::ssl::context::tls_server
                                                            : net::ssl::context::tls_client);
  TlsPeer::Context peer(SSL_CTX_new(is_server ? TLS_client_method() : TLS_server_method()),
                        &SSL_CTX_free);
  allow_only(near->native_handle(), version);
  allow_only(peer.get(), version);
  use_self_signed_certificate(is_server ? near->native_handle() : peer.get());
  return {std::move(near), std::move(peer)};
}

/// The peer's part on a thread, and the other end's, which `start` starts with a handler.
template <class Start>
void shake_hands(net::io_context& context, Peer& peer, Start start) {
  auto shaken = std::async(std::launch::async, [&] { return peer.shake_hands(); });
  bool has_come = false;
  start([&](net_error_code error) {
    EXPECT_FALSE(error) << error.message();
    has_come = true;
  });
  EXPECT_TRUE(run_until(context, [&] { return has_come; }));
  if (!has_come) {
    peer.stop_waiting();
  }
  EXPECT_TRUE(shaken.get());
}

[[nodiscard]] inline net::ssl::stream_base::handshake_type tls_role(bool is_server) {
  return is_server ? net::ssl::stream_base::server : net::ssl::stream_base::client;
}

/// One version of TLS with a peer of OpenSSL's own calls; either may be the server.
template <class Stream>
[[nodiscard]] Connection connect_tls(net::io_context& context, int version, bool is_server) {
  auto [tls, of_peer] = make_tls_contexts(version, is_server);
  auto [socket, descriptor] = connect_tcp(context);
  auto stream = std::make_unique<Stream>(std::move(socket), *tls);
  auto peer = std::make_unique<TlsPeer>(descriptor, std::move(of_peer));
  shake_hands(context, *peer, [&](auto handler) {
    stream->async_handshake(tls_role(is_server), std::move(handler));
  });
  return {std::move(peer), std::make_unique<NearEndOf<Stream>>(std::move(stream), std::move(tls))};
}

}  // namespace bytes_handoff::test
