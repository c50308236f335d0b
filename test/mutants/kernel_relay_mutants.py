"""Ways to break a relay where it goes over to the kernel and back; as in shell_mutants.py."""

MOVES = "include/bytes_handoff/core/relaying/kernel_moves.hpp"
MOVE = "include/bytes_handoff/core/kernel/kernel_move.hpp"
WAY = "include/bytes_handoff/asio/relaying/kernel_way.hpp"
STREAM = "include/bytes_handoff/asio/relaying/stream_relay.hpp"
PIPE = "src/kernel/kernel_pipe.cpp"
POOL = "src/kernel/pipe_pool.cpp"

QUEUE = "include/bytes_handoff/asio/relaying/queue_relay.hpp"
QUEUE_WAY = "include/bytes_handoff/asio/relaying/queue_way.hpp"
PIECE = "src/kernel/piped_piece.cpp"
WRITES = "include/bytes_handoff/asio/writing/piped_writes.hpp"
WRITER = "include/bytes_handoff/asio/writing/writer.hpp"
GATHER = "include/bytes_handoff/core/queue/departure.hpp"
UNWRITTEN = "src/queue/unwritten.cpp"

OF_CORE = ("dev", "core_tests", "/(kernel_[a-z]*|piped_piece)_test")
OF_SHELL = ("dev", "shell_tests_asio", "/relaying/kernel_relay[a-z_]*_test")
OF_QUEUE = ("dev", "shell_tests_asio", "/relaying/kernel_queue_relay_test")

MUTANTS = [
    ("a relay goes over for small reads", MOVES,
     "if (by_ == RelayBy::kernel || n >= kLarge) {", "if (true) {", *OF_CORE),
    ("a relay never goes back to copying", MOVES,
     "if (by_ == RelayBy::kernel || ++small_moves_ < kSmallMoves) {", "if (true) {", *OF_CORE),
    ("a relay goes over as soon behind stays that did not pay", MOVES,
     "(std::min)(2 * wanted_reads_, kManyReads)", "kFewReads", *OF_CORE),
    ("a move that would block is tried for ever", MOVE,
     "if (would_block && ++vain_waits_ <= kVainWaits) {", "if (would_block) {", *OF_CORE),
    ("a refused move is tried again", MOVES,
     "    can_move_ = can_move_ && after != AfterMove::kCopy;\n", "", *OF_CORE),
    ("a refusal of the system is the error of a side", MOVE,
     "return would_block || is_refusal(error) ?", "return would_block ?", *OF_CORE),
    ("the error of a socket is taken for a refusal", MOVE,
     "return error == EINVAL ||", "return error == ECONNRESET || error == EINVAL ||", *OF_CORE),
    ("a move of nothing is the end of the input", MOVES,
     "      reads_to_go_ = 1;\n      return AfterMove::kCopy;", "      return AfterMove::kMoved;",
     *OF_CORE),
    ("a pipe that could not be had is asked for at every read", MOVES,
     "reads_to_go_ = kManyReads;", "reads_to_go_ = 0;", *OF_CORE),
    ("what leaves a pipe in parts is doubled", MOVES,
     "    held_ -= move.n;", "    held_ -= move.n != 0 ? held_ : 0;", *OF_CORE),
    ("a relay fills its pipe beyond the buffer's limit", WAY,
     "KernelMoves::most(buffer.config().max_size)", "kMostMoved", *OF_SHELL),
    ("a relay copies on behind what is still in the pipe", WAY,
     "      if (!take_back(buffer)) {\n        return", "      if (false) {\n        return",
     *OF_SHELL),
    ("what is taken back from the pipe is not in the buffer", WAY,
     "      BufferAccess::take_in(buffer, pipe_.copy_out(n, buffer.config().block_source));\n",
     "      static_cast<void>(pipe_.copy_out(n));\n",
     *OF_SHELL),
    ("what is taken back from the pipe does not come from the buffer's source", WAY,
     "pipe_.copy_out(n, buffer.config().block_source)", "pipe_.copy_out(n)", *OF_SHELL),
    ("a relay that ends leaves its bytes in the pipe", STREAM,
     "    if (!way_.take_back(*buffer_)) {", "    if (false) {", *OF_SHELL),
    ("bytes that were lost with the pipe are not told", STREAM,
     "      core_.lose(to_error_value(net::error::no_memory));", "", *OF_SHELL),
    ("what a pipe has passed on leaves the buffer, too", STREAM,
     "        if (by == DoneBy::kCopy) {\n          n = (std::min)(n, buffer_->size());",
     "        if (true) {\n          n = (std::min)(n, buffer_->size());", *OF_SHELL),
    ("a wait for a socket counts as a step", STREAM,
     "(by == DoneBy::kWait && !error)) {", "false) {", *OF_SHELL),
    ("a relay that waits for its input keeps its pipe", WAY,
     "    const AfterMove after = moves_.after_fill(move);\n    if (moves_.held() == 0) {",
     "    const AfterMove after = moves_.after_fill(move);\n    if (false) {", *OF_SHELL),
    ("the buffer of a relay by the kernel may be read by others", WAY,
     "      claim_.emplace(buffer);", "      claim_.emplace(buffer);\n"
     "      BufferAccess::set_reading(buffer, false);", *OF_SHELL),
    ("a pipe with bytes goes back to the pool", WAY,
     "    if (has_buffer || n == 0) {", "    if (true) {", *OF_SHELL),
    ("SIGPIPE is not blocked", PIPE, "  turn.block();", "", *OF_CORE),
    ("a SIGPIPE is left pending", PIPE, "    turn.consume();", "", *OF_CORE),
    ("a SIGPIPE of the user's is taken", PIPE,
     "if (!was_pending && moved.n < n", "if (moved.n < n", *OF_CORE),
    ("SIGPIPE stays blocked behind a turn", PIPE,
     "  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);", "", *OF_CORE),
    ("pipes are not bounded", POOL, "if (open_ >= most_pipes()) {", "if (false) {", *OF_CORE),
    ("a small pipe is used", POOL, "    if (!has_room(ends.write)) {", "    if (false) {", *OF_CORE),
    ("the child of a fork uses its parent's pipes", POOL,
     "holder.pool.after_fork_in_child();", "holder.pool.after_fork();", *OF_CORE),
    ("a handler of a fork waits for the pool of pipes that the fork holds", POOL,
     "mutex_(forks ? nullptr : &mutex)", "mutex_(&mutex)", "dev", "core_tests", "/fork_test"),
    ("a piece in a pipe is written with what is before it", GATHER,
     "      if (taken_items == 0) {\n        return take_piped",
     "      if (true) {\n        return take_piped", *OF_CORE),
    ("a piece of which a part is written counts as whole", GATHER,
     "  bytes = item.size - offset;\n  items = 1;", "  bytes = item.size;\n  items = 1;", *OF_CORE),
    ("what a pipe has passed on of an unwritten piece is told as written, too", UNWRITTEN,
     "      first_written_ -= written;\n", "", *OF_CORE),
    ("a piece that is dropped goes back with its bytes", PIECE,
     "  if (piece->in_pipe_ == 0) {", "  if (true) {", *OF_CORE),
    ("the rest of a piece is its begin", PIECE,
     "bytes.advance(bytes.size() - rest)", "bytes.advance(0)", *OF_CORE),
    ("a piece that waits for its socket is forgotten", WRITER,
     "      if (pieces_.is_waiting()) {", "      if (false) {", *OF_QUEUE),
    ("a refused piece is not copied out", WRITES,
     "      if (!piece.take_back()) {", "      if (false) {", *OF_QUEUE),
    ("pieces are moved on to a socket that has refused one", WRITES,
     "      is_refused_.store(true, std::memory_order_relaxed);\n", "", *OF_QUEUE),
    ("a relay gives a queue more in a pipe than it has room for", QUEUE,
     "most - (std::min)(most, out_.pending_bytes())", "kMostMoved", *OF_QUEUE),
    ("a cancelled relay forgets the piece that it has not passed on", QUEUE,
     "    if (!piece_.empty()) {\n      put_back();\n    }\n", "", *OF_QUEUE),
    ("a relay to a queue waits for its input with a pipe", QUEUE_WAY,
     "    } else {\n      piped->release(1);\n    }", "    }", *OF_QUEUE),
]
