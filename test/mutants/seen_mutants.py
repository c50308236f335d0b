"""Ways to break what is seen of a queue from outside: name, file, text, replacement, tree, program,
test files that may notice."""

INCLUDE = "include/bytes_handoff/"
QUEUE = INCLUDE + "core/queue/"
WRITING = INCLUDE + "asio/writing/"
MARKS = QUEUE + "age_marks.hpp"
MEMBERS = QUEUE + "write_queue_members.hpp"

AGES = ("dev", "core_tests", "/age_marks_test")
GAUGES = ("dev", "core_tests", "/write_queue_gauges_test")
WATCH = QUEUE + "event_watch.hpp"

WATCHED = ("dev", "core_tests", "/(event_watch|write_queue_events)_test")
HEARD = ("dev", "shell_tests_asio", "/(queue_events|writer_misuse)_test")
POOR = ("dev", "shell_tests_asio", "/writer_without_memory_test")
TOLD = ("dev", "interleaving_tests", "/queue_events_interleavings_test")
QUEUES = ("dev", "shell_tests_asio", "/(queue_gauges|write_refusal)_test")
REGISTRY = "src/observing/queue_registry.cpp"
LISTED = ("dev", "core_tests", "/queue_registry_test")
REPORTED = ("dev", "shell_tests_asio", "/(registered_queues|registry_threads)_test")

MUTANTS = [
    ("a mark whose items have left still counts", MARKS,
     "      if (marks_[i].came > left) {", "      if (marks_[i].came >= left) {", *AGES),
    ("a look at what has been seen makes a mark", MARKS,
     "    if (came <= last.came || now", "    if (came < last.came || now",
     *AGES),
    ("a time that was read too early is believed", MARKS,
     "    if (came <= last.came || now.time_since_epoch() < last.at) {", "    if (came <= last.came) {", *AGES),
    ("the last mark always gives way", MARKS,
     "    for (std::size_t i = kMarks - 2; i != 0; --i) {",
     "    for (std::size_t i = kMarks - 2; i == 0; --i) {", *AGES),
    ("a check of a time limit is no look", QUEUE + "ends.hpp",
     "  note_age(now);\n", "", *GAUGES),
    ("an ended queue has an age", MEMBERS, "    if (statistics.pending_items != 0) {", "    if (!items_.empty()) {",
     *GAUGES),
    ("an age may be negative", MEMBERS, "return *now - (std::min)(since, *now);",
     "return *now - since;", *GAUGES),
    ("who waits does not look at the time", QUEUE + "line.hpp",
     "  waiter.since = waiter.time();\n", "", *GAUGES),
    ("a stream that makes a write wait is no look", WRITING + "writer.hpp",
     "      note_time();\n", "", *QUEUES),
    ("who waits looks at the time of the system", WRITING + "writer_base.hpp",
     "    return writer_->time().value_or(TimePoint());  // nobody asks then\n",
     "    return std::chrono::steady_clock::now();\n", *QUEUES),
    ("a series of refusals is over while the queue is nearly full", WATCH,
     "return now.is_half_empty() && now.admitted_items > admitted_at_refusal_;",
     "return now.admitted_items > admitted_at_refusal_;", *WATCHED),
    ("a series of refusals is over where nothing came in", WATCH,
     "return now.is_half_empty() && now.admitted_items > admitted_at_refusal_;",
     "return now.is_half_empty();", *WATCHED),
    ("each refusal is a series", WATCH, "        refusals_ = told_.refusing ? refusals_ : 0;",
     "        refusals_ = 0;", *WATCHED),
    ("a series that was over before it was told goes on", WATCH,
     "      refusals_ = 0;\n    }\n    if (told_.refusing ? has_eased(now) : refusals_ != 0) {",
     "    }\n    if (told_.refusing ? has_eased(now) : refusals_ != 0 && !has_eased(now)) {", *WATCHED),
    ("nobody waits any more in a full queue", WATCH, "now.waiters == 0 && now.is_half_empty()",
     "now.waiters == 0", *WATCHED),
    ("what was on when a queue ended is told", WATCH, "    if (has_ended_) {\n      if (ended_by_",
     "    if (has_ended_ && told_.stalled == is_stalled(now.written_bytes)) {\n      if (ended_by_",
     *WATCHED),
    ("a queue without an age is stuck", REGISTRY,
     "      if (statistics.oldest_pending_age.count() != 0) {\n", "      {\n", *LISTED),
    ("those that are stuck come in the order of what they hold", REGISTRY,
     "Foremost oldest(report.oldest, most, is_stuck_longer);",
     "Foremost oldest(report.oldest, most, holds_more);", *LISTED),
    ("two tell at once", WATCH, "return !std::exchange(is_telling_, true);", "return true;", *TOLD),
    ("who tells leaves without a look", WATCH, "    if (!kind) {\n      is_telling_ = false;",
     "    if (!kind) {", *TOLD),
    ("a stall is looked for again while it lasts", WATCH,
     "return stalled_after_.count() != 0 && !is_stalled(written_bytes);",
     "return stalled_after_.count() != 0;", *WATCHED),
    ("the end tells what was written of the first item, too", QUEUE + "ends.hpp",
     "    unwritten.bytes -= front_offset_;\n", "", *WATCHED),
    ("a queue that moves again tells it when the next event comes", QUEUE + "departure.hpp",
     "  ask_to_tell(effects);\n", "", *WATCHED),
    ("the last handle is an abort", WRITING + "writer_base.hpp",
     "abort_after_written(ErrorValue::of(Errc::aborted), Waiters::refuse, EndedBy::last_handle);",
     "abort_after_written();", *HEARD),
    ("a queue that is shed is an abort", WRITING + "writer_base.hpp",
     "abort(ErrorValue::of(Errc::shed), EndedBy::memory_budget);",
     "abort(ErrorValue::of(Errc::shed));", *HEARD),
    ("an executor without memory is an abort", WRITING + "stream_holder.hpp",
     "abort(to_error_value(net::error::no_memory), EndedBy::no_memory);",
     "abort(to_error_value(net::error::no_memory));", *POOR),
    ("a look at the time that cannot be queued is forgotten", WRITING + "stream_holder.hpp",
     "PoolAllocator<void>(), [self = hold()] { self->check_time(); });\n    } catch (...) {\n"
     "      fail_to_start();",
     "PoolAllocator<void>(), [self = hold()] { self->check_time(); });\n    } catch (...) {\n",
     *POOR),
    ("a context that goes tells nothing", WRITING + "writer_base.hpp",
     "    guard().wait_until_left();\n    if (effects.tell_events) {",
     "    guard().wait_until_left();\n    if (false) {", *HEARD),
    ("a refused reservation tells nothing", WRITING + "write_handoff.hpp",
     "    writer->tell_events();\n", "", *HEARD),
    ("a name is that of the caller", QUEUE + "queue_name.hpp",
     "      std::memcpy(text, name.data(), name.size());",
     "      std::memset(text, 'x', name.size());", *HEARD),
    ("an abort does not name the queue", "src/queue/queue_check.cpp",
     "  if (!figures.name.empty()) {", "  if (false) {", *HEARD),
    ("a report has queues that came after it began", REGISTRY, "each->number_ <= last_ && ", "", *LISTED),
    ("who is being destroyed is not counted", REGISTRY, "        count_gone(*each);\n", "", *LISTED),
    ("who goes before a report comes there is not counted", REGISTRY,
     "    if (walk->is_still_to_be_seen(member)) {", "    if (false) {", *LISTED),
    ("who goes behind a report is counted twice", REGISTRY,
     "    if (walk->is_still_to_be_seen(member)) {", "    if (true) {", *LISTED),
    ("the last queue of a step is kept", REGISTRY, "    before->let_go();\n", "", *LISTED),
    ("a report forgets how far it is", REGISTRY, "      seen_ = each->number_;\n", "", *LISTED),
    ("what those counted that are gone is forgotten", REGISTRY,
     "  add_counts(counted_by_gone_, member.last_statistics());\n", "", *LISTED),
    ("those that hold least come first", REGISTRY,
     "  return std::pair(one.statistics.held_bytes,", "  return std::pair(2000 - one.statistics.held_bytes,",
     *LISTED),
    ("a queue stays in its registry", INCLUDE + "asio/writing/writer_base.hpp",
     "      registry_seat_->leave();\n", "", *REPORTED),
    ("a report keeps each queue", INCLUDE + "asio/writing/writer_base.hpp",
     "inline void RegistrySeat::let_go() noexcept { writer_->let_go_of_seat(); }",
     "inline void RegistrySeat::let_go() noexcept {}", *REPORTED),
]
