#pragma once

// Every slice that a program submitted, in that order, and what became of it. On one thread the
// order of admission is the order of submission: waiting writes are first come, first served, and
// nobody overtakes them. But what is committed with a permit overtakes all who wait.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bytes_handoff::test {

class Ledger {
 public:
  enum class State { kUnknown, kAdmitted, kRefused };
  /// How a slice comes in: in line, where it may be cut or not, or with a permit.
  enum class Lane { kLine, kMayBeCut, kPermits };

  /// How many bytes of each slice the peer has.
  using Received = std::vector<std::size_t>;

  [[nodiscard]] std::size_t submit(std::string text, Lane lane = Lane::kLine) {
    entries_.push_back({std::move(text), State::kUnknown, lane});
    return entries_.size() - 1;
  }
  void settle(std::size_t id, State state) { entries_[id].state = state; }
  /// Only the first bytes of it were admitted.
  void cut(std::size_t id, std::size_t admitted) {
    entries_[id].text.resize(admitted);
    settle(id, State::kAdmitted);
  }

  [[nodiscard]] const std::string& text(std::size_t id) const { return entries_[id].text; }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] std::size_t admitted_items() const;
  [[nodiscard]] std::string admitted_text() const;
  /// Whether a slice may have become several items.
  [[nodiscard]] bool may_be_cut() const;

  /// None unless what the peer got is an exact prefix of what was admitted: in order, each slice at
  /// most once, and nothing that was refused.
  [[nodiscard]] std::optional<Received> match(std::string_view received) const;
  /// Bytes of the slices that are known to be admitted, and of which the peer misses a part. Of one
  /// that may be cut, of that part.
  [[nodiscard]] std::size_t unwritten_bytes(const Received& received) const;

 private:
  struct Entry {
    std::string text;
    State state;
    Lane lane;
  };
  /// How many bytes of the entry are first in `received`; none if they must be, and are not.
  [[nodiscard]] static std::optional<std::size_t> taken_of(const Entry& entry,
                                                           std::string_view received);
  std::vector<Entry> entries_;
};

}  // namespace bytes_handoff::test
