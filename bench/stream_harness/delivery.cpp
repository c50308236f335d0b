#include "delivery.hpp"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <asio/basic_waitable_timer.hpp>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <memory>

namespace stream_harness {
namespace {

using Clock = std::chrono::steady_clock;
using Timer = net::basic_waitable_timer<Clock, net::wait_traits<Clock>, Executor>;

constexpr std::chrono::milliseconds kFirstInterval{5};
constexpr std::chrono::milliseconds kLongestInterval{250};
constexpr std::size_t kDropBytes = 16384;
constexpr int kMostDrops = 64;

net_error_code system_error(int number) { return {number, net::error::get_system_category()}; }

void drop_received(TcpStream& stream) {
  net_error_code error;
  stream.non_blocking(true, error);
  std::array<std::byte, kDropBytes> dropped;
  for (int i = 0; i < kMostDrops && !error; ++i) stream.read_some(net::buffer(dropped), error);
}

class DeliveryWait : public std::enable_shared_from_this<DeliveryWait> {
 public:
  DeliveryWait(TcpStream& stream, std::function<void(net_error_code)> done)
      : stream_(stream), timer_(stream.get_executor()), done_(std::move(done)) {}

  void start() {
    if (look()) return;
    // Completes when the peer has ended its side too, or has gone. After that it would do so at
    // once, so it is not repeated.
    stream_.async_wait(TcpStream::wait_error,
                       [self = shared_from_this()](net_error_code error) { self->hung_up(error); });
    look_later();
  }

 private:
  void hung_up(net_error_code error) {
    if (!done_) return;
    if (error) return finish(error);
    look();
  }

  void look_later() {
    timer_.expires_after(interval_);
    interval_ = std::min(2 * interval_, kLongestInterval);
    timer_.async_wait([self = shared_from_this()](net_error_code error) {
      if (!error && self->done_ && !self->look()) self->look_later();
    });
  }

  // Whether there is nothing left to wait for.
  bool look() {
    net_error_code error;
    if (!is_delivered(stream_.native_handle(), error) && !error) return false;
    finish(error);
    return true;
  }

  void finish(net_error_code error) {
    timer_.cancel();
    if (!error) drop_received(stream_);
    std::exchange(done_, nullptr)(error);
  }

  TcpStream& stream_;
  Timer timer_;
  std::chrono::milliseconds interval_ = kFirstInterval;
  std::function<void(net_error_code)> done_;
};

}  // namespace

bool is_delivered(int socket, net_error_code& error) noexcept {
  int unacknowledged = 0;
  if (ioctl(socket, SIOCOUTQ, &unacknowledged) != 0) {
    error = system_error(errno);
    return false;
  }
  if (unacknowledged == 0) return true;
  int pending = 0;
  socklen_t size = sizeof pending;
  if (getsockopt(socket, SOL_SOCKET, SO_ERROR, &pending, &size) != 0) pending = errno;
  error = pending == 0 ? net_error_code() : system_error(pending);
  return false;
}

void async_delivered(TcpStream& stream, std::function<void(net_error_code)> done) {
  std::make_shared<DeliveryWait>(stream, std::move(done))->start();
}

}  // namespace stream_harness
