#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <mutex>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/ending/acknowledgement.hpp"
#include "bytes_handoff/asio/ending/known_streams.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/net_error.hpp"
#include "bytes_handoff/asio/support/stream_exception.hpp"
#include "bytes_handoff/asio/support/stream_traits.hpp"
#include "bytes_handoff/asio/support/time_of.hpp"
#include "bytes_handoff/bytes_mut.hpp"
#include "bytes_handoff/core/support/later.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// Input that an ended queue drains from its socket at most. A peer that sends on for longer than
/// this is reset.
inline constexpr std::size_t kMaxLingerBytes = std::size_t{16} * 1024 * 1024;

struct LingerBounds {
  std::size_t max_bytes;
  /// Without input, and without a fall of what the peer's system has not acknowledged.
  std::chrono::steady_clock::duration silence;
  std::chrono::steady_clock::time_point until;
  std::pmr::memory_resource* block_source;
};

/// Reads and drops the input of a socket whose write side has ended, until the peer has ended too,
/// or a bound is met. It waits until there is input, and looks at the acknowledgements meanwhile in
/// quarters of the silence. It belongs to the operations that are pending on the socket's executor,
/// and goes with them. It waits for two things at a time: so it is locked, for sockets whose
/// executor runs several handlers at once.
template <class Socket>
class Linger : public std::enable_shared_from_this<Linger<Socket>> {
  using Clock = std::chrono::steady_clock;
  using Executor = std::remove_cvref_t<decltype(std::declval<Socket&>().get_executor())>;

 public:
  Linger(std::shared_ptr<Socket> socket, const LingerBounds& bounds)
      : socket_(std::move(socket)), timer_(socket_->get_executor()), bounds_(bounds) {}
  Linger(const Linger&) = delete;
  Linger& operator=(const Linger&) = delete;
  virtual ~Linger() = default;

  /// Throws where memory is short, or the socket does; then `on_end()` never comes.
  void start() {
    const std::lock_guard lock(mutex_);
    silent_until_ = later(now_at(*socket_), bounds_.silence);
    wait_for_time();
    try {
      wait_for_input();
    } catch (...) {
      has_failed_to_start_ = true;
      finish_locked({});
      throw;
    }
  }

  /// Ends it with an error, unless it has ended.
  void finish(const net_error_code& error) noexcept {
    const std::lock_guard lock(mutex_);
    finish_locked(error);
  }

 protected:
  [[nodiscard]] Socket& socket() noexcept { return *socket_; }
  [[nodiscard]] const net_error_code& error() const noexcept { return error_; }
  [[nodiscard]] std::size_t dropped() const noexcept { return dropped_; }
  void stop_waiting_for_input() { input_.emit(net::cancellation_type::terminal); }

 private:
  static constexpr const char* kName = "a socket that lingers";  // for handler tracking
  static constexpr std::size_t kReadBytes = std::size_t{16} * 1024;
  static constexpr unsigned kMaxReads = 16;  // of one turn
  static constexpr std::size_t kNotAsked = SIZE_MAX;

  /// Locked: makes what is pending return.
  virtual void on_decided() noexcept = 0;
  /// Once, not locked, when nothing is pending any more; not where that is destroyed.
  virtual void on_end() noexcept = 0;

  void finish_locked(const net_error_code& error) noexcept {
    if (is_over_) {
      return;
    }
    is_over_ = true;
    error_ = error;
    try {
      timer_.cancel();
    } catch (...) {  // NOLINT: it runs out
    }
    on_decided();
  }

  // Behind one of the two waits.
  template <class Step>
  void go_on(Step step) noexcept {
    bool is_end = false;
    {
      const std::lock_guard lock(mutex_);
      if (!is_over_) {
        try {
          step();
        } catch (...) {
          finish_locked(error_of_current_exception());
        }
      }
      --pending_;
      is_end = is_over_ && pending_ == 0 && !has_failed_to_start_;
    }
    if (is_end) {
      on_end();
    }
  }

  void wait_for_time() {
    BYTES_HANDOFF_HANDLER_LOCATION(kName);
    const Clock::time_point look =
        unacknowledged_bytes_ != 0 ? later(now_at(*socket_), bounds_.silence / 4) : silent_until_;
    timer_.expires_at((std::min)({look, silent_until_, bounds_.until}));
    timer_.async_wait([self = this->shared_from_this()](const net_error_code&) {
      self->go_on([&] { self->check_time(); });
    });
    ++pending_;
  }

  void check_time() {
    const Clock::time_point now = now_at(*socket_);
    const std::size_t before =
        std::exchange(unacknowledged_bytes_, detail::acknowledgement_of(*socket_).bytes);
    if (before != kNotAsked && unacknowledged_bytes_ < before) {
      silent_until_ = later(now, bounds_.silence);
    }
    if (now >= silent_until_ || now >= bounds_.until) {
      finish_locked(to_net_error(Errc::timed_out));
    } else {
      wait_for_time();
    }
  }

  void wait_for_input() {
    BYTES_HANDOFF_HANDLER_LOCATION(kName);
    auto then = [self = this->shared_from_this()](const net_error_code& error) {
      self->go_on([&] { self->drain(error); });
    };
    socket_->async_wait(Socket::wait_read,
                        net::bind_cancellation_slot(input_.slot(), std::move(then)));
    ++pending_;
  }

  void drain(net_error_code error) {
    if (!error && drain_some(error)) {
      silent_until_ = later(now_at(*socket_), bounds_.silence);
      wait_for_input();
    } else {
      finish_locked(error == net::error::eof ? net_error_code() : error);
    }
  }

  // False with an error.
  [[nodiscard]] bool drain_some(net_error_code& error) {
    BytesMut room = BytesMut::with_capacity(kReadBytes, bounds_.block_source);
    ensure_non_blocking(*socket_, error);
    for (unsigned reads = 0; !error && reads != kMaxReads; ++reads) {
      const auto spare = room.spare();
      const std::size_t n =
          socket_->read_some(net::mutable_buffer(spare.data(), spare.size()), error);
      dropped_ += n;
      if (dropped_ > bounds_.max_bytes) {
        error = to_net_error(Errc::limit_exceeded);
      } else if (!error && n < spare.size()) {
        return true;
      }
    }
    if (is_to_try_again(error)) {
      error = {};
    }
    return !error;
  }

  std::mutex mutex_;
  std::shared_ptr<Socket> socket_;
  typename TimeOf<Executor>::Timer timer_;
  const LingerBounds bounds_;
  net::cancellation_signal input_;  // ends the wait for input
  Clock::time_point silent_until_;
  // Asked for only in silence: most peers end soon.
  std::size_t unacknowledged_bytes_ = kNotAsked;
  std::size_t dropped_ = 0;
  net_error_code error_;
  unsigned pending_ = 0;
  bool is_over_ = false;
  bool has_failed_to_start_ = false;
};

/// Closes what lingered. It owns the whole stream.
template <class Socket>
class OwnedLinger final : public Linger<Socket> {
 public:
  using Linger<Socket>::Linger;

 private:
  void on_decided() noexcept override {
    net_error_code ignored;
    this->socket().close(ignored);
  }
  void on_end() noexcept override {}
};

/// Lets an owned stream, whose write side has ended in order, linger within `bounds`; then its
/// socket is closed. Throws where memory is short, or the socket does.
template <LingersAtEnd Stream>
void start_lingering(std::shared_ptr<Stream> stream, const LingerBounds& bounds) {
  std::make_shared<OwnedLinger<SocketBelow<Stream>>>(detail::socket_below(std::move(stream)),
                                                     bounds)
      ->start();
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
