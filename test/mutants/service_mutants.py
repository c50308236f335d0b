"""Ways to break accepting, core and shell; as in shell_mutants.py."""

INCLUDE = "include/bytes_handoff/"
CORE = INCLUDE + "core/service/accept_core.hpp"
PAUSE = INCLUDE + "core/service/accept_pause.hpp"
SLOT = INCLUDE + "core/service/accept_slot.hpp"
OPERATION = INCLUDE + "asio/service/accept_operation.hpp"
PARTS = INCLUDE + "asio/service/accept_parts.hpp"

OF_CORE = ("dev", "core_tests", "/service/accept_core_test")
OF_STEPS = ("dev", "shell_tests_asio", "/service/accept_steps_test")
OF_LIMIT = ("dev", "shell_tests_asio", "/service/accept_limit_test")
# AddressSanitizer must notice.
OF_LIMIT_POISONED = ("asan", "shell_tests_boost_asio", "/service/accept_limit_test")
OF_MEMORY = ("dev", "allocation_fault_tests_asio", "/fault/(stream|suspension|threaded|memory/)")
OF_ACCEPTORS = ("dev", "shell_tests_asio", "/service/accept_each_test")

MUTANTS = [
    ("a limit of connections lets one more in", SLOT, ">= max_open_", "> max_open_", *OF_LIMIT),
    ("the end of a connection gives no place back", SLOT,
     "    count_.fetch_sub(1, std::memory_order_seq_cst);\n", "", *OF_CORE),
    ("the end of a connection ends no pause", SLOT, "    pause_.end();\n", "", *OF_LIMIT),
    ("a full service is told at each look", CORE, "    return !(is_full && was_full);",
     "    return true;", *OF_CORE),
    ("a service that was full is not told when it is full again", CORE,
     "    was_full_ = false;\n    const bool", "    const bool", *OF_CORE),
    ("a slot that goes before the pause is forgotten", OPERATION,
     "    if (is_full_ && !open_->is_full()) {", "    if (false) {", *OF_LIMIT),
    ("slots lead to accepting that is over", OPERATION,
     "      AcceptPauseAccess::detach(open_->pause());\n", "", *OF_LIMIT_POISONED),
    ("a limit that nobody keeps a slot for is taken", INCLUDE + "asio/service/accept_each.hpp",
     "options.max_open != 0 && !may_take_slot", "false", *OF_LIMIT),
    ("a limit that nobody keeps a slot for is taken, of an acceptor of one's own", OPERATION,
     "    if (!kTakesSlot && open_) {", "    if (false) {", *OF_LIMIT),
    ("accepting ends at EMFILE", CORE, "    case EMFILE:\n", "", *OF_CORE),
    ("accepting spins at a shortage", CORE,
     "      case AcceptError::kShortage:\n        return after_prepare(false);",
     "      case AcceptError::kShortage:\n        return next();", *OF_STEPS),
    ("accepting spins at the error of a connection", CORE,
     "errors_in_a_row_ <= kMostAtOnce ? next()", "errors_in_a_row_ != 0 ? next()", *OF_CORE),
    ("a connection does not end a row of errors", CORE, "        errors_in_a_row_ = 0;\n", "",
     *OF_CORE),
    ("accepting ends at the error of a connection", CORE, "    case ECONNABORTED:\n", "", *OF_STEPS),
    ("a closed acceptor is told as one that was never open", CORE, "was_open ? cancel() : fail();",
     "fail();", *OF_CORE),
    ("a pause does not end with its acceptor", CORE,
     "    if (is_end(error)) {\n      cancel();\n    }\n", "", *OF_CORE),
    ("a pause is not told of its acceptor's end", OPERATION,
     "    if constexpr (TellsOfItsEnd<Acceptor>) {", "    if constexpr (false) {", *OF_ACCEPTORS),
    ("an accept brings no peer", OPERATION, "async_accept(to..., peer_, std::move(handler))",
     "async_accept(to..., std::move(handler))", *OF_ACCEPTORS),
    ("a cancellation during a pause is forgotten", PARTS,
     "    if ((under_way_ & kAcceptPart) == 0) {\n      end_pause();\n    } else if",
     "    if (under_way_ != 0 && (under_way_ & kAcceptPart) == 0 && !also_accept) {\n"
     "      end_pause();\n    } else if", *OF_STEPS),
    ("a cancellation during an accept is forgotten", PARTS,
     "    } else if (also_accept) {\n      cancel();\n    }", "    } else if (also_accept) {\n    }",
     *OF_STEPS),
    ("a cancellation between two steps of accepting is forgotten", OPERATION,
     "    if (is_cancelled()) {\n      core_.cancel();\n    }", "",
     *OF_STEPS),
    ("the end of a pause cancels an accept", PARTS, "    } else if (also_accept) {",
     "    } else if (also_accept || under_way_ != 0) {", *OF_STEPS),
    ("a pause leaves its watch behind", PARTS,
     "    if ((under_way_ & kWatchPart) != 0) {\n      cancel();\n    }\n", "", *OF_ACCEPTORS),
    ("what on_accept throws ends accepting", OPERATION, "      hop();\n      throw;", "      throw;",
     *OF_STEPS),
    ("what prepare throws ends accepting", OPERATION, "      start_pause();\n      throw;",
     "      throw;", *OF_STEPS),
    ("the functions of accepting outlive it", OPERATION, "    options_ = {};\n    on_accept_.reset();\n",
     "", *OF_STEPS),
    ("accepting ends with a connection that Asio has lost", OPERATION,
     "if (kPart != kAcceptPart || std::uncaught_exceptions() == 0) {", "if (true) {", *OF_MEMORY),
    ("accepting that is over keeps its pause", OPERATION,
     "      AcceptPauseAccess::detach(*options_.pause);\n", "      set_paused(false);\n", *OF_STEPS),
    ("a pause object looks at its operation without a pause", PAUSE, "is_on ? held() : nullptr",
     "held()", *OF_CORE),
]
