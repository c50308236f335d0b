#include "roles/driver/driver_ledger.hpp"

#include <algorithm>
#include <utility>

#include "report/error_log.hpp"

namespace stream_harness {
namespace {

using bytes_handoff::expected;
using bytes_handoff::unexpected;
using std::chrono::steady_clock;

}  // namespace

NumberRange DriverLedger::begin_wave() {
  NumberRange numbers;
  Due due = Due::kNothing;
  {
    const std::lock_guard lock(mutex_);
    awaits_wave_ = false;
    if (waves_ended_) {
      due = next_due();
    } else {
      numbers = {std::exchange(next_connection_, next_connection_ + size_), size_};
      waves_.push_back(
          {numbers, std::vector<Entry>(static_cast<std::size_t>(size_)), size_, size_});
      ++totals_.waves;
      last_event_ = steady_clock::now();
    }
  }
  announce(due);
  return numbers;
}

void DriverLedger::end_waves() {
  Due due;
  {
    const std::lock_guard lock(mutex_);
    awaits_wave_ = false;
    waves_ended_ = true;
    due = next_due();
  }
  announce(due);
}

void DriverLedger::started() {
  const std::lock_guard lock(mutex_);
  ++totals_.streams;
}

void DriverLedger::connected() {
  const std::lock_guard lock(mutex_);
  has_connected_ = true;
}

bool DriverLedger::has_connected() const {
  const std::lock_guard lock(mutex_);
  return has_connected_;
}

void DriverLedger::client_sent(std::uint64_t connection) {
  Due due;
  {
    const std::lock_guard lock(mutex_);
    Wave* const wave = wave_of(connection);
    if (wave == nullptr) return;
    last_event_ = steady_clock::now();
    note_sent(*wave, wave->entry(connection));
    due = next_due();
  }
  announce(due);
}

void DriverLedger::client_ended(std::uint64_t connection, std::string_view error) {
  Due due;
  {
    const std::lock_guard lock(mutex_);
    Wave* const wave = wave_of(connection);
    if (wave == nullptr) return;
    Entry& mine = wave->entry(connection);
    last_event_ = steady_clock::now();
    --wave->open_clients;
    note_sent(*wave, mine);
    if (!error.empty()) note_failure(mine, connection, "client: ", error);
    mine.client_ended = true;
    settle_if_ended(*wave, mine);
    due = next_due();
  }
  announce(due);
}

void DriverLedger::skipped(std::uint64_t connection) {
  Due due;
  {
    const std::lock_guard lock(mutex_);
    Wave* const wave = wave_of(connection);
    if (wave == nullptr) return;
    --wave->open_clients;
    note_sent(*wave, wave->entry(connection));
    wave->entry(connection).settled = true;
    ++wave->settled;
    due = next_due();
  }
  announce(due);
}

DriverLedger::SinkEntry DriverLedger::sink_accepted(const TcpEndpoint& peer) {
  const std::lock_guard lock(mutex_);
  const SinkEntry sink{next_sink_++, steady_clock::now(), std::nullopt};
  unclaimed_.emplace(sink.id, Unclaimed{sink.accepted_at, peer});
  return sink;
}

expected<Claim, std::string> DriverLedger::claim(SinkEntry& sink, const TenantNumber& tenant) {
  const std::lock_guard lock(mutex_);
  auto ranges = connections_named(tenant, running_numbers());
  for (const NumberRange& range : ranges) {
    for (std::uint64_t i = 0; i < range.count; ++i) {
      const std::uint64_t connection = range.first + i;
      if (std::exchange(wave_of(connection)->entry(connection).sink_claimed, true)) continue;
      sink.connection = connection;
      unclaimed_.erase(sink.id);
      ++open_claimed_;
      last_event_ = steady_clock::now();
      const bool certain = ranges.size() == 1 && range.count == 1;
      return Claim{connection, certain ? std::vector<NumberRange>() : std::move(ranges)};
    }
  }
  return unexpected<std::string>("tenant " + tenant.digits +
                                 " is no connection of this wave without a sink");
}

void DriverLedger::sink_ended(const SinkEntry& sink, const SinkResult& result) {
  Due due;
  {
    const std::lock_guard lock(mutex_);
    if (!sink.connection) {
      unclaimed_.erase(sink.id);
      if (!result.error.empty()) log_error("a connection to the sinks: " + result.error);
    } else {
      last_event_ = steady_clock::now();
      --open_claimed_;
      totals_.received_bytes += result.received_bytes;
      if (Wave* const wave = wave_of(*sink.connection)) {
        Entry& mine = wave->entry(*sink.connection);
        mine.sink_ended = true;
        mine.latency = result.last_byte_at - sink.accepted_at;
        if (!result.error.empty()) note_failure(mine, *sink.connection, "sink: ", result.error);
        settle_if_ended(*wave, mine);
      }
    }
    due = next_due();
  }
  announce(due);
}

DriverLedger::Wave* DriverLedger::wave_of(std::uint64_t connection) {
  const auto found = std::find_if(waves_.begin(), waves_.end(), [connection](const Wave& wave) {
    return wave.numbers.contains(connection);
  });
  return found == waves_.end() ? nullptr : &*found;
}

// One wave follows the other.
NumberRange DriverLedger::running_numbers() const {
  if (waves_.empty()) return {};
  const std::uint64_t first = waves_.front().numbers.first;
  return {first, next_connection_ - first};
}

void DriverLedger::note_sent(Wave& wave, Entry& entry) {
  if (!std::exchange(entry.client_sent, true)) --wave.unsent;
}

void DriverLedger::note_failure(Entry& entry, std::uint64_t connection, std::string_view part,
                                std::string_view error) {
  if (entry.settled || std::exchange(entry.failed, true)) return;
  log_error("connection " + std::to_string(connection) + ": " + std::string(part) +
            std::string(error));
}

// A connection whose client has failed may never come to a sink.
void DriverLedger::settle_if_ended(Wave& wave, Entry& entry) {
  if (!entry.client_ended || entry.settled) return;
  if (entry.sink_ended || (entry.failed && !entry.sink_claimed)) settle(wave, entry);
}

void DriverLedger::settle(Wave& wave, Entry& entry) {
  entry.settled = true;
  ++wave.settled;
  ++totals_.ended;
  if (entry.failed) {
    ++totals_.failed;
    if (!entry.sink_claimed) ++without_sink_;
  } else {
    ++wave.in_order;
    totals_.latency.record(entry.latency);
  }
}

// A wave in which nothing ended in order is the last.
DriverLedger::Due DriverLedger::next_due(bool waits_for_unclaimed) {
  while (!waves_.empty() && waves_.front().is_over()) {
    if (waves_.front().in_order == 0) waves_ended_ = true;
    waves_.pop_front();
  }
  if (awaits_wave_) return Due::kNothing;
  const bool all_sent = waves_.empty() || waves_.back().unsent == 0;
  if (!waves_ended_ && all_sent && waves_.size() < most_waves_) {
    awaits_wave_ = true;
    return Due::kWave;
  }
  if (!is_over(waits_for_unclaimed)) return Due::kNothing;
  over_ = true;
  return Due::kOver;
}

// A sink that has not told yet what it is may be that of a connection that failed early, and is
// waited for; where each connection has had its sink it is a stranger's.
bool DriverLedger::is_over(bool waits_for_unclaimed) const {
  if (over_ || !waves_ended_ || !waves_.empty()) return false;
  return !waits_for_unclaimed || unclaimed_.empty() || without_sink_ == 0;
}

void DriverLedger::announce(Due due) const {
  if (due == Due::kWave) hooks_.wave_due();
  if (due == Due::kOver) hooks_.over();
}

// A connection to the sinks is something that happens until it has had its time to tell what it is.
bool DriverLedger::is_idle(TimePoint now, std::chrono::milliseconds timeout) const {
  if (open_claimed_ != 0 || now - last_event_ < timeout) return false;
  return std::all_of(waves_.begin(), waves_.end(),
                     [](const Wave& wave) { return wave.open_clients == 0; }) &&
         std::all_of(unclaimed_.begin(), unclaimed_.end(),
                     [&](const auto& sink) { return now - sink.second.accepted_at >= timeout; });
}

void DriverLedger::give_up_if_idle(TimePoint now, std::chrono::milliseconds timeout) {
  Due due;
  {
    const std::lock_guard lock(mutex_);
    if (awaits_wave_ || !is_idle(now, timeout)) return;
    fail_the_rest("nothing came to its sink");
    due = next_due(false);
  }
  announce(due);
}

void DriverLedger::give_up(std::string_view reason) {
  Due due;
  {
    const std::lock_guard lock(mutex_);
    waves_ended_ = true;
    fail_the_rest(reason);
    without_sink_ = 0;
    due = next_due();
  }
  announce(due);
}

void DriverLedger::fail_the_rest(std::string_view reason) {
  for (Wave& wave : waves_) {
    for (std::uint64_t i = 0; i < wave.numbers.count; ++i) {
      Entry& left = wave.entries[static_cast<std::size_t>(i)];
      if (left.settled) continue;
      note_failure(left, wave.numbers.first + i, "", reason);
      settle(wave, left);
    }
  }
}

DriverLedger::TimePoint DriverLedger::last_event() const {
  const std::lock_guard lock(mutex_);
  return last_event_;
}

std::vector<TcpEndpoint> DriverLedger::strangers() const {
  const std::lock_guard lock(mutex_);
  std::vector<TcpEndpoint> peers;
  for (const auto& [id, sink] : unclaimed_) peers.push_back(sink.peer);
  return peers;
}

DriverLedger::Totals DriverLedger::totals() const {
  const std::lock_guard lock(mutex_);
  return totals_;
}

std::uint64_t DriverLedger::ended_connections() const {
  const std::lock_guard lock(mutex_);
  return totals_.ended;
}

}  // namespace stream_harness
