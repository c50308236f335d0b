#include "model/write_queue_world.hpp"

#include <algorithm>
#include <type_traits>

namespace bytes_handoff::test {

template <class Probes>
void QueueWorld::cancel(Probes& probes, std::uint64_t which) {
  if (probes.empty()) {
    return;
  }
  // Mostly one of the newest, which may still wait.
  const std::size_t from = which % 8 == 0 || probes.size() < 6 ? 0 : probes.size() - 6;
  const std::size_t index = from + which / 8 % (probes.size() - from);
  auto& probe = probes[index];
  if (probe.name.empty() && probe.resumed == 0) {
    return;  // it never waited
  }
  const int id = static_cast<int>(index);
  step([&](detail::Effects& e) {
    if constexpr (std::is_same_v<Probes, std::deque<WriteProbe>>) {
      model_.cancel_write(id);
      queue_.cancel(probe, e);
    } else if constexpr (std::is_same_v<Probes, std::deque<FlushProbe>>) {
      model_.cancel_flush(id);
      queue_.cancel(probe, error_value(125), e);
    } else if constexpr (std::is_same_v<Probes, std::deque<UnwrittenProbe>>) {
      model_.cancel_unwritten(id);
      queue_.cancel(probe, error_value(125), e);
    } else {
      model_.cancel_closed(id);
      queue_.cancel(probe, error_value(125), e);
    }
  });
}

void QueueWorld::act(const QueueOperation& op) {
  switch (op.kind) {
    case Kind::kCancelWrite:
      cancel(writes_, op.a);
      break;
    case Kind::kTurn:
      turn();
      break;
    case Kind::kReply:
      reply(reply_of(op), op.b % 4 == 0);
      break;
    case Kind::kNoProgress:
      for (int i = 0; i < 16 && stream_.is_writing(); ++i) {
        reply(Reply::nothing(), false);
      }
      break;
    case Kind::kTicketWait:
    case Kind::kTicketCancel:
    case Kind::kTicketDrop:
      use_ticket(op);
      break;
    case Kind::kTick:
      tick(op);
      break;
    case Kind::kUnwritten:
      wait_unwritten(op.a % 3 == 0);
      break;
    case Kind::kCancelUnwritten:
      cancel(unwritten_, op.a);
      break;
    default:
      op.kind <= Kind::kGiveBack ? ask_for_room(op) : wait_or_end(op);
  }
}

void QueueWorld::wait_or_end(const QueueOperation& op) {
  switch (op.kind) {
    case Kind::kFlush: {
      FlushProbe& probe = flushes_.emplace_back("", &log_);
      start(probe, "flush", flushes_.size() - 1,
            model_.flush(static_cast<int>(flushes_.size()) - 1), queue_.wait_flush(probe));
      break;
    }
    case Kind::kWaitClosed: {
      CloseProbe& probe = closers_.emplace_back("", &log_);
      start(probe, "closed", closers_.size() - 1,
            model_.wait_closed(static_cast<int>(closers_.size()) - 1), queue_.wait_closed(probe));
      break;
    }
    case Kind::kCancelFlush:
      cancel(flushes_, op.a);
      break;
    case Kind::kCancelClosed:
      cancel(closers_, op.a);
      break;
    case Kind::kClose:
      close(op.a % 2 == 0 ? Waiters::refuse : Waiters::admit);
      break;
    case Kind::kAbortAfterWritten:
      model_.is_with_stream = is_outstanding();
      model_.abort_after_written(op.a % 2 == 0 ? Waiters::refuse : Waiters::admit);
      step([&](detail::Effects& e) {
        queue_.abort_after_written(e, detail::ErrorValue::of(Errc::aborted),
                                   op.a % 2 == 0 ? Waiters::refuse : Waiters::admit);
      });
      break;
    case Kind::kAbort:
      end_by(op.a % 2 == 0 ? Errc::aborted : Errc::timed_out);  // a user; a deadline
      break;
    case Kind::kOrphan:
      orphan();
      break;
    default:
      add_time_blocked(op);
  }
}

void QueueWorld::add_time_blocked(const QueueOperation& op) {
  const std::chrono::nanoseconds time(op.a % 1000);
  model_.statistics.time_blocked += time;
  queue_.add_time_blocked(time);
  copies_.fail(op.b % 2 == 0);
}

void QueueWorld::close(Waiters waiters) {
  model_.close(waiters);
  step([&](detail::Effects& e) { queue_.close(waiters, e); });
}

void QueueWorld::end_by(Errc why) {
  model_.is_with_stream = is_outstanding();
  model_.end(detail::ErrorValue::of(why));
  step([&](detail::Effects& e) { queue_.abort(detail::ErrorValue::of(why), e); });
}

void QueueWorld::orphan() {
  model_.orphan();
  step([&](detail::Effects& e) { queue_.orphan(this, e); });
  stream_.destroy();
  is_destroyed_ = true;
}

// As a front end: not before it is asked to, sometimes earlier than it must, and often too late.
void QueueWorld::tick(const QueueOperation& op) {
  const bool takes_long = !model_.is_open() && op.a % 4 == 0;
  now_ += std::chrono::milliseconds(op.a % 120 * (takes_long ? 20 : 1));
  model_.time = now_;
  if (!is_watched_ || (now_ < next_tick_ && op.a % 8 < 4)) {
    return;
  }
  const bool acknowledged = op.a % 5 == 0;
  model_.is_with_stream = is_outstanding();
  const auto expected = model_.tick(now_, acknowledged);
  next_tick_ = step([&](detail::Effects& e) { return queue_.tick(now_, acknowledged, e); });
  is_watched_ = next_tick_ != Queue::TimePoint::max();
  expect(next_tick_ == expected, "when to look again");
}

void QueueWorld::use_ticket(const QueueOperation& op) {
  if (tickets_.empty()) {
    return;
  }
  TicketEntry& entry = tickets_[op.a % tickets_.size()];
  if (entry.probe == nullptr) {
    return;  // it waits for room, and its caller has no ticket yet
  }
  if (op.kind == Kind::kTicketWait && entry.probe->linked) {
    TicketProbe second(entry.place);
    expect(queue_.wait_written(second) == Queue::TicketWait::kAnotherWaits, "a second wait");
    cancel_ticket(second);
    expect(second.resumed == 0, "who was refused was resumed");
  } else if (op.kind == Kind::kTicketWait) {
    expect(queue_.wait_written(*entry.probe) == Queue::TicketWait::kWaiting, "a queued write");
  } else if (op.kind == Kind::kTicketCancel) {
    const int resumed = entry.probe->linked ? 1 : 0;
    cancel_ticket(*entry.probe);
    expect(entry.probe->resumed == resumed, "a cancelled wait was not resumed, or another was");
    expect(resumed == 0 || entry.probe->result.error == error_value(125), "a cancelled wait");
    entry.probe->resumed = 0;  // and it may wait again
  } else if (!entry.probe->linked) {
    tickets_.erase(tickets_.begin() + static_cast<std::ptrdiff_t>(op.a % tickets_.size()));
  }
}

void QueueWorld::cancel_ticket(TicketProbe& probe) {
  step([&](detail::Effects& e) { queue_.cancel(probe, error_value(125), e); });
}

// A step of the writer: no more than `most_items` leave, and no more who wait are told.
template <class Step>
QueueWorld::Turn QueueWorld::bounded(std::size_t most_items, Step step) {
  const auto left = [this] {
    return queue_.statistics({}).admitted_items - queue_.pending_items();
  };
  const std::uint64_t left_before = left();
  const std::size_t told_before = log_.size();
  const Turn turn = step();
  if (!model_.has_ended()) {
    expect(left() - left_before <= most_items, "more items left than may in one step");
    expect(log_.size() - told_before <= most_items, "more were told than may in a step");
  }
  return turn;
}

QueueWorld::Turn QueueWorld::follow_up(Turn turn) {
  while (has_small_steps() && turn == Turn::kYield && failure().empty()) {
    turn = bounded(shape_.max_step_items, [this] { return stream_.begin(); });
  }
  return turn;
}

QueueWorld::Turn QueueWorld::turn_when_drained() const {
  return model_.is_open()         ? Turn::kIdle
         : model_.ends_in_order() ? Turn::kShutdown
                                  : Turn::kAcknowledge;
}

void QueueWorld::turn() {
  if (!stream_.turn_posted()) {
    return;
  }
  model_.turn();
  const Turn turn = follow_up(bounded(shape_.max_step_items, [this] { return stream_.begin(); }));
  const Turn expected = model_.has_ended()     ? Turn::kEnded
                        : !model_.is_drained() ? Turn::kWrite
                                               : turn_when_drained();
  expect(turn == expected, "what the turn is to do");
}

Reply QueueWorld::reply_of(const QueueOperation& op) const {
  const std::size_t offered = stream_.batch().bytes;
  Reply with;
  with.take = op.a % 3 == 0 ? offered : op.a % 3 == 1 ? 1 : op.a / 3 % (offered + 1);
  if (op.b % 1024 == 1 && !has_small_steps()) {
    with.error = error_value(104);
  }
  return with;
}

void QueueWorld::reply(Reply with, bool yield) {
  model_.is_with_stream = false;
  if (stream_.is_writing()) {
    with.take = std::min(with.take, stream_.batch().bytes);
    yield = yield && !has_small_steps();
    model_.written(with.take, stream_.batch().bytes, with.error);
    const std::size_t most = std::max(shape_.max_step_items, stream_.batch().items);
    const Turn turn = follow_up(bounded(most, [&] { return stream_.finish(with, yield); }));
    const Turn expected = model_.has_ended()    ? Turn::kEnded
                          : model_.is_drained() ? turn_when_drained()
                          : yield               ? Turn::kYield
                                                : Turn::kWrite;
    expect(turn == expected, "what the writer is to do next");
  } else if (stream_.is_shutting_down()) {
    model_.shut_down(with.error);
    stream_.finish(with);
  } else if (stream_.is_acknowledging()) {
    model_.acknowledged();
    stream_.finish(with);
  }
}

void QueueWorld::wait_unwritten(bool puts_back) {
  UnwrittenProbe& probe = unwritten_.emplace_back("", &log_);
  puts_back_.push_back(puts_back);
  const std::size_t index = unwritten_.size() - 1;
  model_.is_with_stream = is_outstanding();
  const bool expected = model_.wait_unwritten(static_cast<int>(index));
  const bool at_once = queue_.wait_unwritten(probe);
  start(probe, "unwritten", index, expected, at_once);
  if (at_once && expected) {
    expect(left_in(index) == model_.give_unwritten(), "unwritten entries");
  }
}

// What is put back is there for who asks next.
std::string QueueWorld::left_in(std::size_t index) {
  UnwrittenProbe& probe = unwritten_[index];
  if (puts_back_[index]) {
    queue_.put_back(probe.items);
    expect(probe.items.empty(), "entries that were put back are still there");
    expect(queue_.wait_unwritten(probe), "entries that were put back are not to be had");
  }
  const UnwrittenEntries left = probe.items.take();
  std::vector<std::string> texts;
  for (const Bytes& bytes : left.entries) {
    texts.emplace_back(bytes.view());
  }
  return QueueModel::text_of(texts, left.first_written);
}

}  // namespace bytes_handoff::test
