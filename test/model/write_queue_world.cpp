#include "model/write_queue_world.hpp"

#include <map>

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
    case Kind::kClose:
      model_.close();
      step([&](detail::Effects& e) { queue_.close(e); });
      break;
    case Kind::kAbort:
      end_by_abort();
      break;
    case Kind::kOrphan:
      model_.end(detail::ErrorValue::of(Errc::closed));
      step([&](detail::Effects& e) { queue_.orphan(this, e); });
      stream_.destroy();
      is_destroyed_ = true;
      break;
  }
}

void QueueWorld::end_by_abort() {
  model_.end(detail::ErrorValue::of(Errc::aborted));
  step([&](detail::Effects& e) { queue_.abort(detail::ErrorValue::of(Errc::aborted), e); });
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

void QueueWorld::turn() {
  if (!stream_.turn_posted()) {
    return;
  }
  model_.turn();
  const Turn turn = stream_.begin();
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
  if (op.b % 1024 == 1) {
    with.error = error_value(104);
  }
  return with;
}

void QueueWorld::reply(Reply with, bool yield) {
  if (stream_.is_writing()) {
    with.take = std::min(with.take, stream_.batch().bytes);
    model_.written(with.take, with.error);
    const Turn turn = stream_.finish(with, yield);
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
  WriteProbe& probe = writes_[index];
  const auto waited =
      std::find_if(waiting_texts_.begin(), waiting_texts_.end(),
                   [&](const auto& text) { return text.waiter == static_cast<int>(index); });
  if (!probe.refusal) {
    mark_admitted(probe);
    waiting_texts_.erase(waited);
    return name + ": admitted";
  }
  expect_bytes_back(probe, waited->texts, waited->places);
  waiting_texts_.erase(waited);
  return name + ": " +
         (probe.refusal->reason == WriteRefusalReason::cancelled
              ? "cancelled"
              : "closed, " + QueueModel::name(probe.refusal->first_error));
}

void QueueWorld::check_resumed() {
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
    expect(false, what);
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
    expect(at->ticket->is_done() == (found != done.end()),
           "ticket " + std::to_string(at->id) + " is done or not");
    if (found == done.end() || !failure_.empty()) {
      expect(at->probe->resumed == 0, "a ticket's waiter was resumed early");
      ++at;
      continue;
    }
    const detail::WriteResult& result = at->ticket->result();
    const std::string text = (result.error ? QueueModel::name(result.error) + " after " : "done ") +
                             std::to_string(result.written);
    expect(text == found->second, "ticket: " + text + ", expected: " + found->second);
    expect(at->probe->resumed == (at->is_waiting ? 1 : 0), "a ticket's waiter resumed once");
    expect(!at->is_waiting || at->probe->result.written == result.written, "the waiter's result");
    at = tickets_.erase(at);
  }
}

void QueueWorld::check() {
  check_resumed();
  check_tickets();
  model_.events.clear();
  expect(stream_.violation().empty(), stream_.violation());
  expect(queue_.pending_bytes() == model_.pending_bytes(), "pending_bytes");
  expect(queue_.pending_items() == model_.pending_items(), "pending_items");
  expect(queue_.pending_bytes() <= config_.max_pending_bytes, "the byte bound");
  expect(queue_.pending_items() <= config_.max_items, "the item bound");
  expect(queue_.is_open() == model_.is_open(), "is_open");
  expect(model_.stream.starts_with(stream_.received()), "the peer got something else");
  expect(queue_.statistics().written_bytes == stream_.received().size(), "written_bytes");
  expect(queue_.statistics().admitted_bytes == model_.stream.size(), "admitted_bytes");
}

std::string QueueWorld::finish(bool cleanly) {
  if (!is_destroyed_) {
    if (cleanly) {
      model_.close();
      step([&](detail::Effects& e) { queue_.close(e); });
    } else {
      end_by_abort();
    }
    while (failure_.empty() && (stream_.turn_posted() || is_outstanding())) {
      is_outstanding() ? reply(Reply::all(), false) : turn();
      check();
    }
  }
  expect(model_.has_ended(), "it never came to its end");
  take_unwritten();
  check();
  for (const WriteProbe& probe : writes_) {
    expect(probe.resumed == (probe.name.empty() ? 0 : 1), "a write was not resumed once");
  }
  for (const FlushProbe& probe : flushes_) {
    expect(probe.resumed == (probe.name.empty() ? 0 : 1), "a flush was not resumed once");
  }
  for (const CloseProbe& probe : closers_) {
    expect(probe.resumed == (probe.name.empty() ? 0 : 1), "a close was not resumed once");
  }
  expect(tickets_.empty(), "a ticket never finished");
  return failure_;
}

}  // namespace bytes_handoff::test
