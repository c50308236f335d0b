#pragma once

// Every slice that a program submitted, in that order, and what became of it. On one thread the
// order of admission is the order of submission: waiting writes are first come, first served, and
// nobody overtakes them.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bytes_handoff::test {

class Ledger {
 public:
  enum class State { kUnknown, kAdmitted, kRefused };

  /// How many bytes of each slice the peer has.
  using Received = std::vector<std::size_t>;

  [[nodiscard]] std::size_t submit(std::string text) {
    entries_.push_back({std::move(text), State::kUnknown});
    return entries_.size() - 1;
  }
  void settle(std::size_t id, State state) { entries_[id].state = state; }

  [[nodiscard]] const std::string& text(std::size_t id) const { return entries_[id].text; }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] std::size_t admitted_items() const;
  [[nodiscard]] std::string admitted_text() const;

  /// None unless what the peer got is an exact prefix of what was admitted: in order, each slice at
  /// most once, and nothing that was refused.
  [[nodiscard]] std::optional<Received> match(std::string_view received) const;
  /// Bytes of the slices that are known to be admitted, and of which the peer misses a part.
  [[nodiscard]] std::size_t unwritten_bytes(const Received& received) const;

 private:
  struct Entry {
    std::string text;
    State state;
  };
  std::vector<Entry> entries_;
};

}  // namespace bytes_handoff::test
