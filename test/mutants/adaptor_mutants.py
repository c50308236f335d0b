"""Ways to break the adaptors, and the room of a buffer that they fill: as in shell_mutants.py."""

COPYING = "include/bytes_handoff/asio/adaptors/copying_write_stream.hpp"
BUFFER_FIRST = "include/bytes_handoff/asio/adaptors/buffer_first_stream.hpp"
DYNAMIC_BUFFER = "include/bytes_handoff/adaptors/dynamic_buffer.hpp"
BUFFER = "src/handoff_buffer.cpp"

PREPARES = ("dev", "core_tests", "/handoff_buffer_prepare_test")
SHELL = ("dev", "shell_tests_asio")
READS = (*SHELL, "/(dynamic_buffer|buffer_first_stream)_test")

MUTANTS = [
    ("a copying write takes more than its queue can ever take", COPYING,
     "(std::min)(queue.config().max_pending_bytes, detail::kMaxCopiedWriteBytes)",
     "detail::kMaxCopiedWriteBytes",
     *SHELL, "/copying_write_stream_test"),
    ("a copying write that was refused says that it took its bytes", COPYING,
     "return {why, why ? 0 : size_};", "return {why, size_};",
     *SHELL, "/copying_write_stream_test"),
    ("a copying write of nothing is an item", COPYING, "if (size_ == 0) {", "if (false) {",
     *SHELL, "/copying_write_stream_test"),
    ("a copying write that is over keeps its stream busy", COPYING,
     "is_writing_->store(false);", "is_writing_->store(true);",
     *SHELL, "/copying_write_stream_test"),
    ("bytes that others have read are not counted", BUFFER, "  received_ += added;\n", "",
     *PREPARES),
    ("a commit takes more than was prepared", BUFFER,
     "std::min({n, offered_, capacity() - size()})", "std::min(n, capacity() - size())",
     *PREPARES),
    ("a commit takes room that has gone", BUFFER,
     "std::min({n, offered_, capacity() - size()})", "std::min(n, offered_)",
     *PREPARES),
    ("room that bytes have moved away from is still prepared", BUFFER,
     "  is_prepared_ = false;  // what was put there may be left behind\n", "",
     *PREPARES),
    ("a prepare keeps a block that is too large", BUFFER, "    drop_block_larger_than(n);\n", "",
     *PREPARES),
    ("a prepare gives back the block that it needs", BUFFER,
     "std::max({config_.block_size, config_.read_reserve, n})",
     "std::max({config_.block_size, config_.read_reserve, n - n})",
     *PREPARES),
    ("a dynamic buffer tells of more room than it may fill", DYNAMIC_BUFFER,
     "return (std::min)(buffer_->capacity(), max_size());", "return buffer_->capacity();",
     *READS),
    ("a dynamic buffer consumes nothing where it has less", DYNAMIC_BUFFER,
     "buffer_->advance((std::min)(n, buffer_->size()))", "buffer_->advance(n)",
     *READS),
    ("bytes are lost with a post that throws", BUFFER_FIRST,
     "BufferAccess::put_back(*buffer_, std::move(taken).freeze());", "taken.clear();",
     *READS),
    ("a stream reads beside a read of its buffer", BUFFER_FIRST,
     "if (front_end::is_reading(*buffer_)) {", "if (false) {",
     *READS),
    ("the bytes of a buffer are given again and again", BUFFER_FIRST,
     "BytesMut taken = *buffer_->split_prefix_mut(n);",
     "BytesMut taken = BytesMut::copy_of(front.first(n));",
     *READS),
    ("a stream goes first, and its buffer behind it", BUFFER_FIRST,
     "} else if (buffer_->empty()) {", "} else if (buffer_->empty() || true) {",
     *READS),
]
