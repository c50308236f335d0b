"""Ways to break a tunnel, core and shell; as in shell_mutants.py."""

CORE = "src/relaying/tunnel_core.cpp"
SHELL = "include/bytes_handoff/asio/relaying/"
OPERATION = SHELL + "tunnel_operation.hpp"
SIDE = SHELL + "tunnel_side.hpp"

OF_CORE = ("dev", "core_tests", "/relaying/tunnel_")
OF_SHELL = ("dev", "shell_tests_asio", "/relaying/tunnel_((ends|queues)_)?test")

MUTANTS = [
    ("the idle timer of a tunnel stays armed when it is over", CORE,
     "    set_look(TimePoint::max(), effects);\n    effects.is_over = true;",
     "    effects.is_over = true;", *OF_CORE),
    ("the bytes of one way of a tunnel do not put the idle time back", CORE,
     "      idle_since_ = now;\n", "      idle_since_ = i == 0 ? now : idle_since_;\n", *OF_CORE),
    ("bytes do not put the half-close time of a tunnel back", CORE,
     "      half_closed_since_ = now;\n    }\n  }", "    }\n  }", *OF_CORE),
    ("the half-close time of a tunnel counts from its start", CORE,
     "    half_closed_since_ = now;\n    // Not", "    // Not", *OF_CORE),
    ("a tunnel looks at its time too seldom", CORE, "look_pause(limit)", "limit / 2",
     *OF_CORE),
    ("a half-close does not set a tunnel's timer", CORE,
     "    set_look(std::min(next_look_, planned_look(now)), effects);", "", *OF_CORE),
    ("the end of a way puts off a tunnel's look at its time", CORE,
     "set_look(std::min(next_look_, planned_look(now)), effects);",
     "set_look(planned_look(now), effects);", *OF_CORE),
    ("a tunnel tells the last error", CORE, "  if (!first_error_) {", "  if (error) {", *OF_CORE),
    ("a way of a tunnel that has ended is told to end", CORE,
     "  if (!told.is_over && told.stop < stop) {", "  if (told.stop < stop) {", *OF_CORE),
    ("a way of a tunnel that is to end may be silent for ever", OPERATION,
     "        way<other_than(kWay)>().limit_time();", "", *OF_SHELL),
    ("a cancelled tunnel still looks at its time", CORE,
     "  tell(Way::kBToA, WayStop::kCancel, effects);\n  set_look(TimePoint::max(), effects);",
     "  tell(Way::kBToA, WayStop::kCancel, effects);", *OF_CORE),
    ("a tunnel whose time is over leaves its outputs open", CORE,
     "  effects.reset.fill(true);", "", *OF_CORE),
    ("a tunnel's read is not told why its queue has ended", SIDE,
     "return end_for_reads(end_.out()).explain(error);", "return error;", *OF_SHELL),
    ("what others write into a tunnel's queue is silence", SIDE,
     "return progress_ + end_.out().statistics().written_bytes;", "return progress_;", *OF_SHELL),
    ("a way of a tunnel that is to end reads on", OPERATION,
     "      way<kWay>().stop_reading();", "", *OF_SHELL),
    ("a tunnel without queues resets nothing", SIDE,
     "      detail::reset_stream(end_.stream());", "", *OF_SHELL),
    ("a tunnel whose last holder is who cancels it lets its streams' thread return", SIDE,
     "        work_(end.stream().get_executor()) {}",
     "        work_(end.stream().get_executor()) {\n    work_.reset();\n  }",
     "dev", "shell_tests_asio", "/relay_end_threads_test"),
]
