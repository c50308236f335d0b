#include "roles/integrated/wave_worker.hpp"

#include <algorithm>

#include "workload/payload_verifier.hpp"

namespace stream_harness {

std::size_t wave_workers(const Options& options) {
  return static_cast<std::size_t>(
      std::min<std::uint64_t>(options.worker_threads, options.connections));
}

ProxyConfig proxy_config(const Options& options) {
  return {options.read_reserve, options.write_pending_bytes, options.frame_len,
          options.completion,   options.read_block,          options.gather_for};
}

PayloadShape payload_shape(const Options& options) {
  return {options.route_frames, options.frame_len, options.tunnel_bytes};
}

SinkConfig sink_config(const Options& options, std::uint64_t connection,
                       const std::shared_ptr<std::byte[]>& shared_buffer) {
  SinkConfig config;
  config.expected_bytes = options.bytes_per_connection();
  config.shared_buffer = shared_buffer;
  if (options.verify) {
    config.inspector = std::make_unique<PayloadVerifier>(payload_shape(options), connection);
  }
  return config;
}

}  // namespace stream_harness
