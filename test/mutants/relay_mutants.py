"""Ways to break a relay, core and shell; as in shell_mutants.py."""

CORE = "include/bytes_handoff/core/relaying/relay_core.hpp"
SHELL = "include/bytes_handoff/asio/relaying/"
OPERATION = SHELL + "relay_operation.hpp"
STREAM = SHELL + "stream_relay.hpp"
QUEUE = SHELL + "queue_relay.hpp"

OF_CORE = ("dev", "core_tests", "/relaying/")
OF_STREAM = ("dev", "shell_tests_asio", "/relaying/stream_relay[a-z_]*_test")
OF_QUEUE = ("dev", "shell_tests_asio", "/relaying/queue_relay_test")

MUTANTS = [
    ("a relay ends a cut input in order", CORE,
     "return in_ == In::kEnded ? RelayStep::kClose : RelayStep::kCut;", "return RelayStep::kClose;",
     *OF_CORE),
    ("a relay cuts before it has passed on what came", CORE,
     "    if (counts_.passed_on != counts_.received) {",
     "    if (in_ != In::kFailed && counts_.passed_on != counts_.received) {", *OF_CORE),
    ("a relay reads on before what it has passed on is flushed", CORE,
     "    if (is_unflushed_) {", "    if (is_unflushed_ && in_ != In::kOpen) {", *OF_CORE),
    ("a relay tells the last error", CORE, "    if (!error_) {", "    if (true) {", *OF_CORE),
    ("a cancelled relay forgets the error of its input", CORE,
     "    if (in_ == In::kFailed) {\n      return ends_out_ ?",
     "    if (false) {\n      return ends_out_ ?", *OF_CORE),
    ("a relay takes its own cancellation for the input's error", CORE,
     "    if (error && !is_ours) {", "    if (error) {", *OF_CORE),
    ("a relay takes the stream's abort for its own cancellation", CORE,
     "const bool is_ours = (stop_ != Stop::kNo || stops_reading_) && error == cancelled_code_;",
     "const bool is_ours = error == cancelled_code_;", *OF_CORE),
    ("a relay counts its writes of 0 bytes in all", CORE,
     "zero_writes_ = n == 0 ? zero_writes_ + 1 : 0;", "zero_writes_ += n == 0 ? 1U : 0U;", *OF_CORE),
    ("a relay reads while a queue has room for less than a block", CORE,
     "(block <= budget && pending <= budget - block)", "(block <= budget && pending < budget)",
     *OF_CORE),
    ("a relay to a stream keeps what was written in the buffer", STREAM,
     "        static_cast<void>(buffer_->advance(n));", "", *OF_STREAM),
    ("a relay to a stream does not let others run", STREAM,
     "(writes == kMaxInlineWrites || inline_bytes >= kMaxInlineBytes)", "false", *OF_STREAM),
    ("a relay does not wait until its queue has let go of the stream", STREAM,
     "      end_events_ = 2;", "      end_events_ = 1;", *OF_STREAM),
    ("a cancellation does not reach an end that waits", STREAM,
     "      core_.cancel();\n      queue_.abort();", "      core_.cancel();", *OF_STREAM),
    ("a second cancellation of a relay is lost", OPERATION,
     "canceller.types.exchange(0, std::memory_order_acq_rel)", "canceller.types.load()", *OF_STREAM),
    ("a cancellation between two steps of a relay is lost", OPERATION,
     "    if (is_cancelled) {\n      core_.cancel();\n    }", "", *OF_STREAM),
    ("a relay does not watch its queue", QUEUE,
     "      of_in_.emit(net::cancellation_type::terminal);\n    }\n  }\n\n  void go",
     "    }\n  }\n\n  void go", *OF_QUEUE),
    ("a relay drops what its queue has refused", QUEUE,
     "        const std::size_t admitted = piece_size_ - piece_.size();\n        put_back();",
     "        const std::size_t admitted = piece_size_ - piece_.size();\n        piece_ = Bytes();",
     *OF_QUEUE),
    ("a relay reads on whatever its queue holds", QUEUE,
     "if (step == RelayStep::kRead && !may_read()) {", "if (false) {", *OF_QUEUE),
    ("a relay to a queue does not let others run", QUEUE,
     "if (pieces == kMaxInlineWrites || bytes >= kMaxInlineBytes) {", "if (false) {", *OF_QUEUE),
    ("a relay reads what is there by a turn of the executor", OPERATION,
     "    if (step == ReadStep::kDone) {\n      return {InitiationOutcome::kCompleted, reading.error(),"
     " reading.bytes()};\n    }",
     "    if (step == ReadStep::kDone) {\n      post_results(Handler(self), in_->get_executor(),"
     " reading.error(),\n                   reading.bytes());\n"
     "      return {InitiationOutcome::kUnderWay, {}, 0};\n    }", *OF_QUEUE),
    ("a relay tells that a queue is closed, and not why", QUEUE,
     "return first ? first : error;", "return error;", *OF_QUEUE),
]
