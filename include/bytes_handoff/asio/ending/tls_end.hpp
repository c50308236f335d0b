#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/ending/known_streams.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/time_of.hpp"
#include "bytes_handoff/core/support/later.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

// Values of OpenSSL's <openssl/ssl.h>: SSL_SENT_SHUTDOWN and SSL_RECEIVED_SHUTDOWN. Functions of
// OpenSSL are found by argument-dependent lookup, so that the library needs none of its headers.
inline constexpr int kTlsSentShutdown = 1;
inline constexpr int kTlsReceivedShutdown = 2;

/// More than an alert takes, whatever the cipher.
inline constexpr std::size_t kMostTlsAlertBytes = 512;

/// As long as this lives, a TLS stream believes that the peer has sent its `close_notify`: a
/// shutdown sends its own and does not wait for the peer's with a read.
template <class Ssl>
class BelievesPeerHasEnded {
 public:
  explicit BelievesPeerHasEnded(Ssl* ssl) noexcept
      : ssl_(ssl), was_so_((SSL_get_shutdown(ssl) & kTlsReceivedShutdown) != 0) {
    SSL_set_shutdown(ssl_, SSL_get_shutdown(ssl_) | kTlsReceivedShutdown);
  }
  BelievesPeerHasEnded(const BelievesPeerHasEnded&) = delete;
  BelievesPeerHasEnded& operator=(const BelievesPeerHasEnded&) = delete;
  ~BelievesPeerHasEnded() {
    if (!was_so_) {
      SSL_set_shutdown(ssl_, SSL_get_shutdown(ssl_) & ~kTlsReceivedShutdown);
    }
  }

 private:
  Ssl* ssl_;
  bool was_so_;
};

/// Writes the `close_notify` of a TLS stream, without a read, and then calls `handler(error)`. It
/// is its own handler, and moves from step to step.
///
/// Asio runs the shutdown inside of the initiating function, so that the belief above need not last
/// longer; but where OpenSSL has no room for the alert, Asio tries again later, and would read. So
/// the shutdown starts when there is room. Where a read of the stream is writing at that moment (it
/// answers a renegotiation, say), Asio reports the end of that write and leaves the alert where it
/// is. Then the alert is sent once more, which takes both out. Most peers take the first for the
/// end; one that uses Asio calls a stream truncated that goes on behind it.
template <class Stream, class Handler>
class TlsEnd {
  using StreamExecutor = std::remove_cvref_t<decltype(std::declval<Stream&>().get_executor())>;
  using Clock = std::chrono::steady_clock;
  using Timer = typename TimeOf<StreamExecutor>::Timer;

 public:
  using executor_type = net::associated_executor_t<Handler, StreamExecutor>;
  using allocator_type = net::associated_allocator_t<Handler>;
  using cancellation_slot_type = net::cancellation_slot;

  TlsEnd(Stream& stream, Handler handler)
      : stream_(&stream),
        handler_(std::move(handler)),
        cancellation_(net::get_associated_cancellation_slot(handler_),
                      net::enable_total_cancellation()) {}

  [[nodiscard]] executor_type get_executor() const noexcept {
    return net::get_associated_executor(handler_, stream_->get_executor());
  }
  [[nodiscard]] allocator_type get_allocator() const noexcept {
    return net::get_associated_allocator(handler_);
  }
  [[nodiscard]] cancellation_slot_type get_cancellation_slot() const noexcept {
    return cancellation_.slot();
  }

  void start() {
    auto* const ssl = stream_->native_handle();
    const bool is_sent = (SSL_get_shutdown(ssl) & kTlsSentShutdown) != 0;
    if (is_sent && has_sent_all()) {
      std::move(handler_)(net_error_code());
    } else if (has_room()) {
      shut();
    } else {
      wait_for_room();
    }
  }

  void operator()(net_error_code error) {
    if (!error && cancellation_.cancelled() != net::cancellation_type::none) {
      error = net::error::operation_aborted;
    }
    if (error) {
      std::move(handler_)(error);
    } else {
      start();
    }
  }

 private:
  [[nodiscard]] bool has_room() const noexcept {
    return BIO_ctrl_get_write_guarantee(SSL_get_wbio(stream_->native_handle())) >=
           kMostTlsAlertBytes;
  }
  [[nodiscard]] bool has_sent_all() const noexcept {
    return BIO_ctrl_wpending(SSL_get_wbio(stream_->native_handle())) == 0;
  }

  void shut() {
    Stream& stream = *stream_;
    auto* const ssl = stream.native_handle();
    SSL_set_shutdown(ssl, SSL_get_shutdown(ssl) & ~kTlsSentShutdown);
    const BelievesPeerHasEnded belief(ssl);
    stream.async_shutdown(std::move(*this));
  }

  void wait_for_room() {
    if (timer_ == nullptr) {
      timer_ = std::make_unique<Timer>(stream_->get_executor());
    }
    Timer& timer = *timer_;
    timer.expires_at(later(now_at(*stream_), look_after_));
    look_after_ = (std::min)(2 * look_after_, kLongestLook);
    timer.async_wait(std::move(*this));
  }

  static constexpr Clock::duration kShortestLook = std::chrono::milliseconds(1);
  static constexpr Clock::duration kLongestLook = std::chrono::milliseconds(100);

  Stream* stream_;
  Handler handler_;
  net::cancellation_state cancellation_;
  std::unique_ptr<Timer> timer_;
  Clock::duration look_after_ = kShortestLook;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
