#include "roles/process/connection_dealer.hpp"

#include <asio/post.hpp>
#include <utility>

#include "report/error_log.hpp"
#include "transports/stream_end.hpp"

namespace stream_harness {

ConnectionDealer::ConnectionDealer(WorkerPool& pool, Hooks hooks)
    : pool_(pool), hooks_(std::move(hooks)), acceptor_(pool.context(0).get_executor()) {}

std::string ConnectionDealer::listen(const HostPort& address) {
  const auto error = listen_at(acceptor_, to_endpoint(address));
  return error ? describe("listen at " + to_text(address), error) : std::string();
}

TcpEndpoint ConnectionDealer::endpoint() const {
  net_error_code ignored;
  return acceptor_.local_endpoint(ignored);
}

void ConnectionDealer::start() {
  bytes_handoff::async_accept_each(
      acceptor_, [this](TcpStream socket) { accept(std::move(socket)); }, options(),
      [this](net_error_code error) { end(error); });
}

bytes_handoff::AcceptOptions<Executor> ConnectionDealer::options() {
  bytes_handoff::AcceptOptions<Executor> options;
  options.on_pause = [this](net_error_code error) {
    if (!std::exchange(shortage_logged_, true)) {
      log_error(describe("accept", error) + "; accepting pauses until some are free");
    }
  };
  options.prepare = [this] { return hooks_.prepare(next_worker_); };
  options.next_executor = [this] { return pool_.context(next_worker_).get_executor(); };
  options.pause = pause_;
  return options;
}

void ConnectionDealer::accept(TcpStream socket) {
  hooks_.accepted(std::exchange(next_worker_, (next_worker_ + 1) % pool_.size()),
                  std::move(socket));
}

void ConnectionDealer::end(net_error_code error) {
  is_over_ = true;
  if (stopped_) return stopped_();
  hooks_.failed(describe("accept", error));
}

void ConnectionDealer::stop(std::function<void()> stopped) {
  net::post(pool_.context(0), [this, stopped = std::move(stopped)]() mutable {
    if (is_over_) return stopped();
    stopped_ = std::move(stopped);
    close_quietly(acceptor_);
  });
}

}  // namespace stream_harness
