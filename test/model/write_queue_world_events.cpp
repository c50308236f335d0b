#include "model/write_queue_world.hpp"

namespace bytes_handoff::test {

// Each kind takes turns with the other one of its pair, and nothing comes behind the end.
void QueueWorld::hear(const QueueEvent& event) {
  using Event = QueueEventKind;
  expect(!told_end_, "an event behind the end");
  const auto turn = [&](bool& told, Event begin) {
    expect(told == (event.kind != begin), "an event of a pair twice");
    told = event.kind == begin;
  };
  switch (event.kind) {
    case Event::refusing:
    case Event::admitting:
      turn(told_refusing_, Event::refusing);
      expect(event.refusals != 0, "a series without a refusal");
      break;
    case Event::waiting:
    case Event::nobody_waits:
      turn(told_waiting_, Event::waiting);
      expect(told_waiting_ == (event.waiters != 0), "who waits, as told");
      break;
    case Event::stalled:
    case Event::moving:
      turn(told_stalled_, Event::stalled);
      expect(!told_stalled_ || event.silent >= shape_.config.stalled_after, "stalled too early");
      break;
    case Event::shed:
      expect(false, "shed without a budget");
      break;
    case Event::ended:
      check_end_event(event);
      break;
  }
}

void QueueWorld::check_end_event(const QueueEvent& event) {
  told_end_ = true;
  const WriteStatistics seen = queue_.statistics({});
  expect(event.bytes == seen.admitted_bytes - stream_.received().size(), "what is unwritten");
  expect(event.error == queue_.first_error(), "why it has ended");
  expect((event.ended_by == EndedBy::stream) == queue_.was_ended_by_stream() ||
             event.error == detail::ErrorValue::of(Errc::no_progress),
         "who ended it");
}

// Whether what was told is what is. What depends on room is looked at when the writer has been on:
// a queue that gets full tells nothing of it.
void QueueWorld::check_events() {
  const std::uint64_t before = refusals_;
  refusals_ = 0;
  for (const auto reason :
       {WriteRefusalReason::byte_budget_exceeded, WriteRefusalReason::queue_full,
        WriteRefusalReason::too_many_waiters, WriteRefusalReason::too_many_waiting_bytes}) {
    refusals_ += model_.statistics.refused(reason);
  }
  const std::uint64_t admitted = model_.statistics.admitted_items;
  if (refusals_ != before) {
    admitted_at_refusal_ = admitted;
  }
  if (!shape_.hears) {
    return;
  }
  expect(told_end_ == model_.has_ended(), "an end that was told, or was not");
  if (model_.has_ended()) {
    return;
  }
  const bool is_half_empty = model_.pending_items() <= shape_.config.max_items / 2 &&
                             model_.pending_bytes() <= shape_.config.max_pending_bytes / 2;
  expect(told_refusing_ || refusals_ == before || has_small_steps(), "a refusal was not told");
  expect(!told_refusing_ || model_.pending_items() != 0 || admitted == admitted_at_refusal_,
         "it is told to refuse, and does not");
  expect(told_waiting_ || model_.waiters() == 0, "waiters were not told");
  expect(!told_waiting_ || model_.waiters() != 0 || !is_half_empty,
         "it is told that somebody waits, and nobody does");
  expect(told_stalled_ == model_.is_stalled(), "stalled, or not");
}

}  // namespace bytes_handoff::test
