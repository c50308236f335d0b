#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "bytes_handoff/observing/duration_histogram.hpp"
#include "contenders/proxy.hpp"
#include "workload/sink.hpp"

namespace stream_harness {

/// What one worker's connections have come to. Used by the worker's thread until that has ended;
/// only `ended_connections` may be read by others before.
struct Account {
  std::atomic<std::uint64_t> ended_connections{0};
  std::uint64_t failed_connections = 0;
  std::uint64_t forwarded_bytes = 0;
  bytes_handoff::DurationHistogram latency;
};

/// Follows one connection's three parts. Each part ends exactly once, whether it was started or
/// not; after the last, the connection is entered into the account and `on_end` is called. The
/// first error of a connection is logged; the others follow from it.
class ConnectionParts {
 public:
  ConnectionParts(std::uint64_t index, Account& account, std::function<void()> on_end);

  [[nodiscard]] std::uint64_t index() const noexcept { return index_; }

  /// From here the connection's time counts.
  void begin_latency() noexcept { began_at_ = std::chrono::steady_clock::now(); }

  void client_ended(std::string_view error);
  void proxy_ended(const ProxyResult& result);
  void sink_ended(const SinkResult& result);

  /// A part that will not be started, since another one has failed.
  void part_skipped() { part_ended({}, {}); }

 private:
  void part_ended(std::string_view part, std::string_view error);
  void enter_into_account();

  std::uint64_t index_;
  Account& account_;
  std::function<void()> on_end_;
  std::chrono::steady_clock::time_point began_at_;
  std::chrono::steady_clock::time_point last_byte_at_;
  std::uint64_t forwarded_bytes_ = 0;
  int open_parts_ = 3;
  bool failed_ = false;
};

}  // namespace stream_harness
