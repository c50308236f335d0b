"""Ways to break the times of writes: name, file, text, replacement, tree, program, test files that
may notice."""

INCLUDE = "include/bytes_handoff/"
QUEUE = INCLUDE + "core/queue/"
TIMER = QUEUE + "write_timer.hpp"
DEPARTURE = QUEUE + "departure.hpp"
BUCKETS = INCLUDE + "core/observing/duration_buckets.hpp"
SHARED = INCLUDE + "core/observing/shared_histogram.hpp"
HISTOGRAM = "src/observing/duration_histogram.cpp"

TIMES = ("dev", "core_tests", "/write_times_test")
COUNTED = ("dev", "core_tests", "/duration_histogram_test")
TOLD = ("dev", "shell_tests_asio", "/write_times_test")

MUTANTS = [
    ("an offer counts for one write more", "src/queue/write_timer.cpp", "offered_items_ < items; ++offered_) {",
     "offered_items_ <= items; ++offered_) {", *TIMES),
    ("a write has been written with its first item", "src/queue/write_timer.cpp", "at(left_).items <= items; ++left_) {",
     "at(left_).items <= items + 1; ++left_) {", *TIMES),
    ("a write without bytes was never offered", "src/queue/write_timer.cpp",
     "    note_offered(at(left_).items);  // a write without bytes leaves without\n", "", *TIMES),
    ("the times of a write that has left are another's", TIMER,
     "return came_ - (std::min<std::uint64_t>)(came_, capacity_);",
     "return left_ - (std::min<std::uint64_t>)(left_, capacity_);", *TIMES),
    ("more places lose what is pending", "src/queue/write_timer.cpp",
     "stamps[write & (capacity - 1)] = at(write);", "stamps[write & (capacity_ - 1)] = at(write);",
     *TIMES),
    ("permits have no places", QUEUE + "write_queue.hpp",
     "times_->reserve(items_.size() + items_.aside() + items);",
     "times_->reserve(items_.size() + items);", *TIMES),
    ("a step of the writer does not look at the time", DEPARTURE,
     "  look_for_times();\n  if (entries_", "  if (entries_", *TIMES),
    ("a turn does not look at the time", DEPARTURE, "  look_for_times();\n  return next(",
     "  return next(", *TIMES),
    ("a message is not offered", DEPARTURE,
     "  in_flight_items_ = 1;\n  note_offered();\n", "  in_flight_items_ = 1;\n", *TIMES),
    ("who waits is told none", DEPARTURE,
     "            find_durations(item.waiter->write, item.waiter->durations);\n", "", *TIMES),
    ("who asks late is told none", QUEUE + "tickets.hpp",
     "  find_durations(write, durations);\n", "", *TOLD),
    ("times of the system's clock", INCLUDE + "asio/writing/writer_base.hpp",
     "  return writer_->time().value_or(TimePoint());  // nothing is written any more",
     "  return std::chrono::steady_clock::now();", *TOLD),
    ("a bucket too wide", BUCKETS, "inline constexpr std::uint64_t kExactDurations = 2048;",
     "inline constexpr std::uint64_t kExactDurations = 1024;", *COUNTED),
    ("the end of a bucket is that of the next", BUCKETS, "return ((top + 1) << shift) - 1;",
     "return ((top + 1) << shift);", *COUNTED),
    ("a rank is rounded down", HISTOGRAM, "(count_ % kAll * share + kAll - 1) / kAll",
     "count_ % kAll * share / kAll", *COUNTED),
    ("a difference keeps the maximum", HISTOGRAM,
     "later.counts_.empty() ? 0 : std::min(max_, detail::largest_in(later.counts_.size() - 1));",
     "max_;", *COUNTED),
    ("what is at most so long leaves out its bucket", HISTOGRAM,
     "detail::bucket_of(detail::value_of(duration)) + 1);",
     "detail::bucket_of(detail::value_of(duration)));", *COUNTED),
    ("a merge keeps its own maximum", HISTOGRAM, "  max_ = std::max(max_, other.max_);\n", "",
     *COUNTED),
    ("the last who records has the maximum", SHARED,
     "    while (longest < value) {\n", "    while (longest != value) {\n", *COUNTED),
]
