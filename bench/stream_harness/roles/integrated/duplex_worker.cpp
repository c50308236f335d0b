#include <memory>
#include <string>
#include <utility>

#include "contenders/start_proxy.hpp"
#include "roles/integrated/in_memory_worker.hpp"
#include "transports/streams.hpp"
#include "workload/client.hpp"
#include "workload/sink.hpp"

namespace stream_harness {
namespace {

struct DuplexConnection {
  std::shared_ptr<ConnectionParts> parts;
  std::shared_ptr<Client<DuplexStream>> client;
  std::shared_ptr<Sink<DuplexStream>> sink;
  DuplexStream proxy_in;
  DuplexStream proxy_out;
};

class DuplexWorker final : public InMemoryWorker<DuplexConnection> {
 public:
  DuplexWorker(const Options& options, WorkerShare share) : InMemoryWorker(options, share) {}

 private:
  DuplexConnection make_connection(std::uint64_t index) override {
    const auto executor = context_.get_executor();
    auto [client_end, proxy_in] = bytes_handoff::make_duplex(executor, options_.duplex_capacity);
    auto [proxy_out, sink_end] = bytes_handoff::make_duplex(executor, options_.duplex_capacity);
    auto parts = std::make_shared<ConnectionParts>(index, account_, nullptr);
    auto client = std::make_shared<Client<DuplexStream>>(
        std::move(client_end),
        PayloadCursor(options_.payload_shape(), index, options_.input_fragment),
        options_.input_fragment, [parts](const std::string& error) { parts->client_ended(error); });
    auto sink = std::make_shared<Sink<DuplexStream>>(
        std::move(sink_end), sink_config(index),
        [parts](const SinkResult& result) { parts->sink_ended(result); });
    return {std::move(parts), std::move(client), std::move(sink), std::move(proxy_in),
            std::move(proxy_out)};
  }

  void start(DuplexConnection& connection) override {
    auto& parts = connection.parts;
    parts->begin_latency();
    connection.sink->start();
    start_proxy(options_.implementation, std::move(connection.proxy_in),
                std::move(connection.proxy_out), proxy_config(options_),
                [parts](const ProxyResult& result) { parts->proxy_ended(result); });
    connection.client->start();
  }
};

}  // namespace

WorkerOrError make_duplex_worker(const Options& options, WorkerShare share) {
  return std::make_unique<DuplexWorker>(options, share);
}

}  // namespace stream_harness
