#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

#include "command_line/options.hpp"
#include "contenders/proxy.hpp"
#include "transports/streams.hpp"
#include "transports/tcp_endpoint.hpp"

namespace stream_harness {

/// The connections of one worker of the service: connects each to the sink, then hands it to the
/// proxy. Used on the worker's thread; the totals after that has ended.
class ServiceWorker {
 public:
  /// `on_end` is called once for each connection, when its descriptors are free again; that of a
  /// socket that lingers is later. `options` must outlive the worker. `memory_budget` is shared
  /// with the other workers; it may be none.
  ServiceWorker(const Options& options, bytes_handoff::MemoryBudget memory_budget,
                std::function<void()> on_end);

  /// `in` was accepted; `out` is open, and not connected yet; `pipe` is open for `splice`, and null
  /// for others.
  void start(std::uint64_t number, TcpStream in, TcpStream out, std::shared_ptr<SplicePipe> pipe);

  /// Ends all connections before their time; from here on each ends as a failed one.
  void stop_all();

  [[nodiscard]] std::uint64_t forwarded_bytes() const noexcept { return forwarded_bytes_; }
  [[nodiscard]] std::uint64_t failed_connections() const noexcept { return failed_connections_; }

 private:
  struct Connecting {
    std::uint64_t number;
    TcpStream in;
    TcpStream out;
    std::shared_ptr<SplicePipe> pipe;
  };

  void connected(Connecting& connection, net_error_code error);
  void ended(std::uint64_t number, const ProxyResult& result);

  const Options& options_;
  const bytes_handoff::MemoryBudget memory_budget_;
  const TcpEndpoint sink_;
  const std::function<void()> on_end_;
  std::unordered_map<std::uint64_t, std::shared_ptr<Connecting>> connecting_;
  std::unordered_map<std::uint64_t, std::weak_ptr<Proxy>> proxies_;
  std::uint64_t forwarded_bytes_ = 0;
  std::uint64_t failed_connections_ = 0;
  bool stopping_ = false;
};

}  // namespace stream_harness
