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

// A program's texts differ in their first bytes, so that it shows whether a slice is there of which
// nobody has told yet.
std::optional<Ledger::Received> Ledger::match(std::string_view received) const {
  Received taken;
  taken.reserve(entries_.size());
  for (const Entry& entry : entries_) {
    const std::size_t n = std::min(entry.text.size(), received.size());
    const bool is_there = entry.state != State::kRefused &&
                          received.substr(0, n) == std::string_view(entry.text).substr(0, n);
    if (!is_there && entry.state == State::kAdmitted) {
      return std::nullopt;
    }
    taken.push_back(is_there ? n : 0);
    received.remove_prefix(taken.back());
  }
  return received.empty() ? std::optional(taken) : std::nullopt;
}

std::size_t Ledger::unwritten_bytes(const Received& received) const {
  std::size_t unwritten = 0;
  for (std::size_t id = 0; id < entries_.size(); ++id) {
    const Entry& entry = entries_[id];
    if (entry.state == State::kAdmitted && received[id] < entry.text.size()) {
      unwritten += entry.text.size();
    }
  }
  return unwritten;
}

}  // namespace bytes_handoff::test
