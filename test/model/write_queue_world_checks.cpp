#include <algorithm>
#include <map>

#include "bytes_handoff/core/support/later.hpp"
#include "model/write_queue_world.hpp"

namespace bytes_handoff::test {

void QueueWorld::compare(const std::optional<detail::Refusal>& real,
                         const std::optional<detail::Refusal>& expected) {
  expect(real && expected && real->reason == expected->reason &&
             real->attempted == expected->attempted && real->limit == expected->limit &&
             real->counts_items == expected->counts_items &&
             real->first_error == expected->first_error,
         "refused with something else");
}

// What the caller has of a refused submission: of a burst what was not admitted, the rest of a
// slice that was cut included.
std::string QueueWorld::take_back(WriteProbe& probe, const std::vector<std::string>& texts,
                                  const std::vector<const std::byte*>& places) {
  const std::size_t admitted = probe.owned.size() - probe.slices.size();
  std::vector<std::string> left;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const Bytes& slice = probe.owned[i];
    if (i < admitted) {
      expect(slice.empty(), "an admitted slice was not taken");
      continue;
    }
    const std::size_t cut = texts[i].size() - std::min(texts[i].size(), slice.size());
    expect(slice.view() == texts[i].substr(cut) && slice.data() == places[i] + cut,
           "refused bytes did not come back as they were");
    left.emplace_back(slice.view());
  }
  probe.owned.clear();
  std::erase_if(tickets_, [&](auto& entry) { return entry.of == &probe; });
  return QueueModel::text_of_slices(left);
}

void QueueWorld::mark_admitted(WriteProbe& probe, int id) {
  for (const Bytes& slice : probe.owned) {
    expect(slice.empty(), "an admitted slice was not taken");
  }
  probe.owned.clear();
  if (probe.asks_for == detail::AsksFor::kRoom) {
    expect(probe.room.bytes == probe.bytes &&
               probe.room.items == std::max<std::size_t>(probe.items, 1),
           "other room was granted than was asked for");
    permits_.push_back({id, probe.room});
  }
  for (TicketEntry& entry : tickets_) {
    if (entry.of == &probe) {
      entry.place = probe.write;
      entry.probe = std::make_unique<TicketProbe>(probe.write);
    }
  }
}

std::string QueueWorld::describe(const std::string& name) {
  const std::size_t index = std::stoul(name.substr(name.find(' ') + 1));
  const auto outcome = [](detail::ErrorValue error) {
    return error.value == 125 ? std::string("cancelled") : QueueModel::name(error);
  };
  if (name.starts_with("flush")) {
    return name + ": " + outcome(flushes_[index].error);
  }
  if (name.starts_with("closed")) {
    return name + ": " + outcome(closers_[index].error);
  }
  if (name.starts_with("unwritten")) {
    const bool is_cancelled = unwritten_[index].error.value == 125;
    return name + ": " + (is_cancelled ? "cancelled" : left_in(index));
  }
  WriteProbe& probe = writes_[index];
  const auto waited =
      std::find_if(waiting_texts_.begin(), waiting_texts_.end(),
                   [&](const auto& text) { return text.waiter == static_cast<int>(index); });
  if (!probe.refusal) {
    mark_admitted(probe, static_cast<int>(index));
    waiting_texts_.erase(waited);
    return name + ": admitted";
  }
  const std::string left = take_back(probe, waited->texts, waited->places);
  waiting_texts_.erase(waited);
  return name + ": " +
         (probe.refusal->reason == WriteRefusalReason::cancelled
              ? "cancelled"
              : "closed, " + QueueModel::name(probe.refusal->first_error)) +
         left;
}

void QueueWorld::check_resumed() {
  if (log_.empty() && model_.events.empty()) {
    return;
  }
  std::vector<std::string> seen;
  for (const std::string& name : std::exchange(log_, {})) {
    seen.push_back(describe(name));
  }
  std::vector<std::string> expected;
  for (const std::string& event : model_.events) {
    if (!event.starts_with("ticket")) {
      expected.push_back(event);
    }
  }
  // Each kind has its own order.
  const auto by_kind = [](const std::string& x, const std::string& y) { return x[0] < y[0]; };
  std::stable_sort(seen.begin(), seen.end(), by_kind);
  std::stable_sort(expected.begin(), expected.end(), by_kind);
  if (seen != expected) {
    std::string what = "resumed:";
    for (const std::string& event : seen) {
      what += " [" + event + "]";
    }
    what += " expected:";
    for (const std::string& event : expected) {
      what += " [" + event + "]";
    }
    expect(false, what.c_str());
  }
}

void QueueWorld::check_tickets() {
  std::map<int, std::string> done;
  for (const std::string& event : model_.events) {
    if (event.starts_with("ticket")) {
      const std::size_t colon = event.find(':');
      const bool is_new = done.emplace(std::stoi(event.substr(7)), event.substr(colon + 2)).second;
      expect(is_new, "the model finished a ticket twice");
    }
  }
  for (auto at = tickets_.begin(); at != tickets_.end();) {
    const auto found = done.find(at->id);
    if (found == done.end()) {
      expect(at->probe == nullptr || !queue_.result(at->place), "a ticket is done too early");
      expect(at->probe == nullptr || at->probe->resumed == 0, "its waiter was resumed early");
      ++at;
    } else {
      check_ticket(*at, found->second);
      at = tickets_.erase(at);
    }
  }
}

// A write that is done: who waited was told, and who asks is.
void QueueWorld::check_ticket(TicketEntry& entry, const std::string& expected) {
  if (entry.probe == nullptr) {
    expect(false, "done before it was admitted");
    return;
  }
  expect(!entry.probe->linked, "a ticket's waiter was left behind");
  if (entry.probe->resumed != 0) {
    expect(entry.probe->resumed == 1, "a ticket's waiter was resumed twice");
    expect_outcome(entry.probe->result, expected);
    check_times(*entry.probe, expected.starts_with("done"), true);
  }
  TicketProbe late(entry.place);
  expect(queue_.wait_written(late) == Queue::TicketWait::kDone, "a wait for a done write");
  expect_outcome(late.result, expected);
  check_times(late, expected.starts_with("done"), false);
  if (done_.size() == kMostDone) {
    done_.erase(done_.begin() + entry.id % static_cast<int>(kMostDone));
  }
  done_.emplace_back(entry.place, expected);
}

// Whatever has become of the queue since then.
void QueueWorld::check_done_tickets() {
  for (const auto& [place, expected] : done_) {
    const auto result = queue_.result(place);
    expect(result.has_value(), "a result went away");
    expect_outcome(result.value_or(detail::WriteResult()), expected);
  }
}

void QueueWorld::expect_outcome(const detail::WriteResult& result, const std::string& expected) {
  const std::string text = (result.error ? QueueModel::name(result.error) + " after " : "done ") +
                           std::to_string(result.written);
  expect(text == expected, [&] { return "ticket: " + text + ", not: " + expected; });
}

void QueueWorld::check_received() {
  const std::string& got = stream_.received();
  expect(model_.stream.compare(received_, got.size() - received_, got, received_) == 0,
         "the peer got something else");
  received_ = got.size();
}

void QueueWorld::check_statistics() {
  const WriteStatistics seen = queue_.statistics(now_);
  const WriteStatistics& expected = model_.statistics;
  expect(seen.admitted_items == expected.admitted_items, "admitted_items");
  expect(seen.admitted_bytes == expected.admitted_bytes, "admitted_bytes");
  expect(seen.written_bytes == stream_.received().size(), "written_bytes");
  expect(seen.stream_writes == expected.stream_writes, "stream_writes");
  expect(seen.short_stream_writes == expected.short_stream_writes, "short_stream_writes");
  // In small steps an empty write may have left before the next one comes in.
  expect(has_small_steps() ? seen.high_water_items <= expected.high_water_items
                           : seen.high_water_items == expected.high_water_items,
         "high_water_items");
  expect(seen.high_water_bytes == expected.high_water_bytes, "high_water_bytes");
  expect(seen.high_water_waiters == expected.high_water_waiters, "high_water_waiters");
  expect(seen.high_water_waiting_bytes == expected.high_water_waiting_bytes,
         "high_water_waiting_bytes");
  expect(seen.reserved_bytes == model_.reserved().bytes, "reserved_bytes");
  expect(seen.reserved_items == model_.reserved().items, "reserved_items");
  expect(model_.has_ended() ||
             queue_.pending_bytes() + seen.reserved_bytes <= shape_.config.max_pending_bytes,
         "pending and reserved bytes are more than the limit");
  expect(
      model_.has_ended() || queue_.pending_items() + seen.reserved_items <= shape_.config.max_items,
      "pending and reserved items are more than the limit");
  expect(seen.waits == expected.waits, "waits");
  expect(seen.time_blocked == expected.time_blocked, "time_blocked");
  expect(seen.refusals == expected.refusals, "refusals");
  check_gauges(seen);
}

// Each item is looked at in the step in which it comes. So its age is right, but for what marks
// were given up for.
void QueueWorld::check_gauges(const WriteStatistics& seen) {
  expect(seen.pending_bytes == model_.pending_bytes(), "pending_bytes of the statistics");
  expect(seen.pending_items == queue_.pending_items(), "pending_items of the statistics");
  expect(seen.waiters == model_.waiters(), "waiters");
  expect(seen.waiting_bytes == model_.bytes_in_line(), "waiting_bytes");
  expect(seen.oldest_waiter_age == model_.oldest_waiter_age(), "oldest_waiter_age");
  const std::chrono::nanoseconds age = model_.oldest_item_age();
  longest_age_ = model_.pending_items() == 0 ? age : std::max(longest_age_, age);
  expect(seen.oldest_pending_age <= age, "oldest_pending_age is too large");
  expect(age - seen.oldest_pending_age <= longest_age_ / 2, "oldest_pending_age is too small");
}

// Blocks that the source gave: the library's own copies and joined batches, which need no more than
// they hold, are not counted here.
void QueueWorld::check_retention() {
  if (model_.waiters() != 0 || model_.has_ended()) {
    return;  // users' slices keep blocks
  }
  const std::size_t one_a_buffer_two_a_queue = 3 * largest_footprint_;
  static const std::size_t copied_together =
      BytesMut::with_capacity(detail::gather_capacity(1)).footprint();
  expect(source_.bytes_out() <= 2 * model_.pending_bytes() + 64 * model_.pending_items() +
                                    one_a_buffer_two_a_queue + copied_together,
         "what waits retains more than it counts");
}

void QueueWorld::check_end() {
  expect(queue_.has_ended() == model_.has_ended(), "has_ended");
  expect(queue_.has_ended_in_order() == (model_.has_ended() && !model_.first_error()),
         "has_ended_in_order");
  expect(queue_.was_ended_by_stream() == model_.was_ended_by_stream(), "was_ended_by_stream");
  expect(queue_.first_error() == model_.first_error(), "first_error");
  expect(queue_.closing_since() == model_.closing_since(), "closing_since");
}

// Whoever may have to wait for the peer is looked at in time, and nobody else.
void QueueWorld::check_watch() {
  const WriteHandoffConfig& config = shape_.config;
  const bool has_limit = config.stall_timeout.count() != 0;
  const bool has_stall = has_limit || model_.looks_for_stall();
  if (std::exchange(watch_requests_, stream_.watch_requests()) != watch_requests_) {
    expect(has_stall || !model_.is_open(), "to be watched, and nothing is limited");
    is_watched_ = true;
    next_tick_ = now_;
  }
  const bool waits = is_outstanding() || stream_.is_acknowledging();
  if (!waits || model_.has_ended() || (!model_.is_closing() && !has_stall)) {
    return;
  }
  const auto most = model_.is_closing() ? config.close_timeout
                    : has_limit         ? config.stall_timeout
                                        : config.stalled_after;
  expect(is_watched_, "nobody looks at the time");
  expect(next_tick_ <= now_ + most / detail::kLooksAtSilence, "nobody looks at the time in time");
}

void QueueWorld::check() {
  note_times();
  check_resumed();
  if (!tickets_.empty()) {
    check_tickets();
  }
  check_done_tickets();
  model_.events.clear();
  expect(stream_.violation().empty(), stream_.violation().c_str());
  expect(queue_.pending_bytes() == model_.pending_bytes(), "pending_bytes");
  expect(queue_.pending_items() == model_.pending_items(), "pending_items");
  expect(queue_.pending_bytes() <= shape_.config.max_pending_bytes, "the byte bound");
  expect(queue_.pending_items() <= shape_.config.max_items, "the item bound");
  expect(queue_.is_open() == model_.is_open(), "is_open");
  check_end();
  check_watch();
  check_events();
  check_received();
  check_statistics();
  check_retention();
}

template <class Probes>
void QueueWorld::expect_resumed_once(const Probes& probes, const char* what) {
  for (const auto& probe : probes) {
    expect(probe.resumed == (probe.name.empty() ? 0 : 1), what);
  }
}

void QueueWorld::finish() {
  if (!is_destroyed_) {
    shape_.ends_cleanly ? close(Waiters::admit) : end_by(Errc::aborted);
    check();
    while (failure().empty() &&
           (stream_.turn_posted() || is_outstanding() || stream_.is_acknowledging())) {
      stream_.turn_posted() ? turn() : reply(Reply::all(), false);
      check();
    }
  }
  expect(model_.has_ended(), "it never came to its end");
  wait_unwritten(false);
  for (Permit& permit : permits_) {
    give_back(permit);
  }
  check();
  expect_resumed_once(writes_, "a write was not resumed once");
  expect_resumed_once(flushes_, "a flush was not resumed once");
  expect_resumed_once(closers_, "a close was not resumed once");
  expect_resumed_once(unwritten_, "who waits for what is left was not resumed once");
  expect(tickets_.empty(), "a ticket never finished");
  expect(foreign_.use_count() == 1, "a foreign owner was kept");
  block_ = BytesMut();
  expect(source_.blocks_out() == 0, "a block was kept");
  expect(copies_.blocks_out() == 0, "a block of the queue's own was kept");
}

}  // namespace bytes_handoff::test
