#include "model/write_queue_world.hpp"

#include <algorithm>
#include <type_traits>

#include "support/pattern.hpp"

namespace bytes_handoff::test {

// Slices of the current block, copies, literals, foreign owners and empty ones, `op` saying which.
std::vector<Bytes> QueueWorld::make_slices(const QueueOperation& op) {
  std::vector<Bytes> slices;
  const std::size_t count = op.a % 8 == 0 ? op.a / 8 % 5 : 1;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t bits = op.b >> (8 * i);
    const std::size_t most = bits % 16 == 0 ? shape_.config.max_pending_bytes + 2 : 12;
    const std::string text = pattern((bits / 16) % most, made_);
    made_ += text.size();
    switch (bits % 5) {
      case 0:
        slices.push_back(Bytes::copy_of(text));
        break;
      case 1: {
        auto owned = std::make_unique<std::string>(text);
        const auto bytes = bytes_of(*owned);
        slices.push_back(Bytes::from_owner(std::pair(std::move(owned), foreign_), bytes));
        break;
      }
      case 2:
        slices.push_back(Bytes::from_static(literals_.emplace_back(text)));
        break;
      default:
        slices.push_back(slice_of_block(text));
    }
  }
  return slices;
}

Bytes QueueWorld::slice_of_block(const std::string& text) {
  if (block_.capacity() < text.size()) {
    block_ = BytesMut::with_capacity(std::max<std::size_t>(text.size(), 1024), &source_);
    largest_footprint_ = std::max(largest_footprint_, block_.footprint());
  }
  block_.extend(text);
  return block_.split_to_frozen(text.size()).value();
}

void QueueWorld::submit(const QueueOperation& op, bool may_wait) {
  WriteProbe& probe = writes_.emplace_back(make_slices(op), "", &log_);
  QueueModel::Write write{static_cast<int>(writes_.size()) - 1, -1, {}};
  std::vector<const std::byte*> places;
  for (const Bytes& slice : probe.owned) {
    write.slices.emplace_back(slice.view());
    places.push_back(slice.data());
  }
  if (op.a % 3 != 0) {
    write.ticket = next_ticket_++;
    tickets_.push_back({write.ticket, make_ticket()});
    probe.ticket = tickets_.back().ticket.get();
  }
  const auto expected = model_.submit(write, may_wait);
  if (may_wait) {
    const auto outcome = step([&](detail::Effects& e) { return queue_.wait_write(probe, e); });
    expect(static_cast<int>(outcome) == static_cast<int>(expected), "wait_write's outcome");
  } else {
    const auto tried =
        step([&](detail::Effects& e) { return queue_.try_write(probe.slices, probe.ticket, e); });
    expect(tried.has_value() == (expected == QueueModel::Outcome::kAdmitted), "try_write");
    probe.refusal = tried ? std::nullopt : std::optional(tried.error());
  }
  if (expected == QueueModel::Outcome::kWaiting) {
    probe.name = "write " + std::to_string(write.waiter);
    waiting_texts_.push_back({write.waiter, write.slices, places});
  } else if (expected == QueueModel::Outcome::kAdmitted) {
    mark_admitted(probe);
  } else {
    compare(probe.refusal, model_.refusal);
    expect_bytes_back(probe, write.slices, places);
  }
}

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
    } else {
      model_.cancel_closed(id);
      queue_.cancel(probe, error_value(125), e);
    }
  });
}

void QueueWorld::act(const QueueOperation& op) {
  switch (op.kind) {
    case Kind::kTry:
      submit(op, false);
      break;
    case Kind::kWait:
      submit(op, true);
      break;
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
    case Kind::kTicketWait:
    case Kind::kTicketCancel:
    case Kind::kTicketDrop:
      use_ticket(op);
      break;
    case Kind::kTick: {
      now_ += std::chrono::milliseconds(op.a % 120);
      const bool expected = model_.tick(now_);
      expect(step([&](detail::Effects& e) { return queue_.tick(now_, e); }) == expected, "tick");
      break;
    }
    case Kind::kTakeUnwritten:
      take_unwritten();
      break;
    case Kind::kTimeBlocked: {
      const std::chrono::nanoseconds time(op.a % 1000);
      model_.statistics.time_blocked += time;
      queue_.add_time_blocked(time);
      copies_.fail(op.b % 2 == 0);
      break;
    }
    case Kind::kClose:
      close();
      break;
    case Kind::kAbort:
      end_by(op.a % 2 == 0 ? Errc::aborted : Errc::timed_out);  // a user; a deadline
      break;
    case Kind::kOrphan:
      orphan();
      break;
  }
}

void QueueWorld::close() {
  model_.close();
  step([&](detail::Effects& e) { queue_.close(e); });
}

void QueueWorld::end_by(Errc why) {
  model_.end(detail::ErrorValue::of(why));
  step([&](detail::Effects& e) { queue_.abort(detail::ErrorValue::of(why), e); });
}

void QueueWorld::orphan() {
  model_.end(detail::ErrorValue::of(Errc::closed));
  step([&](detail::Effects& e) { queue_.orphan(this, e); });
  stream_.destroy();
  is_destroyed_ = true;
}

void QueueWorld::use_ticket(const QueueOperation& op) {
  if (tickets_.empty()) {
    return;
  }
  TicketEntry& entry = tickets_[op.a % tickets_.size()];
  using WaitStart = detail::Ticket::WaitStart;
  if (op.kind == Kind::kTicketWait) {
    expect(entry.ticket->start_wait(*entry.probe) ==
               (entry.is_waiting ? WaitStart::kBusy : WaitStart::kWaiting),
           "start_wait on a pending ticket");
    entry.is_waiting = true;
  } else if (op.kind == Kind::kTicketCancel) {
    expect(entry.ticket->cancel_wait(*entry.probe) == entry.is_waiting, "cancel_wait");
    entry.is_waiting = false;
  } else if (entry.is_admitted && !entry.is_waiting) {
    tickets_.erase(tickets_.begin() + static_cast<std::ptrdiff_t>(op.a % tickets_.size()));
  }
}

// A step of the writer: no more than `most_items` leave, and no more who wait are told.
template <class Step>
QueueWorld::Turn QueueWorld::bounded(std::size_t most_items, Step step) {
  const auto left = [this] { return queue_.statistics().admitted_items - queue_.pending_items(); };
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

void QueueWorld::turn() {
  if (!stream_.turn_posted()) {
    return;
  }
  model_.turn();
  const Turn turn = follow_up(bounded(shape_.max_step_items, [this] { return stream_.begin(); }));
  const Turn expected = model_.has_ended()     ? Turn::kEnded
                        : !model_.is_drained() ? Turn::kWrite
                        : model_.is_open()     ? Turn::kIdle
                                               : Turn::kShutdown;
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
  if (stream_.is_writing()) {
    with.take = std::min(with.take, stream_.batch().bytes);
    yield = yield && !has_small_steps();
    model_.written(with.take, stream_.batch().bytes, with.error);
    const std::size_t most = std::max(shape_.max_step_items, stream_.batch().items);
    const Turn turn = follow_up(bounded(most, [&] { return stream_.finish(with, yield); }));
    const Turn expected = model_.has_ended()    ? Turn::kEnded
                          : model_.is_drained() ? (model_.is_open() ? Turn::kIdle : Turn::kShutdown)
                          : yield               ? Turn::kYield
                                                : Turn::kWrite;
    expect(turn == expected, "what the writer is to do next");
  } else if (stream_.is_shutting_down()) {
    model_.end(with.error);
    stream_.finish(with);
  }
}

void QueueWorld::take_unwritten() {
  const auto taken = queue_.take_unwritten();
  const bool may = model_.has_ended() && !is_outstanding();
  expect(taken.has_value() == may, "whether unwritten bytes are to be had");
  if (!taken || !may) {
    return;
  }
  const auto expected =
      std::exchange(was_taken_, true) ? std::vector<std::string>() : model_.unwritten();
  expect(taken->size() == expected.size(), "how many unwritten slices");
  for (std::size_t i = 0; i < std::min(taken->size(), expected.size()); ++i) {
    expect((*taken)[i].view() == expected[i], "unwritten bytes");
  }
}

}  // namespace bytes_handoff::test
