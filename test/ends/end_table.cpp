#include "ends/end_table.hpp"

#include <algorithm>
#include <sstream>

namespace bytes_handoff::test {
namespace {

static_assert(std::ranges::all_of(kFamilies, [](const FamilyRow& row) {
  return &family_row(row.family) == &row;
}));

[[nodiscard]] std::string peer_text(const EndRow& of_all, const FamilyRow& family) {
  const EndRow& row = row_of(of_all, family);
  if (!makes_sense(row, family)) {
    return "–";
  }
  std::string bytes = row.bytes == PeerBytes::kAll ? "all, " : "part, ";
  if (waits_for_acknowledgement(row) && !family.is_acknowledged) {
    bytes = "part or all, ";
  }
  switch (row.peer) {
    case PeerEnd::kInOrder:
      return bytes.append(family.in_order);
    case PeerEnd::kReset:
      return bytes.append(is_reset_seen(row, family) ? "reset" : family.in_order);
    case PeerEnd::kUnanswered:
      return bytes + "close frame 1000, reset";
    case PeerEnd::kNothing:
      return "nothing yet";
    case PeerEnd::kItsOwn:
      return "–";
  }
  return {};
}

[[nodiscard]] std::string_view told_text(Told told) {
  switch (told) {
    case Told::kDone:
      return "done";
    case Told::kClosed:
      return "`closed`";
    case Told::kClosedAborted:
      return "`closed` with `aborted`";
    case Told::kClosedTimedOut:
      return "`closed` with `timed_out`";
    case Told::kClosedStreamError:
      return "`closed` with the stream's error";
    case Told::kAborted:
      return "`aborted`";
    case Told::kTimedOut:
      return "`timed_out`";
    case Told::kStreamError:
      return "the stream's error";
    case Told::kDestroyed:
      return "destroyed uninvoked";
    case Told::kWaits:
      return "waits";
  }
  return {};
}

[[nodiscard]] std::string_view read_text(ReadTold told) {
  switch (told) {
    case ReadTold::kGoesOn:
      return "goes on to the peer's end";
    case ReadTold::kAborted:
      return "`operation_aborted`";
    case ReadTold::kFirstError:
      return "the queue's first error";
    case ReadTold::kStreamsEnd:
      return "what had come, then the stream's end";
    case ReadTold::kStreamsEndOrAborted:
      return "what had come, then the stream's end; or `operation_aborted`, if the queue met it "
             "first";
    case ReadTold::kDestroyed:
      return "destroyed uninvoked";
    case ReadTold::kWaits:
      return "waits";
  }
  return {};
}

[[nodiscard]] std::string_view stream_text(StreamAfter after) {
  switch (after) {
    case StreamAfter::kDrained:
      return "drained, then closed";
    case StreamAfter::kReleased:
      return "open, released";
    case StreamAfter::kClosed:
      return "closed";
    case StreamAfter::kKept:
      return "kept";
  }
  return {};
}

void add_rule(std::ostringstream& text, std::size_t columns) {
  text << "|";
  for (std::size_t i = 0; i != columns; ++i) {
    text << "---|";
  }
  text << "\n";
}

void add_peer_table(std::ostringstream& text) {
  text << "| the peer sees after |";
  for (const FamilyRow& family : kFamilies) {
    text << " " << family.title << " |";
  }
  text << "\n";
  add_rule(text, kFamilies.size() + 1);
  for (const EndRow& row : kEndRows) {
    text << "| " << row.title << " |";
    for (const FamilyRow& family : kFamilies) {
      text << " " << peer_text(row, family) << " |";
    }
    text << "\n";
  }
}

template <class Rows>
void add_program_table(std::ostringstream& text, std::string_view heading, const Rows& rows) {
  text << "| " << heading
       << " | ticket in flight | tickets behind | waiting write | "
          "`async_flush` | `async_closed` | a read | a read told of the queue | owned stream | "
          "shared stream |\n";
  add_rule(text, 10);
  for (const EndRow& row : rows) {
    text << "| " << row.title << " | " << told_text(row.in_flight) << " | " << told_text(row.behind)
         << " | " << told_text(row.waiting) << " | " << told_text(row.flush) << " | "
         << told_text(row.closed) << " | " << read_text(row.read) << " | "
         << read_text(row.told_read) << " | " << stream_text(row.owned) << " | "
         << stream_text(row.shared) << " |\n";
  }
}

}  // namespace

std::string end_tables() {
  std::ostringstream text;
  add_peer_table(text);
  text << "\n";
  add_program_table(text, "the program is told after", kEndRows);
  text << "\n";
  add_program_table(text, "of a WebSocket it is told instead", kWebSocketRows);
  return text.str();
}

}  // namespace bytes_handoff::test
