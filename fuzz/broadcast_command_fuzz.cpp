// Lines of line_broadcast, cut anywhere: what the parser makes of each, against a pattern.
#include <gtest/gtest.h>

#include <bytes_handoff/framers.hpp>
#include <iterator>
#include <regex>
#include <string>

#include "given_bytes.hpp"
#include "line_broadcast/commands.hpp"
#include "support/programs/scan_pieces.hpp"

namespace line_broadcast {
namespace {

using bytes_handoff::test::GivenBytes;

constexpr std::size_t kMostContent = 150;

constexpr std::string_view kPieces[] = {"PING", "PONG", "SUB ", "UNSUB ",  "PUB ", "missed",
                                        "ERR",  "a",    "news", "Z9._-:/", " ",    "\r",
                                        "\n",   "\t",   "text", "sub ",    "*",    "\x7f"};

std::string any_line(GivenBytes& from) {
  std::string text;
  for (std::size_t n = from.between(0, 8); n != 0; --n) {
    const std::size_t which = from.between(0, std::size(kPieces) + 1);
    if (which < std::size(kPieces)) {
      text += kPieces[which];
    } else if (which == std::size(kPieces)) {
      text += static_cast<char>(from.between(0, 255));
    } else {
      text += std::string(from.between(55, 70), 'q');
    }
  }
  return text + (from.one_in(8) ? "" : "\n");
}

void check_command(const std::string& line) {
  static const std::regex kTopic("(?!(?:PONG|ERR|missed)$)[a-zA-Z0-9._:/-]{1,64}");
  static const std::regex kLine(
      "(?:PING|(SUB|UNSUB) ([^ ]*?)|(PUB) ([^ \\n]*?)(?: [^\\n]*)?)\\r?\\n");
  std::smatch parts;
  bool is_right = std::regex_match(line, parts, kLine);
  const std::string topic = !is_right ? "" : parts[1].matched ? parts[2].str() : parts[4].str();
  const bool is_ping = is_right && !parts[1].matched && !parts[3].matched;
  is_right = is_right && (is_ping || std::regex_match(topic, kTopic));
  const auto command = parse_command(line);
  ASSERT_EQ(command.has_value(), is_right) << line;
  if (!command) {
    ASSERT_FALSE(command.error().empty());
    return;
  }
  ASSERT_EQ(command->topic, topic) << line;
  ASSERT_EQ(command->word == Word::ping, is_ping) << line;
  ASSERT_EQ(command->word == Word::pub, parts[3].matched) << line;
  ASSERT_EQ(command->word == Word::unsub, parts[1].str() == "UNSUB") << line;
  if (!is_ping) {
    ASSERT_EQ(line.substr(command->publication, topic.size()), topic);
    ASSERT_EQ(command->topic.data(), line.data() + command->publication);
  }
}

void run_lines(GivenBytes& from) {
  const std::string bytes = any_line(from) + any_line(from);
  bytes_handoff::DelimiterFramer lines("\n", {.max_content = kMostContent, .keep_delimiter = true});
  const auto scan =
      bytes_handoff::test::scan_in_pieces(lines, bytes, [&] { return from.between(1, 16); });
  const std::size_t end = bytes.find('\n');
  ASSERT_EQ(scan.is_complete(), end <= kMostContent);
  if (scan.is_complete()) {
    ASSERT_EQ(scan.size(), end + 1);
    check_command(bytes.substr(0, scan.size()));
  }
}

}  // namespace
}  // namespace line_broadcast

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  bytes_handoff::test::GivenBytes from({data, size});
  line_broadcast::run_lines(from);
  return 0;
}
