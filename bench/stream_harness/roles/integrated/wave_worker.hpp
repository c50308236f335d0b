#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "bytes_handoff/expected.hpp"
#include "command_line/options.hpp"
#include "roles/integrated/connection_parts.hpp"
#include "roles/process/wave_share.hpp"

namespace stream_harness {

/// Runs its share of every wave: the clients, proxies and sinks of its connections, on one
/// io_context of its own. Used from one thread at a time.
class WaveWorker {
 public:
  virtual ~WaveWorker() = default;
  WaveWorker(const WaveWorker&) = delete;
  WaveWorker& operator=(const WaveWorker&) = delete;

  /// Runs its part of one wave to the end: every connection has ended, in order or not. The error
  /// is one of the environment, after which no further wave can run.
  [[nodiscard]] virtual bytes_handoff::expected<void, std::string> run_wave() = 0;

  [[nodiscard]] const Account& account() const noexcept { return account_; }

 protected:
  WaveWorker(const Options& options, WorkerShare share) : options_(options), share_(share) {}

  /// The next wave begins; all have the same numbers.
  void begin_wave() noexcept { share_.begin_wave({0, options_.connections}); }

  /// Of the sink that is to get this connection's payload.
  [[nodiscard]] SinkConfig sink_config(std::uint64_t connection) const;

  const Options& options_;
  WaveShare share_;
  Account account_;
  net::io_context context_{1};
};

using WorkerOrError = bytes_handoff::expected<std::unique_ptr<WaveWorker>, std::string>;

/// `options` must outlive the worker.
[[nodiscard]] WorkerOrError make_duplex_worker(const Options& options, WorkerShare share);
[[nodiscard]] WorkerOrError make_cached_worker(const Options& options, WorkerShare share);
[[nodiscard]] WorkerOrError make_tcp_worker(const Options& options, WorkerShare share);

}  // namespace stream_harness
