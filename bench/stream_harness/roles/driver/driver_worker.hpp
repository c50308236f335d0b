#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "command_line/options.hpp"
#include "roles/driver/driver_ledger.hpp"
#include "roles/integrated/wave_worker.hpp"
#include "transports/streams.hpp"
#include "transports/tcp_endpoint.hpp"

namespace stream_harness {

/// One worker's clients and sinks of a driver. Used on the worker's thread.
class DriverWorker {
 public:
  /// `on_no_service` is called with one line when a client cannot connect and none ever could.
  /// `options` and `ledger` must outlive the worker.
  DriverWorker(net::io_context& context, const Options& options, WorkerShare share,
               DriverLedger& ledger, std::function<void(std::string)> on_no_service);

  /// Starts its share of a wave's clients, a limited number at the same time until connected.
  void start_wave(NumberRange wave);

  /// Starts no client any more.
  void stop_starting();

  /// Takes a connection to the sinks that was accepted.
  void start_sink(TcpStream socket, const DriverLedger::SinkEntry& entry);

 private:
  void connect_clients();
  void connect_client(std::uint64_t connection);
  void connected(std::uint64_t connection, TcpStream& socket, PayloadCursor payload,
                 net_error_code error);

  net::io_context& context_;
  const Options& options_;
  const TcpEndpoint service_;
  WorkerShare share_;
  DriverLedger& ledger_;
  const std::function<void(std::string)> on_no_service_;
  std::shared_ptr<std::byte[]> sink_buffer_;
  NumberRange wave_;
  std::uint64_t next_ = 0;  // of the wave
  std::uint64_t connecting_ = 0;
  bool starts_no_more_ = false;
};

}  // namespace stream_harness
