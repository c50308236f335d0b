#include <utility>
#include <vector>

#include "contenders/start_proxy.hpp"
#include "roles/integrated/wave_worker.hpp"
#include "transports/streams.hpp"
#include "workload/client.hpp"
#include "workload/sink.hpp"

namespace stream_harness {
namespace {

// A connection that is ready to run.
struct DuplexConnection {
  std::shared_ptr<Connection> parts;
  std::shared_ptr<Client<DuplexStream>> client;
  std::shared_ptr<Sink<DuplexStream>> sink;
  DuplexStream proxy_in;
  DuplexStream proxy_out;
};

class DuplexWorker final : public WaveWorker {
 public:
  DuplexWorker(const Options& options, WorkerShare share)
      : options_(options),
        share_(share),
        sink_buffer_(std::make_shared<std::byte[]>(kSinkReadBytes)) {}

  bytes_handoff::expected<void, std::string> run_wave() override {
    std::vector<DuplexConnection> wave;
    for (auto c = share_.first; c < options_.connections; c += share_.stride) {
      wave.push_back(make_connection(c));
    }
    for (DuplexConnection& connection : wave) start(connection);
    context_.run();
    context_.restart();
    return {};
  }

  const Account& account() const noexcept override { return account_; }

 private:
  DuplexConnection make_connection(std::uint64_t index) {
    const auto executor = context_.get_executor();
    auto [client_end, proxy_in] = bytes_handoff::make_duplex(executor, options_.duplex_capacity);
    auto [proxy_out, sink_end] = bytes_handoff::make_duplex(executor, options_.duplex_capacity);
    auto parts = std::make_shared<Connection>(index, account_, nullptr);
    auto client = std::make_shared<Client<DuplexStream>>(
        std::move(client_end),
        PayloadCursor(payload_shape(options_), index, options_.input_fragment),
        options_.input_fragment, [parts](const std::string& error) { parts->client_ended(error); });
    auto sink = std::make_shared<Sink<DuplexStream>>(
        std::move(sink_end), sink_config(options_, index, sink_buffer_),
        [parts](const SinkResult& result) { parts->sink_ended(result); });
    return {std::move(parts), std::move(client), std::move(sink), std::move(proxy_in),
            std::move(proxy_out)};
  }

  void start(DuplexConnection& connection) {
    auto& parts = connection.parts;
    parts->begin_latency();
    connection.sink->start();
    start_proxy(options_.implementation, std::move(connection.proxy_in),
                std::move(connection.proxy_out), proxy_config(options_),
                [parts](const ProxyResult& result) { parts->proxy_ended(result); });
    connection.client->start();
  }

  const Options& options_;
  WorkerShare share_;
  std::shared_ptr<std::byte[]> sink_buffer_;
  Account account_;
  net::io_context context_{1};
};

}  // namespace

MadeWorker make_duplex_worker(const Options& options, WorkerShare share) {
  return std::make_unique<DuplexWorker>(options, share);
}

}  // namespace stream_harness
