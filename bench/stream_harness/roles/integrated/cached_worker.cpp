#include <memory>
#include <utility>

#include "contenders/start_proxy.hpp"
#include "roles/integrated/in_memory_worker.hpp"
#include "transports/cached_streams.hpp"

namespace stream_harness {
namespace {

struct CachedConnection {
  std::shared_ptr<ConnectionParts> parts;
  CachedSource source;
  CountingSink sink;
};

class CachedWorker final : public InMemoryWorker<CachedConnection> {
 public:
  CachedWorker(const Options& options, WorkerShare share)
      : InMemoryWorker(options, share),
        payload_(std::make_shared<CachedPayload>(options.payload_shape())) {}

 private:
  // All have the payload of connection 0.
  CachedConnection make_connection(std::uint64_t index) override {
    const auto executor = context_.get_executor();
    auto parts = std::make_shared<ConnectionParts>(index, account_, nullptr);
    CountingSink sink(executor, sink_config(0),
                      [parts](const SinkResult& result) { parts->sink_ended(result); });
    return {std::move(parts), CachedSource(executor, payload_, options_.input_fragment),
            std::move(sink)};
  }

  void start(CachedConnection& connection) override {
    auto& parts = connection.parts;
    parts->begin_latency();
    parts->part_skipped();  // there is no client
    start_proxy(options_.implementation, std::move(connection.source), std::move(connection.sink),
                proxy_config(options_),
                [parts](const ProxyResult& result) { parts->proxy_ended(result); });
  }

  std::shared_ptr<const CachedPayload> payload_;
};

}  // namespace

WorkerOrError make_cached_worker(const Options& options, WorkerShare share) {
  return std::make_unique<CachedWorker>(options, share);
}

}  // namespace stream_harness
