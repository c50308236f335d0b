#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "bytes_handoff/expected.hpp"
#include "command_line/options.hpp"
#include "roles/integrated/connection.hpp"
#include "workload/workload.hpp"

namespace stream_harness {

/// Connections of a worker that are being set up at the same time: fewer than a listen queue holds,
/// so that no attempt is dropped and repeated a second later.
inline constexpr std::uint64_t kMaxConnecting = 64;

/// How many workers a run in waves has use for.
[[nodiscard]] std::size_t wave_workers(const Options& options);

/// Which connections of a wave are a worker's own: `first`, `first + stride`, ...
struct WorkerShare {
  std::uint64_t first = 0;
  std::uint64_t stride = 1;
};

/// Runs its share of every wave: the clients, proxies and sinks of its connections, on one
/// io_context of its own. Used from one thread at a time.
class WaveWorker {
 public:
  virtual ~WaveWorker() = default;

  /// Runs its part of one wave to the end: every connection has ended, in order or not. The error
  /// is one of the environment, after which no further wave can run.
  [[nodiscard]] virtual bytes_handoff::expected<void, std::string> run_wave() = 0;

  [[nodiscard]] virtual const Account& account() const noexcept = 0;
};

using MadeWorker = bytes_handoff::expected<std::unique_ptr<WaveWorker>, std::string>;

/// `options` must outlive the worker.
[[nodiscard]] MadeWorker make_duplex_worker(const Options& options, WorkerShare share);
[[nodiscard]] MadeWorker make_cached_worker(const Options& options, WorkerShare share);
[[nodiscard]] MadeWorker make_tcp_worker(const Options& options, WorkerShare share);

/// What the proxies and sinks of a run are given.
[[nodiscard]] ProxyConfig proxy_config(const Options& options);
[[nodiscard]] PayloadShape payload_shape(const Options& options);
[[nodiscard]] SinkConfig sink_config(const Options& options, std::uint64_t connection,
                                     const std::shared_ptr<std::byte[]>& shared_buffer);

}  // namespace stream_harness
