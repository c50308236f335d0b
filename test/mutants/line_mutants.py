"""Ways to break permits, bursts and the one line: name, file, text, replacement."""

QUEUE = "include/bytes_handoff/core/queue/"
ADMISSION = QUEUE + "admission.hpp"
LINE = QUEUE + "line.hpp"
ENDS = QUEUE + "ends.hpp"
WRITER = QUEUE + "departure.hpp"

MUTANTS = [
    ("a permit is given back twice", ADMISSION,
     "    unreserved_bytes_ += room.bytes;\n  }\n  room = {};\n",
     "    unreserved_bytes_ += room.bytes;\n  }\n"),
    ("a commit does not give the rest back", ADMISSION,
     "    take_back(room);\n    write = push(",
     """    ReservedRoom used{bytes, items};
    take_back(used);
    room = {};
    write = push("""),
    ("a commit is admitted after the close", ADMISSION,
     "    if (state_ != State::kOpen) {\n      return refused(closed_refusal(), effects);",
     "    if (state_ == State::kEnded) {\n      return refused(closed_refusal(), effects);"),
    ("a commit may have more bytes than its permit", ADMISSION,
     "    if (bytes > room.bytes) {", "    if (false) {"),
    ("a commit that leaves room wakes nobody", ADMISSION,
     "to be gone.\n    is_settled = line_.empty() || admit_a_step(effects);\n", "to be gone.\n"),
    ("a commit that gives nothing back looks at nobody in line", ADMISSION,
     """    take_back(room);
    write = push(slices, bytes, effects);
""",
     """    const bool gives_some_back = bytes != room.bytes || items != room.items;
    take_back(room);
    write = push(slices, bytes, effects);
    if (!gives_some_back) {
      return write;
    }
"""),
    ("a permit that is dropped wakes nobody", ADMISSION,
     "    take_back(room);\n    is_settled = line_.empty() || admit_a_step(effects);\n",
     "    take_back(room);\n"),
    ("the bytes of a permit are not counted", ADMISSION, "  unreserved_bytes_ -= bytes;\n", ""),
    ("the items of a permit are not counted", ADMISSION, "  items_.set_aside(items);\n", ""),
    ("the items of a permit have no places", ADMISSION, "  items_.set_aside(items);\n", ""),
    ("a permit of no items holds no place", ADMISSION,
     "  items = std::max<std::size_t>(items, 1);\n", ""),
    ("what permits hold is not in the figures of a refusal", ADMISSION,
     "saturating_sum(pending_bytes_ + reserved_bytes(), bytes)", "saturating_sum(pending_bytes_, bytes)"),
    ("an empty queue drops the places of permits", ADMISSION,
     "  if (items_.aside() == 0 && line_.empty()) {", "  if (line_.empty()) {"),
    ("places are dropped while somebody waits", WRITER,
     "pop_front_while(most, !line_.empty(), [", "pop_front_while(most, false, ["),
    ("who waits has a place only while nobody else does", LINE,
     "places = saturating_sum(line_totals().items, waiter.items);", "places = waiter.items;"),
    ("a piece of a cut slice has no place of its own", LINE,
     "has_pieces ? kForPieces : 0", "0"),
    ("pieces lose their places to who comes behind them", LINE,
     "line_has_pieces_ || waiter.asks_for == AsksFor::kCutBurst;", "waiter.asks_for == AsksFor::kCutBurst;"),
    ("a burst loses its place after its first part", LINE,
     "    if (waiter.is_burst() && !waiter.slices.empty()) {\n      continue;",
     """    if (waiter.is_burst() && !waiter.slices.empty()) {
      line_.remove(waiter);
      line_.push_back(waiter);
      continue;"""),
    ("what is admitted of a burst stays counted as waiting bytes", LINE, "  items_.head().line.bytes -= bytes;\n", ""),
    ("what is admitted of a burst stays counted as waiting items", LINE,
     "    items_.head().line.items -= items;\n  } else {", "  } else {"),
    ("the first part of a burst waits for the writer", LINE,
     "    is_settled = line_.front() != &waiter || admit_a_step(effects);\n", ""),
    ("a burst behind others is let in past them", LINE,
     "    is_settled = line_.front() != &waiter || admit_a_step(effects);\n",
     """    if (waiter.is_burst()) {
      std::size_t left = max_step_items_;
      while (left != 0 && !waiter.slices.empty() && !held_up_by(waiter.slices.front().size(), 1)) {
        left -= admit_part(waiter, left, effects);
      }
    }
"""),
    ("a slice is cut while a permit is held", LINE,
     "== AsksFor::kCutBurst && reserved_items() == 0;", "== AsksFor::kCutBurst;"),
    ("pieces of a cut slice have one byte", LINE,
     "std::max<std::size_t>(config_.max_pending_bytes / 2, 1)", "1"),
    ("a burst of more slices than the limit is refused", LINE,
     "waiter.is_burst() ? 1 : waiter.items;", "waiter.items;"),
    ("a burst that is cut is refused where it is larger than the budget", LINE,
     "waiter.largest = waiter.bytes == SIZE_MAX ? SIZE_MAX : 0;", "waiter.largest = waiter.bytes;"),
    ("a slice that can never fit waits for ever", LINE,
     "      waiter.largest = (std::max)(waiter.largest, slice.size());\n", ""),
    ("a burst of no slices waits behind others", LINE, "if (is_nothing || has_room(", "if (has_room("),
    ("who waits behind a cancelled reservation is forgotten", LINE,
     "{}}, effects);\n      is_settled = admit_a_step(effects);\n",
     """{}}, effects);
      is_settled = waiter.asks_for == AsksFor::kRoom || admit_a_step(effects);
"""),
    ("a grant is taken back by the cancellation behind it", LINE,
     "    if (waiter.linked) {\n      refuse(",
     """    if (!waiter.linked) {
      take_back(waiter.room);
    }
    if (waiter.linked) {
      refuse("""),
    ("a reservation that is cancelled is granted as well", LINE,
     "    if (waiter.linked) {\n      refuse(",
     """    if (waiter.linked) {
      if (waiter.asks_for == AsksFor::kRoom && !held_up_by(0, 1)) {
        waiter.room = set_aside(0, 1);
      }
      refuse("""),
    ("a reservation counts as waiting bytes", QUEUE + "write_queue.hpp",
     "return asks_for == AsksFor::kRoom ? 0 : bytes;", "return bytes;"),
    ("a full line refuses who does not count", LINE,
     "  if (waiter.is_counted && waiters >= config_.max_waiters) {", "  if (waiters >= config_.max_waiters) {"),
    ("who did not count makes a place when it leaves the line", LINE,
     "  totals.uncounted -= waiter.is_counted ? 0 : 1;\n", ""),
    ("a close leaves permits their room", ENDS,
     "  state_ = State::kClosing;\n  take_back_all(effects);\n", "  state_ = State::kClosing;\n"),
    ("an end leaves permits their room", ENDS,
     "  if (state_ == State::kOpen) {\n    take_back_all(effects);\n  }\n", ""),
    ("a reservation outlives a close that lets the line in", ENDS,
     "  refuse_reservations(effects);\n", ""),
    ("a close refuses only the reservations in front of a write", LINE,
     "      line_.remove(waiter);\n      line_.push_back(waiter);\n    }\n  }\n}\n",
     "      line_.remove(waiter);\n      line_.push_back(waiter);\n      left = 1;\n    }\n  }\n}\n"),
]
