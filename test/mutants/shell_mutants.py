"""Ways to break the shell: name, file, text, replacement, tree, program, test files that may notice.

The tree is `asan` where what is broken is memory that is used after it has gone."""

IMPL = "include/bytes_handoff/impl/"
OPERATIONS = IMPL + "write_operations.hpp"
CONTEXTS = IMPL + "context_registry.hpp"
BASE = IMPL + "writer_base.hpp"
WRITER = IMPL + "writer.hpp"
LINGER = IMPL + "linger.hpp"
READ = IMPL + "read_operation.hpp"
READING = IMPL + "reading.hpp"
MEMORY = IMPL + "handler_memory.hpp"
STREAM_CONTEXT = IMPL + "stream_context.hpp"
THROWN = IMPL + "stream_exception.hpp"
EFFECTS = "include/bytes_handoff/detail/effects.hpp"
BUFFER = "include/bytes_handoff/handoff_buffer.hpp"

ASAN_TOKENS = ("asan", "token_tests_boost_asio")
ASAN_CONTEXTS = ("asan", "context_tests_boost_asio")
SHELL = ("dev", "shell_tests_asio")
HARNESS = ("dev", "harness_tests")

ROOMS = "bench/stream_harness/"
LEDGER = ROOMS + "driver_ledger.cpp"
ERROR_LOG = ROOMS + "error_log.cpp"
PAYLOAD = ROOMS + "workload.cpp"

MUTANTS = [
    ("the initiation of a write uses itself when its handler may have run", OPERATIONS,
     "before the writer's turn\n    }\n    writer->carry_out(effects);",
     "before the writer's turn\n    }\n    writer_->carry_out(effects);",
     *ASAN_TOKENS, "/write_tokens_test"),
    ("the initiation of a close uses itself when its handler may have run", OPERATIONS,
     "    if constexpr (kCloses) {\n      writer->close();",
     "    if constexpr (kCloses) {\n      writer_->close();",
     *ASAN_TOKENS, "/end_tokens_test"),
    ("a cancellation between two steps of a read is forgotten", READ,
     "    is_cancelled_ = true;\n", "",
     *SHELL, "/read_steps_test"),
    ("a writer that goes with its stream's service forgets who waits", WRITER,
     "      queue().orphan(&context_of(*stream_executor_), effects);\n", "",
     *ASAN_CONTEXTS, "/service_order_test"),
    ("the executor of a context that has gone is still used", STREAM_CONTEXT,
     "    guard().wait_until_left();\n    executor_ = nullptr;\n",
     "    guard().wait_until_left();\n",
     *ASAN_CONTEXTS, "/gone_context_test"),
    ("a handler that has nowhere to run is posted", STREAM_CONTEXT,
     "return !net::get_associated_executor(handler, default_executor);", "return false;",
     *ASAN_CONTEXTS, "/gone_context_test"),
    ("a shutdown does not wait for who is about to post", BASE,
     "    queue_.orphan(context, effects);\n    guard().wait_until_left();\n",
     "    queue_.orphan(context, effects);\n",
     *ASAN_CONTEXTS, "/submitting_threads_test"),
    ("a step does not hold its context", EFFECTS,
     "    if (guard_ != nullptr && !is_held_) {", "    if (false) {",
     *ASAN_CONTEXTS, "/submitting_threads_test"),
    ("a member that is added behind the shutdown lives on", CONTEXTS,
     "    if (is_shut_) {\n      return false;\n    }\n", "",
     "asan", "shell_tests_boost_asio", "/writer_context_test"),
    ("a read that went with its context runs for ever", BUFFER,
     "    if (buffer_->is_reading()) {\n      buffer_->end_read(0);\n    }\n", "",
     *SHELL, "/read_steps_test"),
    ("a buffer that goes first is still used", BUFFER,
     "  void forget_buffer() noexcept { buffer_ = nullptr; }",
     "  void forget_buffer() noexcept {}",
     "asan", "shell_tests_boost_asio", "/read_steps_test"),
    ("a read that completes inside of its start goes on inside", READ,
     "    if (Initiation* const inside = Initiation::of(this)) {\n      inside->complete(error, n);",
     "    if (Initiation* const inside = nullptr) {\n      inside->complete(error, n);",
     *SHELL, "/read_steps_test"),
    ("memory inside of an operation is given out whatever its alignment", MEMORY,
     " || alignment > alignof(std::max_align_t)", "",
     *SHELL, "/writer_exceptions_test"),
    ("what a strand needs beside is not pooled", MEMORY,
     "static_cast<T*>(memory) : PoolAllocator<T>().allocate(n);",
     "static_cast<T*>(memory) : static_cast<T*>(::operator new(n * sizeof(T) + kCacheLine));",
     "dev", "alloc_tests_asio", "/steady_state_test"),
    ("what a stream throws is told as no memory", THROWN,
     "return error ? error : to_net_error(Errc::stream_exception);", "return net::error::no_memory;",
     *SHELL, "/writer_exceptions_test"),
    ("an ended queue keeps its stream", WRITER,
     "if (!has_ended_ || is_with_stream_ || is_in_turn_ || stream_ == nullptr) {", "if (true) {",
     *SHELL, "/writer_release_test"),
    ("an ended queue lets go of a stream that is busy for it", WRITER,
     "if (!has_ended_ || is_with_stream_ || is_in_turn_", "if (!has_ended_ || is_in_turn_",
     "asan", "shell_tests_boost_asio", "/writer_release_test"),
    ("what was not written is kept without handles", BASE,
     "    has_handles_ = false;\n    queue_.discard_unwritten();\n", "",
     *SHELL, "/writer_release_test"),
    ("an owned socket does not linger", WRITER,
     "        linger(stream);\n", "",
     *SHELL, "/writer_release_test"),
    ("a lingering socket waits for silence for ever", LINGER,
     "    wait_for_silence();\n    wait_for_input();\n", "    wait_for_input();\n",
     *SHELL, "/writer_release_test"),
    ("a lingering socket reads without end", LINGER,
     "      if (left_ == 0) {\n        return false;\n      }\n", "",
     *SHELL, "/writer_release_test"),
    ("an idle stream without readiness is given a block", READING,
     "begin_read(buffer_->is_empty() && buffer_->is_stream_drained(), error);",
     "begin_read(false, error);",
     "dev", "tls_tests_asio", "/tls_idle_test"),
    ("decrypted bytes wait for the next read", READING,
     "return SSL_pending(stream_->native_handle()) > 0;", "return false;",
     "dev", "tls_tests_asio", "/tls_idle_test"),
    ("what cannot be waited for is not read", READING,
     "    if (error == net::error::operation_not_supported && !std::exchange(cannot_wait_, true)) {",
     "    if (false) {",
     *SHELL, "/pipe_test"),
    ("a driver waits for a stranger at its sinks", LEDGER,
     " || unclaimed_.empty() || without_sink_ == 0;", " || unclaimed_.empty();",
     *HARNESS, "/driver_ledger_test"),
    ("a driver does not wait for the sink of a client that failed", LEDGER,
     "  return !waits_for_unclaimed || unclaimed_.empty() || without_sink_ == 0;", "  return true;",
     *HARNESS, "/driver_ledger_test"),
    ("a driver's waves run three at a time", LEDGER,
     "waves_.size() < most_waves_", "waves_.size() <= most_waves_",
     *HARNESS, "/driver_ledger_test"),
    ("a driver's wave waits for the sinks of the one before", LEDGER,
     "waves_.empty() || waves_.back().unsent == 0;", "waves_.empty();",
     *HARNESS, "/driver_ledger_test"),
    ("a sink that was just accepted is given up", LEDGER,
     "return now - sink.second.accepted_at >= timeout;", "return true;",
     *HARNESS, "/driver_ledger_test"),
    ("nobody is told of lines that standard error did not take", ERROR_LOG,
     "      ++dropped_;\n", "", *HARNESS, "/error_log_test"),
    ("a payload's block holds a fragment of whole frames only", PAYLOAD,
     "std::max(fragment, spare) / frame + 2)", "std::max(fragment, spare) / frame)",
     *HARNESS, "/(client|workload)_test"),
    ("a frame keeps the last digit of the one before", PAYLOAD,
     "      out[kUsualDigits - 1] = std::byte('0' + last_digit);\n", "",
     *HARNESS, "/workload_test"),
    ("a scope is accepted for any address", ROOMS + "host_port.cpp",
     "  return is_link_local && is_scope(",
     "  return (is_link_local || true) && is_scope(", *HARNESS, "/options_test"),
    ("nobody looks whether the buffers fit the memory", ROOMS + "options.cpp",
     "  if (wave && *wave <= memory) return;\n", "  if (wave || memory != 0) return;\n",
     *HARNESS, "/options_test"),
]
