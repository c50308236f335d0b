#pragma once

// TLS on both ends of a loopback connection, with a certificate that is made in memory.

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/asio.hpp"
#include "support/run_for.hpp"
#include "support/streams/socket_pairs.hpp"

#if defined(BYTES_HANDOFF_BOOST_ASIO)
#include <boost/asio/ssl.hpp>
#else
#include <asio/ssl.hpp>
#endif

namespace bytes_handoff::test {

/// Gives the server side a fresh key and a certificate that the key itself has signed.
inline void use_self_signed_certificate(SSL_CTX* context) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"),
                                                                &EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), &X509_free);
  X509_NAME* const name = X509_get_subject_name(certificate.get());
  const auto* common_name = reinterpret_cast<const unsigned char*>("localhost");
  constexpr long kSecondsValid = 3600;
  const bool made =
      key != nullptr && ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1) == 1 &&
      X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -kSecondsValid) != nullptr &&
      X509_gmtime_adj(X509_getm_notAfter(certificate.get()), kSecondsValid) != nullptr &&
      X509_set_pubkey(certificate.get(), key.get()) == 1 &&
      X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common_name, -1, -1, 0) == 1 &&
      X509_set_issuer_name(certificate.get(), name) == 1 &&
      X509_sign(certificate.get(), key.get(), EVP_sha256()) != 0 &&
      SSL_CTX_use_certificate(context, certificate.get()) == 1 &&
      SSL_CTX_use_PrivateKey(context, key.get()) == 1;
  if (!made) {
    throw std::runtime_error("no certificate could be made");
  }
}

/// A TCP socket that keeps a copy of what is written to it.
class WireTap {
 public:
  using executor_type = net::ip::tcp::socket::executor_type;
  using lowest_layer_type = net::ip::tcp::socket;

  explicit WireTap(net::ip::tcp::socket socket) : socket_(std::move(socket)) {}

  executor_type get_executor() noexcept { return socket_.get_executor(); }
  lowest_layer_type& lowest_layer() noexcept { return socket_; }
  const lowest_layer_type& lowest_layer() const noexcept { return socket_; }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return socket_.async_read_some(buffers, std::forward<Token>(token));
  }

  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    const std::size_t before = written_.size();
    written_.resize(before + net::buffer_size(buffers));
    net::buffer_copy(net::buffer(written_) + before, buffers);
    return socket_.async_write_some(buffers, std::forward<Token>(token));
  }

  friend lowest_layer_type& layer_to_end(WireTap& tap) noexcept { return tap.socket_; }

  /// Bytes of plain text in each record that was written since the last call.
  [[nodiscard]] std::vector<std::size_t> take_record_sizes() {
    constexpr std::size_t kHeaderBytes = 5;
    constexpr std::size_t kSealBytes = 17;  // TLS 1.3: the inner type and the tag
    std::vector<std::size_t> sizes;
    const std::string records = std::exchange(written_, {});
    for (std::size_t at = 0; at + kHeaderBytes <= records.size();) {
      const auto byte = [&](std::size_t i) {
        return std::size_t{static_cast<unsigned char>(records[at + i])};
      };
      const std::size_t sealed = (byte(3) << 8U) | byte(4);
      sizes.push_back(sealed - kSealBytes);
      at += kHeaderBytes + sealed;
    }
    return sizes;
  }

 private:
  net::ip::tcp::socket socket_;
  std::string written_;
};

using TlsStream = net::ssl::stream<WireTap>;

/// The most that a record carries.
inline constexpr std::size_t kRecordBytes = 16 * 1024;

/// Two ends that have shaken hands, on one context of one thread.
class TlsPair {
 public:
  explicit TlsPair(net::io_context& context) {
    use_self_signed_certificate(server_context_.native_handle());
    client_context_.set_verify_mode(net::ssl::verify_none);
    auto [near, far] = TcpPair::make(context);
    client = std::make_shared<TlsStream>(WireTap(std::move(near)), client_context_);
    server = std::make_shared<TlsStream>(WireTap(std::move(far)), server_context_);
    int hands = 0;
    const auto shaken = [&](net_error_code error) {
      EXPECT_FALSE(error) << error.message();
      ++hands;
    };
    client->async_handshake(net::ssl::stream_base::client, shaken);
    server->async_handshake(net::ssl::stream_base::server, shaken);
    EXPECT_TRUE(run_until(context, [&] { return hands == 2; }));
    static_cast<void>(client->next_layer().take_record_sizes());
  }

 private:
  net::ssl::context server_context_{net::ssl::context::tlsv13};
  net::ssl::context client_context_{net::ssl::context::tlsv13};

 public:
  std::shared_ptr<TlsStream> client;
  std::shared_ptr<TlsStream> server;
};

}  // namespace bytes_handoff::test
