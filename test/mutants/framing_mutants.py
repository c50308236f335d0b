"""Ways to break the framers, and how a buffer gives frames out; as in shell_mutants.py."""

FRAMING = "include/bytes_handoff/core/framing/"
FRAMERS = "include/bytes_handoff/framers.hpp"
DELIMITER_SCAN = FRAMING + "delimiter_scan.hpp"
FRAME_RANGE = FRAMING + "frame_range.hpp"
LENGTH_SCAN = FRAMING + "length_scan.hpp"
SCAN_CHECK = FRAMING + "scan_check.hpp"
FRAMERS_SOURCE = "src/framing/framers.cpp"
BYTES_MUT = "include/bytes_handoff/bytes_mut.hpp"
BUFFER = "include/bytes_handoff/handoff_buffer.hpp"
BUFFER_SOURCE = "src/handoff_buffer.cpp"

FRAMES = ("dev", "core_tests", "/(framers|framing/[a-z_]+|take_all)_test")

MUTANTS = [
    ("a mark is kept when bytes have left", FRAMERS,
     "window.origin_ == origin_ ?", "window.origin_.generation == origin_.generation ?", *FRAMES),
    ("a mark is kept in another buffer", FRAMERS,
     "window.origin_ == origin_ ?", "window.origin_.position == origin_.position ?", *FRAMES),
    ("a window without a buffer keeps a mark", FRAMERS,
     "window.origin_.generation != 0 && window", "window", *FRAMES),
    ("each scan begins at the front", FRAMERS,
     "    looked_at_ = n;\n", "    looked_at_ = n == 0 ? n : 0;\n", *FRAMES),
    ("a delimiter that was cut is not found", FRAMERS_SOURCE,
     "  while (from < bytes.size()) {\n",
     "  bytes.remove_prefix(from);\n  from = 0;\n  while (from < bytes.size()) {\n", *FRAMES),
    ("a delimiter is its last byte", FRAMERS_SOURCE,
     "    if (bytes.substr(0, from).ends_with(delimiter_)) {", "    if (true) {", *FRAMES),
    ("what follows the limit is searched", FRAMERS_SOURCE,
     "  most_ = config.max_content + delimiter.size();",
     "  most_ = config.max_content + delimiter.size() + 1;", *FRAMES),
    ("only one place is looked at where a delimiter may begin", FRAMERS_SOURCE,
     "n < delimiter.size(); ++n", "n < delimiter.size(); n += delimiter.size()", *FRAMES),
    ("one byte more than a frame may have is waited for", FRAMERS_SOURCE,
     "window.size() <= max_content() ||", "window.size() <= max_content() + 1 ||", *FRAMES),
    ("a scan that ended is begun anew", DELIMITER_SCAN,
     "mark_.set(window, found.n != 0 ? found.n - 1 : (std::min)(window.size(), most_));",
     "if (found.n != 0) mark_.set(window, found.n - 1);", *FRAMES),
    ("a length of exactly the limit is no frame", LENGTH_SCAN,
     "content > config_.max_content", "content >= config_.max_content", *FRAMES),
    ("a length of one more than the limit is waited for", FRAMERS_SOURCE,
     "  return content > config_.max_content\n", "  return content > config_.max_content + 1\n", *FRAMES),
    ("a length that is less than its header is waited for", FRAMERS_SOURCE,
     "  if (header.length < counted) {", "  if (false) {", *FRAMES),
    ("a length that counts its header does not", FRAMERS_SOURCE,
     "  counted_ = config.counts_header ? config.length_bytes : 0;\n", "", *FRAMES),
    ("a length that counts its header does not in a small window", FRAMERS_SOURCE,
     "frame_of(header.length - counted, header.bytes,", "frame_of(header.length, header.bytes,",
     *FRAMES),
    ("eight bytes are read in the other order", FRAMERS_SOURCE,
     "config.byte_order != std::endian::native", "config.byte_order == std::endian::native", *FRAMES),
    ("the bytes behind a short length are read, too", LENGTH_SCAN,
     "bytes >> shift_ & mask_", "bytes >> shift_", *FRAMES),
    ("a header at the end of the window is read in the other order", FRAMERS_SOURCE,
     "config_.byte_order == std::endian::big ? i :", "config_.byte_order != std::endian::big ? i :",
     *FRAMES),
    ("a varint of 65 bits wraps", FRAMERS_SOURCE,
     "i + 1 == kMaxVarintBytes && byte > 1", "false", *FRAMES),
    ("a frame that the buffer can never hold is waited for", FRAMERS_SOURCE,
     "  return needed > limit ?", "  return needed > limit && size == limit ?", *FRAMES),
    ("a frame that is not there is taken", SCAN_CHECK, "scan.size() <= size && ", "", *FRAMES),
    ("a content that ends before it begins is taken", SCAN_CHECK,
     "scan.content_first() <= scan.content_last() &&", "", *FRAMES),
    ("a framer that needs what is there is waited for", FRAMERS_SOURCE,
     "std::max(scan.needed(), size + 1)", "scan.needed()", *FRAMES),
    ("a range that is over keeps its slice", FRAME_RANGE,
     "    frame_ = Bytes();", "", *FRAMES),
    ("a frame leaves before a copy that fails", BUFFER_SOURCE,
     "  content = first == last ? Bytes() : Bytes::copy_of(bytes_.span().subspan(first, last - first));\n",
     "  const auto copied = bytes_.span().subspan(first, last - first);\n"
     "  static_cast<void>(bytes_.advance(std::exchange(n, 0)));\n"
     "  content = first == last ? Bytes() : Bytes::copy_of(copied);\n", *FRAMES),
    ("the policy looks at the delimiter, too", BUFFER,
     "    if (last - first <= config_.prefix_policy.copy_at_most) {",
     "    if (n <= config_.prefix_policy.copy_at_most) {", *FRAMES),
    ("what is put back loses the room behind it", BUFFER_SOURCE,
     "  bytes_.unsplit(std::move(behind));", "  behind = BytesMut();", *FRAMES),
    ("what is put back has a reference too many", BYTES_MUT,
     "  return BytesMut(data, n, n, block, 1);", "  return BytesMut(data, n, n, block, 2);", *FRAMES),
    ("a buffer that was assigned keeps its generation", BUFFER,
     "    generation_ = std::exchange(from.generation_, 0);\n",
     "    if (from.generation_ != 0) generation_ = std::exchange(from.generation_, 0);\n", *FRAMES),
]
