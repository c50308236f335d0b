#include "roles/driver/driver_worker.hpp"

#include <asio/post.hpp>
#include <utility>

#include "transports/stream_end.hpp"
#include "workload/client.hpp"
#include "workload/sink.hpp"

namespace stream_harness {

DriverWorker::DriverWorker(net::io_context& context, const Options& options, WorkerShare share,
                           DriverLedger& ledger, std::function<void(std::string)> on_no_service)
    : context_(context),
      options_(options),
      service_(to_endpoint(options.service_addr)),
      share_(share),
      ledger_(ledger),
      on_no_service_(std::move(on_no_service)),
      sink_buffer_(std::make_shared<std::byte[]>(kSinkReadBytes)) {}

void DriverWorker::start_wave(NumberRange wave) {
  wave_ = wave;
  next_ = share_.first;
  connect_clients();
}

void DriverWorker::stop_starting() {
  starts_no_more_ = true;
  connect_clients();
}

void DriverWorker::connect_clients() {
  while (next_ < wave_.count && (starts_no_more_ || connecting_ < kMaxConnecting)) {
    const std::uint64_t connection = wave_.first + std::exchange(next_, next_ + share_.stride);
    if (starts_no_more_) {
      ledger_.skipped(connection);
    } else {
      connect_client(connection);
    }
  }
}

void DriverWorker::connect_client(std::uint64_t connection) {
  ++connecting_;
  ledger_.started();
  // Rendered before the connection exists, so that it is no part of its time.
  auto payload =
      std::make_unique<PayloadCursor>(payload_shape(options_), connection, options_.input_fragment);
  auto socket = std::make_shared<TcpStream>(context_.get_executor());
  TcpStream& connecting = *socket;
  connecting.async_connect(
      service_, [this, connection, socket, payload = std::move(payload)](net_error_code error) {
        --connecting_;
        connected(connection, *socket, std::move(*payload), error);
        connect_clients();
      });
}

void DriverWorker::connected(std::uint64_t connection, TcpStream& socket, PayloadCursor payload,
                             net_error_code error) {
  if (!error) socket.set_option(net::ip::tcp::no_delay(true), error);
  if (error && !ledger_.has_connected()) {
    return on_no_service_(
        describe(("connect to the service at " + to_text(service_)).c_str(), error));
  }
  if (error) return ledger_.client_ended(connection, describe("connect", error));
  ledger_.connected();
  std::make_shared<Client<TcpStream>>(
      std::move(socket), std::move(payload), options_.input_fragment,
      [this, connection](const std::string& failure) { ledger_.client_ended(connection, failure); },
      [this, connection] { ledger_.client_sent(connection); })
      ->start();
}

void DriverWorker::start_sink(TcpStream socket, const DriverLedger::SinkEntry& accepted) {
  const auto entry = std::make_shared<DriverLedger::SinkEntry>(accepted);
  SinkConfig config;
  config.expected_bytes = options_.bytes_per_connection();
  config.shared_buffer = sink_buffer_;
  config.inspector = std::make_unique<WaveInspector>(
      payload_shape(options_), options_.verify,
      [this, entry](const TenantNumber& tenant) { return ledger_.claim(*entry, tenant); });
  std::make_shared<Sink<TcpStream>>(
      std::move(socket), std::move(config),
      [this, entry](const SinkResult& result) { ledger_.sink_ended(*entry, result); })
      ->start();
}

}  // namespace stream_harness
