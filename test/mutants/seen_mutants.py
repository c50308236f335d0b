"""Ways to break what is seen of a queue from outside: name, file, text, replacement, tree, program,
test files that may notice."""

INCLUDE = "include/bytes_handoff/"
QUEUE = INCLUDE + "core/queue/"
WRITING = INCLUDE + "asio/writing/"
MARKS = QUEUE + "age_marks.hpp"
MEMBERS = QUEUE + "write_queue_members.hpp"

AGES = ("dev", "core_tests", "/age_marks_test")
GAUGES = ("dev", "core_tests", "/write_queue_gauges_test")
QUEUES = ("dev", "shell_tests_asio", "/(queue_gauges|write_refusal)_test")

MUTANTS = [
    ("a mark whose items have left still counts", MARKS,
     "      if (mark.came > left) {", "      if (mark.came >= left) {", *AGES),
    ("a look at what has been seen makes a mark", MARKS,
     "    if (came <= last.came || now < last.at) {", "    if (came < last.came || now < last.at) {",
     *AGES),
    ("a time that was read too early is believed", MARKS,
     "    if (came <= last.came || now < last.at) {", "    if (came <= last.came) {", *AGES),
    ("the last mark always gives way", MARKS,
     "    for (std::size_t i = kMarks - 2; i != 0; --i) {",
     "    for (std::size_t i = kMarks - 2; i == 0; --i) {", *AGES),
    ("a check of a time limit is no look", QUEUE + "ends.hpp",
     "  ages_.note(stats_.admitted_items, written_items(), now);\n", "", *GAUGES),
    ("an ended queue has an age", MEMBERS, "since && pending_items_ != 0) {", "since) {", *GAUGES),
    ("an age may be negative", MEMBERS, "return *now - (std::min)(since, *now);",
     "return *now - since;", *GAUGES),
    ("who waits does not look at the time", QUEUE + "line.hpp",
     "  waiter.since = waiter.time();\n", "", *GAUGES),
    ("a stream that makes a write wait is no look", WRITING + "writer.hpp",
     "      note_time();\n", "", *QUEUES),
    ("who waits looks at the time of the system", WRITING + "writer_base.hpp",
     "    return writer_->time().value_or(TimePoint());  // nobody asks then\n",
     "    return std::chrono::steady_clock::now();\n", *QUEUES),
]
