"""Ways to break a wait for a frame: name, file, text, replacement, tree, program, test files that
may notice."""

INCLUDE = "include/bytes_handoff/"
WAIT = INCLUDE + "core/framing/frame_wait.hpp"
BUFFER = INCLUDE + "handoff_buffer.hpp"
READING = INCLUDE + "asio/reading/reading.hpp"
FRAME_READING = INCLUDE + "asio/reading/frame_reading.hpp"
READ = INCLUDE + "asio/reading/read_operation.hpp"
NET_ERROR = INCLUDE + "asio/support/net_error.hpp"

CORE = ("dev", "core_tests", "/frame_wait_test")
SHELL = ("dev", "shell_tests_asio", "/wait_frame_streams_test")
STEPS = ("dev", "shell_tests_asio", "/wait_frame_steps_test")
BOOST = ("asan", "shell_tests_boost_asio", "/wait_frame_streams_test")

MUTANTS = [
    ("a cut end is told as a clean one", WAIT,
     "buffer.empty() ? std::error_code() : make_error_code(Errc::truncated_frame)",
     "std::error_code()", *CORE),
    ("a scan is left out although enough bytes are there", WAIT,
     "if (buffer.size() < needed_) {", "if (buffer.size() <= needed_) {", *CORE),
    ("a scan is made before enough bytes are there", WAIT,
     "      needed_ = scan.needed();\n", "", *CORE),
    ("a cancellation between two reads of a wait is forgotten", WAIT,
     "    if (is_cancelled) {\n      return", "    if (false && is_cancelled) {\n      return", *CORE),
    ("a wait whose reads never wait lets nobody run", WAIT,
     "? FrameStep::kRead : FrameStep::kYield", "? FrameStep::kRead : FrameStep::kRead", *CORE),
    ("an error that comes with a frame is forgotten", WAIT,
     "leaves_error_ = end == ReadEnd::kFailed;", "leaves_error_ = false;", *CORE),
    ("a cancellation that comes with a frame is kept as an error", WAIT,
     "leaves_error_ = end == ReadEnd::kFailed;", "leaves_error_ = end >= ReadEnd::kCancelled;",
     *CORE),
    ("an error is told before the frame that came with it", WAIT,
     "    if (look(buffer) == FrameStep::kTell) {",
     "    if (end != ReadEnd::kFailed && look(buffer) == FrameStep::kTell) {", *CORE),
    ("a buffer that is moved forgets its error", BUFFER,
     "    kept_error_ = std::exchange(from.kept_error_, {});\n", "", *SHELL),
    ("a kept error is told for ever", READING,
     "std::exchange(BufferAccess::kept_error(*buffer_), {})",
     "BufferAccess::kept_error(*buffer_)", *SHELL),
    ("a kept error is told by no read", READING,
     "if (BufferAccess::kept_error(*buffer_)) {", "if (false) {", *SHELL),
    ("a buffer is free while its wait lets others run", READ,
     "    BufferAccess::set_reading(reading_.buffer(), true);\n", "", *STEPS),
    ("a wait that is cancelled while others run reads once more", FRAME_READING,
     "return is_cancelled ? take(FrameStep::kCancelled) : go_on(read_again(), false);",
     "return go_on(read_again(), is_cancelled);", *STEPS),
    ("a suspension does not count", READ,
     "        reading_.note_suspended();\n", "", *STEPS),
    ("a kept error of Boost's compares as none", NET_ERROR,
     "holds_std_error(error) ? nullptr : &error.category()", "nullptr", *BOOST),
]
