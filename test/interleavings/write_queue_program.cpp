#include "interleavings/write_queue_program.hpp"

#include <algorithm>
#include <utility>

namespace bytes_handoff::test {

std::vector<std::function<void()>> WriteQueueProgram::bodies() {
  std::vector<std::function<void()>> all;
  for (std::size_t i = 0; i < shape_.producers; ++i) {
    all.emplace_back([this, i] { produce(i); });
  }
  all.emplace_back([this] { write(); });
  add_permit_and_burst(all);
  add_cancellers_and_flush(all);
  add_ends(all);
  for (std::size_t i = 0; i < shape_.takers; ++i) {
    all.emplace_back([this, i] { take_unwritten(takers_[i]); });
  }
  return all;
}

void WriteQueueProgram::add_cancellers_and_flush(std::vector<std::function<void()>>& all) {
  if (shape_.cancels) {
    all.emplace_back([this] {
      let_in([this](detail::Effects& e) { queue_.cancel(writes_[cancelled()].probe, e); });
    });
  }
  if (shape_.cancels_ticket) {
    all.emplace_back([this] {
      Stepper::wait_until([this] { return is_first_settled(); });
      if (writes_[0].done) {
        step([this](detail::Effects& e) { queue_.cancel(*writes_[0].done, error_value(125), e); });
      }
    });
  }
  if (shape_.has_rival) {
    all.emplace_back([this] { use_first_ticket(); });
  }
  if (shape_.cancels_taker) {
    all.emplace_back([this] {
      step([this](detail::Effects& e) { queue_.cancel(takers_[0], error_value(125), e); });
    });
  }
  if (shape_.flushes) {
    all.emplace_back([this] {
      if (!queue_.wait_flush(flush_)) {
        Stepper::wait_until([this] { return flush_.resumed != 0; });
      }
    });
  }
}

void WriteQueueProgram::add_permit_and_burst(std::vector<std::function<void()>>& all) {
  if (shape_.permit != PermitUse::kNone) {
    all.emplace_back([this] { use_permit(); });
  }
  if (shape_.cancels_permit) {
    all.emplace_back(
        [this] { let_in([this](detail::Effects& e) { queue_.cancel(reservation_, e); }); });
  }
  if (shape_.burst_slices != 0) {
    all.emplace_back([this] { send_burst(); });
  }
  if (shape_.cancels_burst) {
    all.emplace_back([this] { let_in([this](detail::Effects& e) { queue_.cancel(burst_, e); }); });
  }
}

void WriteQueueProgram::add_ends(std::vector<std::function<void()>>& all) {
  if (shape_.closes) {
    all.emplace_back([this] {
      step([this](detail::Effects& e) {
        queue_.close(shape_.admits ? Waiters::admit : Waiters::refuse, e);
        is_closed_ = true;
      });
    });
  }
  if (shape_.aborts) {
    all.emplace_back([this] {
      step([this](detail::Effects& e) {
        queue_.abort(detail::ErrorValue::of(Errc::aborted), e);
        is_closed_ = true;
      });
    });
  }
  if (shape_.aborts_after_written) {
    all.emplace_back([this] {
      step([this](detail::Effects& e) {
        queue_.abort_after_written(e);
        is_closed_ = true;
      });
    });
  }
}

template <class Step>
void WriteQueueProgram::step(Step&& call) {
  Pending& mine = pending_[Stepper::thread()];
  {
    detail::Effects effects;
    call(effects);
    violate(queue_.violation(letting_in_ != 0, shape_.admits));
    mine.start_turn = effects.start_turn;
    mine.ended = effects.ended;
    while (detail::Waiting* waiting = effects.resumed.pop_front()) {
      mine.resumed.push_back(waiting);
    }
    effects.finish();
  }
  if (mine.resumed.empty() && !mine.start_turn && !mine.ended) {
    return;
  }
  Stepper::mark();
  for (detail::Waiting* waiting : std::exchange(mine.resumed, {})) {
    waiting->resume(nullptr);
  }
  if (std::exchange(mine.start_turn, false) && std::exchange(is_turn_posted_, true)) {
    violate("two turns were posted");
  }
  if (std::exchange(mine.ended, false) && std::exchange(has_ended_, true)) {
    violate("ended twice");
  }
}

void WriteQueueProgram::produce(std::size_t producer) {
  for (std::size_t i = 0; i < shape_.writes; ++i) {
    at_write_[producer] = i;
    Write& write = writes_[producer * shape_.writes + i];
    write.began_after_close = is_closed_;
    submit(write, !tries(producer));
    if (write.outcome == Queue::Wait::kWaiting) {
      Stepper::wait_until([&] { return write.probe.resumed != 0; });
    }
    write.is_admitted = !write.probe.refusal;
    if (shape_.with_tickets && write.is_admitted) {
      use_ticket(write);
    }
  }
}

void WriteQueueProgram::submit(Write& write, bool waits) {
  step([&](detail::Effects& e) {
    if (waits) {
      write.outcome = queue_.wait_room(write.probe, e);
    } else {
      const auto tried = queue_.try_write(write.probe.slices, e);
      write.outcome = tried ? Queue::Wait::kAdmitted : Queue::Wait::kRefused;
      write.probe.refusal = tried ? std::nullopt : std::optional(tried.error());
      write.probe.write = tried ? *tried : detail::AdmittedWrite();
    }
    if (write.outcome == Queue::Wait::kWaiting) {
      note_burst();
      line_.push_back(&write.probe);
    }
    check_line(write.outcome == Queue::Wait::kAdmitted ? &write.probe : nullptr);
  });
}

// First come, first served: nobody is admitted while somebody who came earlier waits.
void WriteQueueProgram::check_line(const detail::RoomWaiter* admitted_at_once) {
  note_burst();
  bool somebody_waits = false;
  std::size_t bytes = 0;
  std::size_t items = 0;
  for (const detail::RoomWaiter* waiter : line_) {
    const bool is_reservation = waiter == &reservation_;
    items += waiter->linked ? (is_reservation ? shape_.permit_items : waiter->slices.size()) : 0;
    for (std::size_t i = 0; waiter->linked && i < waiter->slices.size(); ++i) {
      bytes += waiter->slices[i].size();
    }
    const bool was_admitted = !waiter->linked && !waiter->refusal;
    if (somebody_waits && was_admitted) {
      violate("admitted past one who came earlier");
    }
    somebody_waits = somebody_waits || waiter->linked;
  }
  if (somebody_waits && admitted_at_once != nullptr) {
    violate("admitted past one who waits");
  }
  if (bytes != queue_.waiting_bytes()) {
    violate("the bytes of the line are not what waits in it");
  }
  if (items != queue_.waiting_items()) {
    violate("the items of the line are not what waits in it");
  }
}

// In steps others may run before `wait_room` of a burst is over.
void WriteQueueProgram::note_burst() {
  const detail::RoomWaiter* burst = &burst_;
  if (burst_.linked && std::find(line_.begin(), line_.end(), burst) == line_.end()) {
    line_.push_back(burst);
  }
}

template <class Call>
void WriteQueueProgram::let_in(Call&& call) {
  step([&](detail::Effects& e) {
    ++letting_in_;
    call(e);
    --letting_in_;
    check_line(nullptr);
  });
}

// Each slice is a digit, as often as it has bytes.
std::deque<std::string> WriteQueueProgram::texts_of_burst(const ProgramShape& shape) {
  std::deque<std::string> texts;
  for (std::size_t i = 0; i < shape.burst_slices; ++i) {
    texts.emplace_back(shape.bytes_a_burst_slice, static_cast<char>('0' + i));
  }
  return texts;
}

std::vector<Bytes> WriteQueueProgram::slices_of(const std::deque<std::string>& texts) {
  std::vector<Bytes> slices;
  for (const std::string& text : texts) {
    slices.push_back(Bytes::borrow_static(text));
  }
  return slices;
}

void WriteQueueProgram::send_burst() {
  let_in([this](detail::Effects& e) {
    burst_outcome_ = queue_.wait_room(burst_, e);
    if (burst_outcome_ == Queue::Wait::kAdmitted) {
      check_line(&burst_);
    }
  });
  if (burst_outcome_ == Queue::Wait::kWaiting) {
    Stepper::wait_until([this] { return burst_.resumed != 0; });
  }
}

void WriteQueueProgram::use_permit() {
  if (!is_granted()) {
    return;
  }
  if (shape_.permit != PermitUse::kDrops) {
    commit();
  }
  let_in([this](detail::Effects& e) { queue_.give_back(permit_, e); });
}

bool WriteQueueProgram::is_granted() {
  step([this](detail::Effects& e) {
    if (shape_.permit_tries) {
      const auto tried = queue_.try_reserve(reservation_.bytes, reservation_.items);
      reservation_outcome_ = tried ? Queue::Wait::kAdmitted : Queue::Wait::kRefused;
      reservation_.refusal = tried ? std::nullopt : std::optional(tried.error());
      reservation_.room = tried ? *tried : detail::ReservedRoom();
    } else {
      reservation_outcome_ = queue_.wait_room(reservation_, e);
    }
    if (reservation_outcome_ == Queue::Wait::kWaiting) {
      note_burst();
      line_.push_back(&reservation_);
    }
    check_line(reservation_outcome_ == Queue::Wait::kAdmitted ? &reservation_ : nullptr);
  });
  if (reservation_outcome_ == Queue::Wait::kWaiting) {
    Stepper::wait_until([this] { return reservation_.resumed != 0; });
  }
  permit_ = reservation_.room;
  return !reservation_.refusal;
}

void WriteQueueProgram::commit() {
  static constexpr std::string_view kText = "++++++++";
  committed_slice_ = Bytes::borrow_static(kText.substr(0, committed_size()));
  commit_began_after_close_ = is_closed_;
  let_in([this](detail::Effects& e) {
    is_committed_ = queue_.commit(permit_, {&committed_slice_, 1}, e).has_value();
  });
  if (is_committed_ == false && queue_.is_open()) {
    violate("a commit was refused, and the queue was open");
  }
}

void WriteQueueProgram::use_ticket(Write& write) {
  write.done.emplace(write.probe.write);
  look(write);
  for (;;) {
    const Queue::TicketWait outcome = queue_.wait_written(*write.done);
    if (outcome == Queue::TicketWait::kDone) {
      break;
    }
    if (outcome == Queue::TicketWait::kAnotherWaits) {
      if (&write != &writes_[0] || !has_rival_waiting()) {
        violate("another waits, and nobody does");
      }
      Stepper::wait_until([this] { return rival_->resumed != 0; });
      write.done->result = rival_->result;
      break;
    }
    Stepper::wait_until([&] { return write.done->resumed != 0; });
    if (write.done->result.error != error_value(125)) {
      break;
    }
    write.done->resumed = 0;
  }
  look(write);
  if (!write.seen) {
    violate("a ticket's waiter was resumed without a result");
  }
}

// A result stays as it was first seen.
void WriteQueueProgram::look(Write& write) {
  const auto result = queue_.result(write.probe.write);
  if (write.seen &&
      (!result || result->error != write.seen->error || result->written != write.seen->written)) {
    violate("a result changed");
  }
  write.seen = result;
}

void WriteQueueProgram::use_first_ticket() {
  Stepper::wait_until([this] { return is_first_settled(); });
  if (!writes_[0].done) {
    return;
  }
  rival_.emplace(writes_[0].probe.write);
  if (queue_.wait_written(*rival_) == Queue::TicketWait::kWaiting) {
    Stepper::wait_until([this] { return rival_->resumed != 0; });
  }
}

void WriteQueueProgram::write() {
  for (;;) {
    Stepper::wait_until([this] { return is_turn_posted_ || has_ended_; });
    if (!std::exchange(is_turn_posted_, false)) {
      return;
    }
    step([this](detail::Effects& e) {
      turn_ = queue_.begin_turn(batch_, e);
      check_line(nullptr);
    });
    while (turn_ == Turn::kWrite) {
      finish_write();
    }
    if (turn_ == Turn::kYield && std::exchange(is_turn_posted_, true)) {
      violate("two turns were posted");
    }
    if (turn_ == Turn::kShutdown || turn_ == Turn::kAcknowledge) {
      step([this](detail::Effects& e) { queue_.finish_shutdown({}, e); });
    }
  }
}

// The stream completes: it has taken some bytes, and perhaps failed.
void WriteQueueProgram::finish_write() {
  step([this](detail::Effects& e) {
    const std::size_t most = std::min(shape_.bytes_a_step, batch_.bytes);
    const bool varies = shape_.stream_varies && most > 1;
    const std::size_t taken = varies && Stepper::choose(2) == 1 ? 1 : most;
    detail::ErrorValue error;
    if (shape_.stream_fails && Stepper::choose(2) == 1) {
      error = error_value(104);
      has_failed_ = true;
    }
    take(taken);
    turn_ = queue_.finish_write(error, taken, false, batch_, e);
    check_line(nullptr);
  });
}

// It is given once the stream has returned, and then what the stream took is not in it.
void WriteQueueProgram::take_unwritten(UnwrittenProbe& taker) {
  if (!queue_.wait_unwritten(taker)) {
    Stepper::wait_until([&] { return taker.resumed != 0; });
  }
  if (taker.error) {
    return;
  }
  if (queue_.has_stream()) {
    violate("given while the stream may take some");
  }
  left_ += rest_of(taker.items.take());
}

void WriteQueueProgram::take(std::size_t left) {
  for (std::size_t i = 0; i < batch_.count && left != 0; ++i) {
    const std::size_t size = std::min(left, batch_.buffers[i].size);
    peer_.append(reinterpret_cast<const char*>(batch_.buffers[i].data), size);
    left -= size;
  }
}

}  // namespace bytes_handoff::test
