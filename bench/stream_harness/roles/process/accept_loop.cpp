#include "roles/process/accept_loop.hpp"

#include <asio/post.hpp>
#include <utility>

#include "report/error_log.hpp"
#include "transports/stream_end.hpp"

namespace stream_harness {
namespace {

// For what comes back in other processes and from sockets that linger, which `resume` does not hear
// of.
constexpr std::chrono::milliseconds kRetryInterval{100};

}  // namespace

AcceptLoop::AcceptLoop(WorkerPool& pool, Hooks hooks)
    : pool_(pool),
      hooks_(std::move(hooks)),
      acceptor_(pool.context(0).get_executor()),
      retry_(pool.context(0).get_executor()) {}

net_error_code AcceptLoop::listen(const TcpEndpoint& endpoint) {
  return listen_at(acceptor_, endpoint);
}

TcpEndpoint AcceptLoop::endpoint() const {
  net_error_code ignored;
  return acceptor_.local_endpoint(ignored);
}

void AcceptLoop::stop(std::function<void()> stopped) {
  net::post(pool_.context(0), [this, stopped = std::move(stopped)] {
    stopped_ = true;
    close_quietly(acceptor_);
    retry_.cancel();
    stopped();
  });
}

void AcceptLoop::resume() {
  if (!paused_.load(std::memory_order_relaxed)) return;
  net::post(pool_.context(0), [this] { retry_.cancel(); });
}

void AcceptLoop::accept_next() {
  if (const net_error_code error = hooks_.prepare(next_worker_)) return pause(error);
  acceptor_.async_accept(
      pool_.context(next_worker_),
      [this](net_error_code error, TcpStream socket) { on_accept(error, std::move(socket)); });
}

void AcceptLoop::on_accept(net_error_code error, TcpStream socket) {
  if (stopped_) return;
  if (error && error != net::error::connection_aborted) return pause(error);
  if (!error) {
    hooks_.accepted(next_worker_, std::move(socket));
    next_worker_ = (next_worker_ + 1) % pool_.size();
  }
  accept_next();
}

void AcceptLoop::pause(net_error_code error) {
  if (!std::exchange(shortage_logged_, true)) {
    log_error(describe("accept", error) + "; accepting pauses until some are free");
  }
  paused_.store(true, std::memory_order_relaxed);
  retry_.expires_after(kRetryInterval);
  retry_.async_wait([this](net_error_code) {
    paused_.store(false, std::memory_order_relaxed);
    if (!stopped_) accept_next();
  });
}

}  // namespace stream_harness
