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
      step([this](detail::Effects& e) {
        is_cancelling_ = true;
        queue_.cancel(writes_[cancelled()].probe, e);
        is_cancelling_ = false;
      });
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
    violate(queue_.violation(is_cancelling_, shape_.admits));
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
      write.outcome = queue_.wait_write(write.probe, e);
    } else {
      const auto tried = queue_.try_write(write.probe.slices, e);
      write.outcome = tried ? Queue::Wait::kAdmitted : Queue::Wait::kRefused;
      write.probe.refusal = tried ? std::nullopt : std::optional(tried.error());
      write.probe.write = tried ? *tried : detail::AdmittedWrite();
    }
    if (write.outcome == Queue::Wait::kWaiting) {
      line_.push_back(&write);
    }
    check_line(write.outcome == Queue::Wait::kAdmitted ? &write : nullptr);
  });
}

// First come, first served: nobody is admitted while somebody who came earlier waits.
void WriteQueueProgram::check_line(const Write* admitted_at_once) {
  bool somebody_waits = false;
  std::size_t bytes = 0;
  for (const Write* write : line_) {
    bytes += write->probe.linked ? write->text.size() : 0;
    const bool was_admitted = !write->probe.linked && !write->probe.refusal;
    if (somebody_waits && was_admitted) {
      violate("admitted past one who came earlier");
    }
    somebody_waits = somebody_waits || write->probe.linked;
  }
  if (somebody_waits && admitted_at_once != nullptr) {
    violate("admitted past one who waits");
  }
  if (bytes != queue_.waiting_bytes()) {
    violate("the bytes of the line are not what waits in it");
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

std::uint64_t WriteQueueProgram::name_of(const detail::Waiting* waiting) const {
  for (std::size_t i = 0; i < writes_.size(); ++i) {
    if (waiting == &writes_[i].probe) {
      return i;
    }
    if (writes_[i].done && waiting == &*writes_[i].done) {
      return 200 + i;
    }
  }
  if (rival_ && waiting == &*rival_) {
    return 300;
  }
  for (std::size_t i = 0; i < takers_.size(); ++i) {
    if (waiting == &takers_[i]) {
      return 102 + i;
    }
  }
  return waiting == &closed_ ? 100 : 101;
}

std::uint64_t WriteQueueProgram::state_of(const std::optional<TicketProbe>& waits) {
  std::uint64_t all = waits ? 1 : 0;
  if (waits) {
    for (const std::uint64_t each :
         {static_cast<std::uint64_t>(waits->resumed), std::uint64_t{waits->linked},
          static_cast<std::uint64_t>(waits->result.error.value),
          std::uint64_t{waits->result.written}}) {
      all = mixed(all, each);
    }
  }
  return all;
}

std::uint64_t WriteQueueProgram::state_of_writes() const {
  std::uint64_t all = 0;
  for (const Write& write : writes_) {
    const std::uint64_t outcome = write.outcome ? static_cast<std::uint64_t>(*write.outcome) : 9;
    const std::uint64_t refusal =
        write.probe.refusal ? static_cast<std::uint64_t>(write.probe.refusal->reason) : 9;
    const std::uint64_t error = static_cast<std::uint64_t>(
        write.probe.refusal ? write.probe.refusal->first_error.value : 0);
    for (const std::uint64_t each :
         {outcome, refusal, error, static_cast<std::uint64_t>(write.probe.resumed),
          std::uint64_t{write.probe.linked}, std::uint64_t{write.is_admitted},
          std::uint64_t{write.began_after_close}, std::uint64_t{write.probe.owned[0].size()},
          state_of(write.done), std::uint64_t{write.seen ? 1 + write.seen->written : 0}}) {
      all = mixed(all, each);
    }
  }
  return all;
}

std::uint64_t WriteQueueProgram::state() {
  std::uint64_t all = mixed(queue_.state(), state_of_writes());
  all = mixed(all, state_of(rival_));
  for (const std::size_t at : at_write_) {
    all = mixed(all, at);
  }
  for (const Write* write : line_) {
    if (write->probe.linked) {
      all = mixed(all, write->text);
    }
  }
  for (const Pending& pending : pending_) {
    all = mixed(all, (pending.start_turn ? 1U : 0U) + (pending.ended ? 2U : 0U));
    for (const detail::Waiting* waiting : pending.resumed) {
      all = mixed(all, name_of(waiting));
    }
  }
  for (const UnwrittenProbe& taker : takers_) {
    for (const std::uint64_t each :
         {static_cast<std::uint64_t>(taker.resumed), static_cast<std::uint64_t>(taker.error.value),
          std::uint64_t{taker.linked}, std::uint64_t{taker.items.empty()}}) {
      all = mixed(all, each);
    }
  }
  for (const std::uint64_t each :
       {static_cast<std::uint64_t>(turn_), std::uint64_t{batch_.bytes}, std::uint64_t{batch_.items},
        static_cast<std::uint64_t>(closed_.resumed), static_cast<std::uint64_t>(flush_.resumed),
        static_cast<std::uint64_t>(flush_.error.value), std::uint64_t{is_turn_posted_},
        std::uint64_t{has_ended_}, std::uint64_t{is_closed_}, std::uint64_t{has_failed_},
        std::uint64_t{is_cancelling_}}) {
    all = mixed(all, each);
  }
  return mixed(mixed(mixed(all, peer_), left_), violation_);
}

std::string WriteQueueProgram::verdict() {
  std::string admitted;
  for (std::size_t i = 0; i < writes_.size(); ++i) {
    if (std::string wrong = verdict_of(writes_[i]); !wrong.empty()) {
      return "write " + std::to_string(i) + " " + wrong;
    }
    admitted += writes_[i].is_admitted ? writes_[i].text : "";
  }
  const auto unwritten = unwritten_of(queue_);
  if (!unwritten) {
    return "it has not ended";
  }
  const std::string outcome = peer_ + left_ + rest_of(*unwritten);
  if (shape_.takers == 2 && !unwritten->empty()) {
    return "nobody got what is left";
  }
  if (!shape_.aborts && !has_failed_ && outcome != peer_) {
    return "closed, and not all was written";
  }
  if (!shape_.aborts && !has_failed_ && !shape_.aborts_after_written &&
      !queue_.has_ended_in_order()) {
    return "closed, and not in order";
  }
  if (!is_in_order(outcome, admitted)) {
    return "admitted " + admitted + ", left " + outcome;
  }
  if (queue_.pending_bytes() != 0 || queue_.pending_items() != 0) {
    return "pending after the end";
  }
  if (shape_.with_tickets && !adds_up()) {
    return "the tickets do not add up to what the peer got";
  }
  if (closed_.resumed != 1) {
    return "who waits for the end was not resumed once";
  }
  return violation_;
}

std::string WriteQueueProgram::verdict_of(const Write& write) const {
  if (write.probe.resumed != (write.outcome == Queue::Wait::kWaiting ? 1 : 0)) {
    return "was resumed " + std::to_string(write.probe.resumed) + " times";
  }
  if (write.is_admitted && write.began_after_close) {
    return "was admitted after the close";
  }
  if (write.probe.owned[0].view() != (write.is_admitted ? "" : write.text)) {
    return "does not have its bytes where they belong";
  }
  if (write.is_admitted && shape_.with_tickets) {
    if (!write.done || write.done->resumed > 1 || write.done->linked) {
      return "has a ticket that is not done, or done twice";
    }
    const auto result = queue_.result(write.probe.write);
    if (!result || !write.seen || result->error != write.done->result.error ||
        result->written != write.done->result.written) {
      return "has a ticket whose waiter was told something else";
    }
    const bool is_whole = !result->error && result->written == write.text.size();
    if (!is_whole && ((!shape_.aborts && !has_failed_) || !result->error)) {
      return "has a ticket with a wrong result";
    }
  }
  return {};
}

/// Whether the tickets have together what the peer got. After an abort a write may have come back.
bool WriteQueueProgram::adds_up() const {
  std::size_t written = 0;
  for (const Write& write : writes_) {
    written += write.is_admitted && write.seen ? write.seen->written : 0;
  }
  return shape_.aborts ? written <= peer_.size() : written == peer_.size();
}

/// Whether `outcome` has every admitted write once, whole, a producer's in their order.
bool WriteQueueProgram::is_in_order(const std::string& outcome, const std::string& admitted) const {
  if (outcome.size() != admitted.size()) {
    return false;
  }
  std::vector<std::size_t> last(shape_.producers, 0);
  for (const Write& write : writes_) {
    if (write.text.empty()) {
      continue;  // nothing of it can be seen
    }
    const std::size_t index = static_cast<std::size_t>(write.text[0] - 'a');
    const std::size_t at = outcome.find(write.text);
    if (!write.is_admitted) {
      if (at != std::string::npos) return false;
      continue;
    }
    std::size_t& before = last[index / shape_.writes];
    if (at == std::string::npos || at + 1 <= before) {
      return false;
    }
    before = at + 1;
  }
  return true;
}

}  // namespace bytes_handoff::test
