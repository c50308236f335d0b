#include "roles/service/service_worker.hpp"

#include <string>
#include <system_error>
#include <utility>

#include "contenders/start_proxy.hpp"
#include "report/error_log.hpp"
#include "transports/stream_end.hpp"

namespace stream_harness {

ServiceWorker::ServiceWorker(const Options& options, bytes_handoff::MemoryBudget memory_budget,
                             std::function<void()> on_end)
    : options_(options),
      memory_budget_(std::move(memory_budget)),
      sink_(to_endpoint(options.sink_addr)),
      on_end_(std::move(on_end)) {}

void ServiceWorker::start(std::uint64_t number, TcpStream in, TcpStream out,
                          std::shared_ptr<SplicePipe> pipe) {
  auto connection = std::make_shared<Connecting>(
      Connecting{number, std::move(in), std::move(out), std::move(pipe)});
  connecting_.emplace(number, connection);
  TcpStream& socket = connection->out;
  net_error_code ignored;              // the connect tells
  socket.non_blocking(true, ignored);  // said before the connect, it is one system call, not two
  socket.async_connect(sink_, [this, connection](net_error_code error) {
    connecting_.erase(connection->number);
    connected(*connection, error);
  });
}

void ServiceWorker::connected(Connecting& connection, net_error_code error) {
  send_at_once(connection.in, error);
  send_at_once(connection.out, error);
  const std::uint64_t number = connection.number;
  if (error) {
    close_quietly(connection.in);
    close_quietly(connection.out);
    connection.pipe.reset();
    return ended(number, {0, describe("connect to the sink", error)});
  }
  ProxyConfig config = proxy_config(options_);
  config.pipe = std::move(connection.pipe);
  config.memory_budget = memory_budget_;
  try {
    proxies_[number] =
        start_proxy(options_.implementation, std::move(connection.in), std::move(connection.out),
                    config, [this, number](const ProxyResult& result) { ended(number, result); });
  } catch (const std::system_error& no_floor) {  // of the memory budget
    ended(number, {0, describe("take the connection", no_floor.code())});
  }
}

void ServiceWorker::ended(std::uint64_t number, const ProxyResult& result) {
  proxies_.erase(number);
  forwarded_bytes_ += result.forwarded_bytes;
  if (!result.error.empty()) {
    ++failed_connections_;
    log_error("connection " + std::to_string(number) + ": " +
              (stopping_ ? std::string("stopped before its end") : result.error));
  }
  on_end_();
}

void ServiceWorker::stop_all() {
  stopping_ = true;
  for (const auto& [number, connection] : connecting_) close_quietly(connection->out);
  for (const auto& [number, weak] : proxies_) {
    if (const auto proxy = weak.lock()) proxy->stop();
  }
}

}  // namespace stream_harness
