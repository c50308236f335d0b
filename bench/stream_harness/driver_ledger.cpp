#include "driver_ledger.hpp"

#include <algorithm>
#include <utility>

#include "error_log.hpp"

namespace stream_harness {
namespace {

using bytes_handoff::expected;
using bytes_handoff::unexpected;
using std::chrono::steady_clock;

std::uint64_t micros_between(steady_clock::time_point begin, steady_clock::time_point end) {
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(end - begin);
  return static_cast<std::uint64_t>(std::max<std::int64_t>(micros.count(), 0));
}

}  // namespace

NumberRange DriverLedger::begin_wave() {
  const std::lock_guard lock(mutex_);
  wave_ = {wave_.first + wave_.count, size_};
  entries_.assign(static_cast<std::size_t>(size_), Entry());
  open_clients_ = size_;
  settled_ = in_order_ = 0;
  over_ = false;
  last_event_ = steady_clock::now();
  return wave_;
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

void DriverLedger::client_ended(std::uint64_t connection, std::string_view error) {
  {
    const std::lock_guard lock(mutex_);
    if (over_) return;
    last_event_ = steady_clock::now();
    --open_clients_;
    if (!error.empty()) note_failure(connection, "client: ", error);
    entry(connection).client_ended = true;
    settle_if_ended(entry(connection));
    if (!is_just_over()) return;
  }
  on_wave_over_();
}

void DriverLedger::skipped(std::uint64_t connection) {
  {
    const std::lock_guard lock(mutex_);
    if (over_) return;
    --open_clients_;
    entry(connection).settled = true;
    ++settled_;
    if (!is_just_over()) return;
  }
  on_wave_over_();
}

DriverLedger::SinkEntry DriverLedger::sink_accepted() {
  const std::lock_guard lock(mutex_);
  last_event_ = steady_clock::now();
  ++open_sinks_;
  return {last_event_, std::nullopt};
}

expected<Claim, std::string> DriverLedger::claim(SinkEntry& sink, const TenantNumber& tenant) {
  const std::lock_guard lock(mutex_);
  auto ranges = connections_called(tenant, wave_);
  for (const NumberRange& range : ranges) {
    for (std::uint64_t i = 0; i < range.count; ++i) {
      if (std::exchange(entry(range.first + i).sink_claimed, true)) continue;
      sink.connection = range.first + i;
      const bool certain = ranges.size() == 1 && range.count == 1;
      return Claim{*sink.connection, certain ? std::vector<NumberRange>() : std::move(ranges)};
    }
  }
  return unexpected<std::string>("tenant " + tenant.digits +
                                 " is no connection of this wave without a sink");
}

void DriverLedger::sink_ended(const SinkEntry& sink, const SinkResult& result) {
  {
    const std::lock_guard lock(mutex_);
    last_event_ = steady_clock::now();
    --open_sinks_;
    totals_.received_bytes += result.received_bytes;
    if (!sink.connection) {
      if (!result.error.empty()) log_error("a connection to the sinks: " + result.error);
    } else if (!over_) {
      Entry& mine = entry(*sink.connection);
      mine.sink_ended = true;
      mine.latency_micros = micros_between(sink.accepted_at, result.last_byte_at);
      if (!result.error.empty()) note_failure(*sink.connection, "sink: ", result.error);
      settle_if_ended(mine);
    }
    if (!is_just_over()) return;
  }
  on_wave_over_();
}

void DriverLedger::note_failure(std::uint64_t connection, std::string_view part,
                                std::string_view error) {
  Entry& failed = entry(connection);
  if (failed.settled || std::exchange(failed.failed, true)) return;
  log_error("connection " + std::to_string(connection) + ": " + std::string(part) +
            std::string(error));
}

// A connection whose client has failed may never come to a sink.
void DriverLedger::settle_if_ended(Entry& entry) {
  if (!entry.client_ended || entry.settled) return;
  if (entry.sink_ended || (entry.failed && !entry.sink_claimed)) settle(entry);
}

void DriverLedger::settle(Entry& entry) {
  entry.settled = true;
  ++settled_;
  ++totals_.ended;
  if (entry.failed) {
    ++totals_.failed;
  } else {
    ++in_order_;
    totals_.latency_micros.record(entry.latency_micros);
  }
}

bool DriverLedger::is_just_over() {
  if (over_ || settled_ < size_ || open_sinks_ != 0) return false;
  over_ = true;
  return true;
}

void DriverLedger::give_up_if_idle(TimePoint now, std::chrono::milliseconds timeout) {
  {
    const std::lock_guard lock(mutex_);
    if (over_ || open_clients_ != 0 || open_sinks_ != 0 || now - last_event_ < timeout) return;
    fail_the_rest("nothing came to its sink");
  }
  on_wave_over_();
}

void DriverLedger::give_up(std::string_view reason) {
  {
    const std::lock_guard lock(mutex_);
    if (over_) return;
    fail_the_rest(reason);
  }
  on_wave_over_();
}

void DriverLedger::fail_the_rest(std::string_view reason) {
  over_ = true;
  for (std::uint64_t i = 0; i < size_; ++i) {
    Entry& left = entries_[static_cast<std::size_t>(i)];
    if (left.settled) continue;
    note_failure(wave_.first + i, "", reason);
    settle(left);
  }
}

DriverLedger::TimePoint DriverLedger::last_event() const {
  const std::lock_guard lock(mutex_);
  return last_event_;
}

bool DriverLedger::wave_failed() const {
  const std::lock_guard lock(mutex_);
  return in_order_ == 0;
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
