#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bytes_handoff/observing/duration_histogram.hpp"
#include "roles/driver/connection_finder.hpp"
#include "transports/tcp_endpoint.hpp"
#include "workload/sink.hpp"

namespace stream_harness {

/// What a driver knows of the connections of its waves: whose client and whose sink has ended, and
/// how. A connection has failed when either has, or when nothing came to its sink; it is counted,
/// and logged, once. All members on any threads.
///
/// Connections are numbered on over the waves. The next wave may begin when all clients of the last
/// one have sent, though their sinks have not received yet; so several waves may run. A sink
/// belongs to none until its bytes have told. One that tells nothing is a stranger: nobody waits
/// for it.
class DriverLedger {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  struct Totals {
    std::uint64_t waves = 0;    ///< that have begun
    std::uint64_t streams = 0;  ///< connections that were started
    std::uint64_t failed = 0;
    std::uint64_t ended = 0;
    std::uint64_t received_bytes = 0;          ///< by sinks that belong to a connection
    bytes_handoff::DurationHistogram latency;  ///< of the connections that ended in order
  };

  /// A sink that was accepted.
  struct SinkEntry {
    std::uint64_t id = 0;
    TimePoint accepted_at;
    std::optional<std::uint64_t> connection;  ///< none until it has been claimed
  };

  /// Called by whatever thread brought it about, without a lock.
  struct Hooks {
    /// The next wave may begin. Answered once, by `begin_wave` or `end_waves`.
    std::function<void()> wave_due;
    /// All waves are over. Called once.
    std::function<void()> over;
  };

  /// No more than `most_waves` run at a time.
  DriverLedger(std::uint64_t connections_per_wave, std::size_t most_waves, Hooks hooks)
      : size_(connections_per_wave), most_waves_(most_waves), hooks_(std::move(hooks)) {}

  /// Begins a wave, the first or one that is due. Its numbers; none where the waves have been ended
  /// meanwhile.
  NumberRange begin_wave();
  /// No wave begins any more.
  void end_waves();

  void started();
  void connected();
  /// Whether any client has ever been connected.
  [[nodiscard]] bool has_connected() const;
  /// All that the client has to write is written, and delivered later.
  void client_sent(std::uint64_t connection);
  void client_ended(std::uint64_t connection, std::string_view error);
  /// It will not be started; that is no failure.
  void skipped(std::uint64_t connection);

  [[nodiscard]] SinkEntry sink_accepted(const TcpEndpoint& peer = {});
  /// The connection of the waves that run that is called so and has no sink yet becomes the sink's.
  [[nodiscard]] bytes_handoff::expected<Claim, std::string> claim(SinkEntry& sink,
                                                                  const TenantNumber& tenant);
  void sink_ended(const SinkEntry& sink, const SinkResult& result);

  /// Ends the waves that run when every client has ended, no sink that belongs to one is open, and
  /// nothing has happened for `timeout`: what has not come to a sink until then has failed.
  void give_up_if_idle(TimePoint now, std::chrono::milliseconds timeout);

  /// Ends all waves: what has not ended has failed for this reason.
  void give_up(std::string_view reason);

  /// When the last client, or sink that belongs to one, sent or ended.
  [[nodiscard]] TimePoint last_event() const;
  /// Who has connected to the sinks, is still there, and has not told what connection it is.
  [[nodiscard]] std::vector<TcpEndpoint> strangers() const;
  [[nodiscard]] Totals totals() const;
  [[nodiscard]] std::uint64_t ended_connections() const;

 private:
  struct Entry {
    std::chrono::nanoseconds latency{0};
    bool client_sent = false;  // or never will
    bool client_ended = false;
    bool sink_claimed = false;
    bool sink_ended = false;
    bool failed = false;
    bool settled = false;  // entered into the totals
  };

  struct Wave {
    NumberRange numbers;
    std::vector<Entry> entries;
    std::uint64_t unsent = 0;
    std::uint64_t open_clients = 0;
    std::uint64_t settled = 0;
    std::uint64_t in_order = 0;

    [[nodiscard]] bool is_over() const { return settled == numbers.count; }
    [[nodiscard]] Entry& entry(std::uint64_t connection) {
      return entries[static_cast<std::size_t>(connection - numbers.first)];
    }
  };

  // A sink that is open and has not told yet what connection it is.
  struct Unclaimed {
    TimePoint accepted_at;
    TcpEndpoint peer;
  };

  enum class Due : std::uint8_t { kNothing, kWave, kOver };

  [[nodiscard]] Wave* wave_of(std::uint64_t connection);  // null: its wave is over
  [[nodiscard]] NumberRange running_numbers() const;
  void note_sent(Wave& wave, Entry& entry);
  void note_failure(Entry& entry, std::uint64_t connection, std::string_view part,
                    std::string_view error);
  void settle_if_ended(Wave& wave, Entry& entry);
  void settle(Wave& wave, Entry& entry);
  void fail_the_rest(std::string_view reason);
  [[nodiscard]] bool is_idle(TimePoint now, std::chrono::milliseconds timeout) const;
  [[nodiscard]] bool is_over(bool waits_for_unclaimed) const;
  [[nodiscard]] Due next_due(bool waits_for_unclaimed = true);
  void announce(Due due) const;

  mutable std::mutex mutex_;
  const std::uint64_t size_;
  const std::size_t most_waves_;
  const Hooks hooks_;
  std::deque<Wave> waves_;  // that run, in order
  std::uint64_t next_connection_ = 0;
  std::map<std::uint64_t, Unclaimed> unclaimed_;  // by the sink's id
  std::uint64_t next_sink_ = 0;
  std::uint64_t open_claimed_ = 0;
  std::uint64_t without_sink_ = 0;  // connections that failed so; their sinks may come yet
  bool awaits_wave_ = true;         // a wave is due, or is the first, and has not begun
  bool waves_ended_ = false;
  bool over_ = false;
  bool has_connected_ = false;
  TimePoint last_event_;
  Totals totals_;
};

}  // namespace stream_harness
