#include "roles/integrated/wave_worker.hpp"

#include "workload/payload_verifier.hpp"

namespace stream_harness {

SinkConfig WaveWorker::sink_config(std::uint64_t connection) const {
  SinkConfig config;
  config.expected_bytes = options_.bytes_per_connection();
  if (options_.verify) {
    config.inspector = std::make_unique<PayloadVerifier>(options_.payload_shape(), connection);
  }
  return config;
}

}  // namespace stream_harness
