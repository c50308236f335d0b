#include "fault/ledger.hpp"

#include <algorithm>

namespace bytes_handoff::test {

std::size_t Ledger::admitted_items() const {
  return static_cast<std::size_t>(
      std::count_if(entries_.begin(), entries_.end(),
                    [](const Entry& entry) { return entry.state == State::kAdmitted; }));
}

std::string Ledger::admitted_text() const {
  std::string all;
  for (const Entry& entry : entries_) {
    all += entry.state == State::kAdmitted ? entry.text : "";
  }
  return all;
}

bool Ledger::may_be_cut() const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [](const Entry& entry) { return entry.lane == Lane::kMayBeCut; });
}

// A program's texts differ in their first bytes, so that it shows whether a slice is there of which
// nobody has told yet, and where one ends that was cut.
std::optional<std::size_t> Ledger::taken_of(const Entry& entry, std::string_view received) {
  const std::string_view text = entry.text;
  const auto same = static_cast<std::size_t>(
      std::mismatch(text.begin(), text.end(), received.begin(), received.end()).first -
      text.begin());
  const bool is_all_there = same == std::min(text.size(), received.size());
  if (is_all_there || (entry.state == State::kUnknown && entry.lane == Lane::kMayBeCut)) {
    return entry.state == State::kRefused ? 0 : same;
  }
  return entry.state == State::kAdmitted ? std::nullopt : std::optional<std::size_t>(0);
}

// What was committed comes before all that was submitted behind it, and anywhere among what was
// submitted before.
std::optional<Ledger::Received> Ledger::match(std::string_view received) const {
  Received taken(entries_.size(), 0);
  const auto take = [&](std::size_t id) {
    const auto n = taken_of(entries_[id], received);
    taken[id] = n.value_or(0);
    received.remove_prefix(taken[id]);
    return n.has_value();
  };
  const auto next_commit = [&](std::size_t from) {
    while (from < entries_.size() && entries_[from].lane != Lane::kPermits) {
      ++from;
    }
    return from;
  };
  std::size_t committed = next_commit(0);
  for (std::size_t id = 0; id < entries_.size(); ++id) {
    while (committed < entries_.size() &&
           (committed <= id || taken_of(entries_[committed], received).value_or(0) != 0)) {
      if (!take(committed)) {
        return std::nullopt;
      }
      committed = next_commit(committed + 1);
    }
    if (entries_[id].lane != Lane::kPermits && !take(id)) {
      return std::nullopt;
    }
  }
  return received.empty() ? std::optional(taken) : std::nullopt;
}

std::size_t Ledger::unwritten_bytes(const Received& received) const {
  std::size_t unwritten = 0;
  for (std::size_t id = 0; id < entries_.size(); ++id) {
    const Entry& entry = entries_[id];
    if (entry.state == State::kAdmitted && received[id] < entry.text.size()) {
      unwritten += entry.text.size() - (entry.lane == Lane::kMayBeCut ? received[id] : 0);
    }
  }
  return unwritten;
}

}  // namespace bytes_handoff::test
