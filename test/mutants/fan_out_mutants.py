"""Ways to break the fan-out, core and shell; as in shell_mutants.py."""

CORE = "include/bytes_handoff/core/fan_out/"
SHELL = "include/bytes_handoff/asio/fan_out/"
FAN_OUT_LOG = "src/fan_out/log.cpp"
FAN_OUT = CORE + "fan_out_core_members.hpp"
LANE = CORE + "lane_members.hpp"
SUBSCRIBER = CORE + "subscriber.hpp"
QUEUE_SUBSCRIBER = SHELL + "queue_subscriber.hpp"
EXECUTOR_LANE = SHELL + "executor_lane.hpp"
FAN_OUT_SHELL = SHELL + "fan_out.hpp"

FAN_OUTS = ("dev", "core_tests", "/fan_out/")
FAN_OUTS_IN_EACH_ORDER = ("dev", "interleaving_tests", "/interleavings/fan_out")
FAN_OUTS_OF_SHELL = ("dev", "shell_tests_asio", "/fan_out/fan_out_test")

FAN_OUT_STRANDS = ("dev", "shell_tests_asio", "/fan_out/fan_out_threads_test")

MUTANTS = [
    ("a turn of a lane leaves the strand", EXECUTOR_LANE,
     "target_of<IoExecutor>(executor)", "executor.target<IoExecutor>()", *FAN_OUT_STRANDS),
    ("a full log drops a part of a group", FAN_OUT_LOG,
     "    if (held_entry_ == first_.entries) {", "    if (held_entry_ > first_.entries) {", *FAN_OUTS),
    ("a subscriber skips to the middle of a group", FAN_OUT,
     "  for (std::size_t i = 0; i != publication.entries; ++i) {",
     "  for (std::size_t i = taken.has_note || !taken.slices.empty() ? 0 : publication.entries / 2;\n"
     "       i != publication.entries; ++i) {", *FAN_OUTS),
    ("a dropped publication stays in its bucket", FAN_OUT_LOG,
     "    leave_bucket(oldest);", "", *FAN_OUTS),
    ("an older publication with a key is not superseded behind another", FAN_OUT_LOG,
     "link = &at(*link - 1).next) {\n    Publication& older", "link = &at(0).next) {\n    Publication& older",
     *FAN_OUTS),
    ("a publication while a lane's turn ends is not seen", FAN_OUT,
     "  if (has_more || seen != Glance{log_.end(), is_closed_}) {", "  if (has_more) {", *FAN_OUTS),
    ("a close does not wake who was given everything", FAN_OUT,
     "    closes_queues_ = closes_queues;\n    schedule_all(woken);", "    closes_queues_ = closes_queues;",
     *FAN_OUTS),
    ("a lane that is awake is woken again", FAN_OUT,
     "  if (lane.idle_since_ == wakes_) {\n    idle_.remove(lane);", "  if (true) {", *FAN_OUTS),
    ("a lane without subscribers is kept", FAN_OUT,
     "    forget(lane);\n    return false;", "    return false;", *FAN_OUTS),
    ("what was taken is taken for all", FAN_OUT, "  taken.is_all = taken.after_all == log_.end() && ",
     "  taken.is_all = ", *FAN_OUTS),
    ("who was given the rest of a closed log is not told", FAN_OUT,
     "taken.after_all == log_.end() && !is_closed_;", "taken.after_all == log_.end();", *FAN_OUTS),
    ("a gap is not told", SUBSCRIBER, "    gap_ += entries;\n", "", *FAN_OUTS),
    ("a gap is told again", SUBSCRIBER, "    gap_ = 0;\n", "", *FAN_OUTS),
    ("who does not lag is skipped ahead", FAN_OUT,
     "  if (!subscriber.lags_ || next.end()", "  if (next.end()", *FAN_OUTS),
    ("the newest is skipped", FAN_OUT,
     "!subscriber.lags_ || next.end() == log_.end()", "!subscriber.lags_", *FAN_OUTS),
    ("room that is too small is used", LANE,
     "    if (queue.holds_room_for(taken_.first_bytes, taken_.first_slices)) {", "    if (true) {",
     *FAN_OUTS),
    ("a note that does not fit with its publication is never written", LANE,
     "  taken_.is_note_alone = !queue.can_ever_hold(", "  taken_.is_note_alone = false && !queue.can_ever_hold(",
     *FAN_OUTS),
    ("a note goes before what can never fit", LANE,
     "                         queue.can_ever_hold(taken_.first_bytes, taken_.first_slices - 1);",
     "                         true;", *FAN_OUTS),
    ("a publication is dropped when its note goes alone", LANE,
     "    subscriber.gap_told();\n", "    subscriber.note_given(until);\n", *FAN_OUTS),
    ("a log goes while it drops what had its last handle", FAN_OUT,
     "      kept = this->shared_from_this();  // what is dropped may have had the last handle\n", "", *FAN_OUTS),
    ("a soft limit never rings", LANE,
     "  next_look_ = (std::min)(next_look_, until);\n", "", *FAN_OUTS),
    ("a soft limit is not cleared by draining", LANE,
     "    subscriber.beyond_soft_since_.reset();\n    return true;", "    return true;", *FAN_OUTS),
    ("a hard limit ends who is within it", LANE,
     "bytes > limit.bytes || entries > limit.entries;", "bytes >= limit.bytes || entries >= limit.entries;",
     *FAN_OUTS),
    ("what can never fit a queue is tried for ever", LANE,
     "        subscriber.miss(taken_.after_first);\n        break;", "        break;", *FAN_OUTS),
    ("who leaves keeps its room", LANE, "  subscriber.release_room();\n", "", *FAN_OUTS),
    ("who arrives is forgotten when the context ends", FAN_OUT,
     "    subscriber->is_over_ = true;\n", "", *FAN_OUTS),
    ("a turn serves everyone", LANE, "left = kServedATurn; left != 0; --left", "left = 1; left != 0;",
     *FAN_OUTS),
    ("a soft limit ends at once", QUEUE_SUBSCRIBER,
     "writer_->abort_after_written(slow);", "writer_->abort(slow);", *FAN_OUTS_OF_SHELL),
    ("a subscriber finds no place in a full line", QUEUE_SUBSCRIBER,
     "    room_.is_counted = false;\n", "", *FAN_OUTS_OF_SHELL),
    ("a subscriber joins a lane that has gone", FAN_OUT,
     "  if (is_closed_ || lane.is_retired_) {", "  if (is_closed_) {", *FAN_OUTS_IN_EACH_ORDER),
    ("who joins or answers within a turn is forgotten", FAN_OUT,
     "  if (lane.first_mail_ != nullptr) {\n    return true;\n  }\n", "", *FAN_OUTS_IN_EACH_ORDER),
    ("a lane sets no timer", EXECUTOR_LANE, "    if (next == timer_at_) {", "    if (true) {",
     *FAN_OUTS_OF_SHELL),
    ("a timer is kept that nobody needs", EXECUTOR_LANE,
     "      timer_.stop();\n      return;", "      return;", *FAN_OUTS_OF_SHELL),
    ("a lane lives on without its context", EXECUTOR_LANE, "    end_all();\n", "",
     *FAN_OUTS_OF_SHELL),
    ("an ended queue stays in the log", FAN_OUT_SHELL, "        made->watch_end();\n", "",
     *FAN_OUTS_OF_SHELL),
    ("the last handle on a log closes the queues", FAN_OUT_SHELL, "{ close(false); }",
     "{ close(true); }", *FAN_OUTS_OF_SHELL),
]
