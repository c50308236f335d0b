#pragma once

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <memory>
#include <memory_resource>
#include <utility>

#include "bytes_handoff/bytes_mut.hpp"
#include "bytes_handoff/detail/net.hpp"
#include "bytes_handoff/impl/later.hpp"
#include "bytes_handoff/impl/stream_traits.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// Input that an ended queue drains from its socket at most. A peer that sends on for longer than
/// this is reset.
inline constexpr std::size_t kMaxLingerBytes = std::size_t{16} * 1024 * 1024;

/// Sockets of the operating system: closing one with unread input resets the connection, and
/// destroys what the peer has not read yet.
template <class Stream>
concept LingersAtEnd = std::derived_from<Stream, net::socket_base> && ReadinessReadStream<Stream> &&
    requires(Stream& stream, net_error_code& error) {
  stream.native_handle();
  stream.close(error);
};

/// Keeps a socket whose write side is shut down until its peer has ended too: its input is read and
/// dropped until then, or until the peer has been silent for `timeout`, or has sent
/// `kMaxLingerBytes`. Then the socket is closed. It never polls: it waits until there is input. On
/// the socket's executor; it belongs to the operations that are pending there, and goes with them.
template <LingersAtEnd Socket>
class Linger : public std::enable_shared_from_this<Linger<Socket>> {
  using Clock = std::chrono::steady_clock;
  using Executor = std::remove_cvref_t<decltype(std::declval<Socket&>().get_executor())>;

 public:
  Linger(std::shared_ptr<Socket> socket, Clock::duration timeout,
         std::pmr::memory_resource* block_source)
      : socket_(std::move(socket)),
        timer_(socket_->get_executor()),
        timeout_(timeout),
        block_source_(block_source) {}

  /// Throws where memory is short, or the socket does.
  void start() {
    silent_until_ = later(Clock::now(), timeout_);
    wait_for_silence();
    wait_for_input();
  }

 private:
  static constexpr const char* kName = "WriteHandoff (lingering socket)";  // for handler tracking
  static constexpr std::size_t kReadBytes = std::size_t{16} * 1024;
  static constexpr unsigned kMaxReads = 16;  // of one turn

  void wait_for_silence() {
    BYTES_HANDOFF_HANDLER_LOCATION(kName);
    timer_.expires_at(silent_until_);
    timer_.async_wait([self = this->shared_from_this()](const net_error_code& error) {
      if (!error) {
        self->check_silence();
      }
    });
  }

  void check_silence() noexcept {
    try {
      if (socket_ != nullptr && Clock::now() < silent_until_) {
        wait_for_silence();
        return;
      }
    } catch (...) {  // NOLINT: then it does not linger
    }
    finish();
  }

  void wait_for_input() {
    BYTES_HANDOFF_HANDLER_LOCATION(kName);
    socket_->async_wait(Socket::wait_read,
                        [self = this->shared_from_this()](const net_error_code& error) {
                          if (error) {
                            self->finish();
                          } else {
                            self->drain();
                          }
                        });
  }

  void drain() noexcept {
    try {
      if (socket_ == nullptr) {
        return;
      }
      if (drain_some()) {
        silent_until_ = later(Clock::now(), timeout_);
        wait_for_input();
        return;
      }
    } catch (...) {  // NOLINT: then it does not linger
    }
    finish();
  }

  // False when the peer has ended, or must be ended.
  [[nodiscard]] bool drain_some() {
    BytesMut room = BytesMut::with_capacity(kReadBytes, block_source_);
    net_error_code error;
    ensure_non_blocking(*socket_, error);
    for (unsigned reads = 0; !error && reads != kMaxReads; ++reads) {
      const auto spare = room.spare();
      const std::size_t n =
          socket_->read_some(net::mutable_buffer(spare.data(), spare.size()), error);
      left_ -= std::min(left_, n);
      if (left_ == 0) {
        return false;
      }
      if (!error && n < spare.size()) {
        return true;
      }
    }
    return !error || is_to_try_again(error);
  }

  void finish() noexcept {
    if (socket_ == nullptr) {
      return;
    }
    net_error_code ignored;
    socket_->close(ignored);
    socket_.reset();
    try {
      timer_.cancel();
    } catch (...) {  // NOLINT: it runs out
    }
  }

  std::shared_ptr<Socket> socket_;
  net::basic_waitable_timer<Clock, net::wait_traits<Clock>, Executor> timer_;
  const Clock::duration timeout_;
  std::pmr::memory_resource* const block_source_;
  Clock::time_point silent_until_;
  std::size_t left_ = kMaxLingerBytes;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
