// What a program of a write queue can be seen to be, and whether it has come out right.
#include <algorithm>
#include <utility>

#include "interleavings/write_queue_program.hpp"

namespace bytes_handoff::test {

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
  if (waiting == &burst_ || waiting == &reservation_) {
    return waiting == &burst_ ? 301 : 302;
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

std::uint64_t WriteQueueProgram::state_of_burst_and_permit() const {
  std::uint64_t all = 0;
  for (const std::uint64_t each :
       {burst_outcome_ ? static_cast<std::uint64_t>(*burst_outcome_) : 9,
        burst_.refusal ? static_cast<std::uint64_t>(burst_.refusal->reason) : 9,
        static_cast<std::uint64_t>(burst_.resumed), std::uint64_t{burst_.linked},
        std::uint64_t{burst_.slices.size()}, std::uint64_t{burst_.bytes},
        reservation_outcome_ ? static_cast<std::uint64_t>(*reservation_outcome_) : 9,
        reservation_.refusal ? static_cast<std::uint64_t>(reservation_.refusal->reason) : 9,
        static_cast<std::uint64_t>(reservation_.resumed), std::uint64_t{reservation_.linked},
        std::uint64_t{permit_.items}, std::uint64_t{committed_slice_.size()},
        is_committed_ ? static_cast<std::uint64_t>(*is_committed_) : 9,
        std::uint64_t{commit_began_after_close_}}) {
    all = mixed(all, each);
  }
  return all;
}

std::uint64_t WriteQueueProgram::state() {
  std::uint64_t all = mixed(queue_.state(), state_of_writes());
  all = mixed(mixed(all, state_of(rival_)), state_of_burst_and_permit());
  for (const std::size_t at : at_write_) {
    all = mixed(all, at);
  }
  for (const detail::RoomWaiter* waiter : line_) {
    if (waiter->linked) {
      all = mixed(all, name_of(waiter));
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
        std::uint64_t{letting_in_}}) {
    all = mixed(all, each);
  }
  return mixed(mixed(mixed(all, peer_), left_), violation_);
}

std::string WriteQueueProgram::verdict_of_each() const {
  for (std::size_t i = 0; i < writes_.size(); ++i) {
    if (const std::string wrong = verdict_of(writes_[i]); !wrong.empty()) {
      return "write " + std::to_string(i) + " " + wrong;
    }
  }
  return verdict_of_burst() + verdict_of_permit();
}

std::string WriteQueueProgram::admitted() const {
  std::string admitted;
  for (const Write& write : writes_) {
    admitted += write.is_admitted ? write.text : "";
  }
  for (std::size_t i = 0; i < burst_texts_.size(); ++i) {
    admitted += admitted_of_burst(i);
  }
  return admitted + std::string(is_committed_.value_or(false) ? committed_size() : 0, '+');
}

std::string WriteQueueProgram::verdict() {
  if (std::string wrong = verdict_of_each(); !wrong.empty()) {
    return wrong;
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
  if (!is_in_order(outcome, admitted()) || !is_burst_in_order(outcome)) {
    return "admitted " + admitted() + ", left " + outcome;
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

std::string WriteQueueProgram::verdict_of_burst() const {
  if (burst_.resumed != (burst_outcome_ == Queue::Wait::kWaiting ? 1 : 0) || burst_.linked) {
    return "the burst was resumed " + std::to_string(burst_.resumed) + " times";
  }
  if (burst_outcome_ && !burst_.refusal && !burst_.slices.empty()) {
    return "the burst was admitted, and has slices left";
  }
  for (std::size_t i = 0; i < burst_texts_.size(); ++i) {
    const std::string rest = burst_texts_[i].substr(admitted_of_burst(i).size());
    const bool is_cut = shape_.burst_is_cut && i == burst_.admitted();
    if (burst_.owned[i].view() != rest ||
        (!is_cut && rest != (i < burst_.admitted() ? "" : burst_texts_[i]))) {
      return "slice " + std::to_string(i) + " of the burst is not where it belongs";
    }
  }
  return {};
}

std::string WriteQueueProgram::admitted_of_burst(std::size_t slice) const {
  return burst_texts_[slice].substr(
      std::min(burst_.owned[slice].size(), burst_texts_[slice].size()));
}

std::string WriteQueueProgram::verdict_of_permit() const {
  if (reservation_.resumed != (reservation_outcome_ == Queue::Wait::kWaiting ? 1 : 0)) {
    return "the reservation was resumed " + std::to_string(reservation_.resumed) + " times";
  }
  if (reservation_.refusal && reservation_.room.items != 0) {
    return "the reservation was refused, and granted";
  }
  if (is_committed_ && *is_committed_ != committed_slice_.empty()) {
    return "the commit does not have its bytes where they belong";
  }
  if (is_committed_.value_or(false) && commit_began_after_close_) {
    return "a commit was admitted after the close";
  }
  const detail::QueueFigures figures = queue_.figures();
  return figures.reserved_bytes + figures.reserved_items != 0 || permit_.items != 0
             ? "a permit holds room at the end"
             : "";
}

/// Only a commit may come between the slices of the burst, and nothing into one.
bool WriteQueueProgram::is_burst_in_order(std::string outcome) const {
  std::string burst;
  for (std::size_t i = 0; i < burst_texts_.size(); ++i) {
    burst += admitted_of_burst(i);
    if (outcome.find(admitted_of_burst(i)) == std::string::npos) {
      return false;
    }
  }
  std::erase(outcome, '+');
  return outcome.find(burst) != std::string::npos;
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
