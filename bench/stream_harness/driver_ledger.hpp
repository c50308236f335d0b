#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "latency_histogram.hpp"
#include "sink.hpp"
#include "wave_inspector.hpp"

namespace stream_harness {

/// What a driver knows of the connections of its waves: whose client and whose sink has ended, and
/// how. A connection has failed when either has, or when nothing came to its sink; it is counted,
/// and logged, once. All members on any threads.
///
/// Connections are numbered on over the waves. A sink belongs to none until its bytes have told.
class DriverLedger {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  struct Totals {
    std::uint64_t streams = 0;  ///< connections that were started
    std::uint64_t failed = 0;
    std::uint64_t ended = 0;
    std::uint64_t received_bytes = 0;
    LatencyHistogram latency_micros;  ///< of the connections that ended in order
  };

  /// A sink that was accepted.
  struct SinkEntry {
    TimePoint accepted_at;
    std::optional<std::uint64_t> connection;  ///< none until it has been claimed
  };

  /// `on_wave_over` is called after each wave, by whatever thread ended it.
  DriverLedger(std::uint64_t connections_per_wave, std::function<void()> on_wave_over)
      : wave_{0, 0}, size_(connections_per_wave), on_wave_over_(std::move(on_wave_over)) {}

  /// Begins the next wave, and returns its numbers. Only before the first and in `on_wave_over`.
  NumberRange begin_wave();

  void started();
  void connected();
  /// Whether any client has ever been connected.
  [[nodiscard]] bool has_connected() const;
  void client_ended(std::uint64_t connection, std::string_view error);
  /// It will not be started; that is no failure.
  void skipped(std::uint64_t connection);

  [[nodiscard]] SinkEntry sink_accepted();
  /// The connection of this wave that is called so and has no sink yet becomes the sink's.
  [[nodiscard]] bytes_handoff::expected<Claim, std::string> claim(SinkEntry& sink,
                                                                  const TenantNumber& tenant);
  void sink_ended(const SinkEntry& sink, const SinkResult& result);

  /// Ends the wave when every client has ended, no sink is open, and nothing has happened for
  /// `timeout`: what has not come to a sink until then has failed.
  void give_up_if_idle(TimePoint now, std::chrono::milliseconds timeout);

  /// Ends the wave, which must be the last: what has not ended has failed for this reason.
  void give_up(std::string_view reason);

  /// When the last client or sink came or ended.
  [[nodiscard]] TimePoint last_event() const;
  /// Whether no connection of this wave has ended in order.
  [[nodiscard]] bool wave_failed() const;
  [[nodiscard]] Totals totals() const;
  [[nodiscard]] std::uint64_t ended_connections() const;

 private:
  struct Entry {
    std::uint64_t latency_micros = 0;
    bool client_ended = false;
    bool sink_claimed = false;
    bool sink_ended = false;
    bool failed = false;
    bool settled = false;  // entered into the totals
  };

  [[nodiscard]] Entry& entry(std::uint64_t connection) {
    return entries_[static_cast<std::size_t>(connection - wave_.first)];
  }
  void note_failure(std::uint64_t connection, std::string_view part, std::string_view error);
  void settle_if_ended(Entry& entry);
  void settle(Entry& entry);
  [[nodiscard]] bool is_just_over();
  void fail_the_rest(std::string_view reason);

  mutable std::mutex mutex_;
  NumberRange wave_;
  const std::uint64_t size_;
  const std::function<void()> on_wave_over_;
  std::vector<Entry> entries_;
  std::uint64_t open_clients_ = 0;
  std::uint64_t open_sinks_ = 0;
  std::uint64_t settled_ = 0;
  std::uint64_t in_order_ = 0;
  bool over_ = true;
  bool has_connected_ = false;
  TimePoint last_event_;
  Totals totals_;
};

}  // namespace stream_harness
