#include <utility>
#include <vector>

#include "contenders/start_proxy.hpp"
#include "roles/integrated/wave_worker.hpp"
#include "transports/cached_streams.hpp"

namespace stream_harness {
namespace {

// A connection that is ready to run.
struct CachedConnection {
  std::shared_ptr<Connection> parts;
  CachedSource source;
  CountingSink sink;
};

class CachedWorker final : public WaveWorker {
 public:
  CachedWorker(const Options& options, WorkerShare share)
      : options_(options),
        share_(share),
        payload_(std::make_shared<CachedPayload>(payload_shape(options))) {}

  bytes_handoff::expected<void, std::string> run_wave() override {
    std::vector<CachedConnection> wave;
    for (auto c = share_.first; c < options_.connections; c += share_.stride) {
      wave.push_back(make_connection(c));
    }
    for (CachedConnection& connection : wave) start(connection);
    context_.run();
    context_.restart();
    return {};
  }

  const Account& account() const noexcept override { return account_; }

 private:
  // All have the payload of connection 0.
  CachedConnection make_connection(std::uint64_t index) {
    const auto executor = context_.get_executor();
    auto parts = std::make_shared<Connection>(index, account_, nullptr);
    CountingSink sink(executor, sink_config(options_, 0, nullptr),
                      [parts](const SinkResult& result) { parts->sink_ended(result); });
    return {std::move(parts), CachedSource(executor, payload_, options_.input_fragment),
            std::move(sink)};
  }

  void start(CachedConnection& connection) {
    auto& parts = connection.parts;
    parts->begin_latency();
    parts->part_skipped();  // there is no client
    start_proxy(options_.implementation, std::move(connection.source), std::move(connection.sink),
                proxy_config(options_),
                [parts](const ProxyResult& result) { parts->proxy_ended(result); });
  }

  const Options& options_;
  WorkerShare share_;
  std::shared_ptr<const CachedPayload> payload_;
  Account account_;
  net::io_context context_{1};
};

}  // namespace

MadeWorker make_cached_worker(const Options& options, WorkerShare share) {
  return std::make_unique<CachedWorker>(options, share);
}

}  // namespace stream_harness
