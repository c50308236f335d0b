#include "line_broadcast/commands.hpp"

#include <algorithm>
#include <array>

namespace line_broadcast {
namespace {

using bytes_handoff::unexpected;

struct Name {
  std::string_view text;
  Word word;
};
constexpr std::array<Name, 3> kWithTopic{
    {{"SUB ", Word::sub}, {"UNSUB ", Word::unsub}, {"PUB ", Word::pub}}};

[[nodiscard]] bool is_of_topic(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-' || c == ':' || c == '/';
}

[[nodiscard]] std::string_view without_end(std::string_view line) noexcept {
  for (const char c : {'\n', '\r'}) {
    if (line.ends_with(c)) {
      line.remove_suffix(1);
    }
  }
  return line;
}

}  // namespace

bool is_topic(std::string_view text) noexcept {
  return !text.empty() && text.size() <= kLongestTopic &&
         std::all_of(text.begin(), text.end(), is_of_topic) && text != "PONG" && text != "ERR" &&
         text != "missed";
}

bytes_handoff::expected<Command, std::string_view> parse_command(std::string_view line) noexcept {
  const std::string_view text = without_end(line);
  if (text == "PING") {
    return Command{};
  }
  for (const Name& name : kWithTopic) {
    if (!text.starts_with(name.text)) {
      continue;
    }
    const std::size_t first = name.text.size();
    const std::size_t last = name.word == Word::pub ? text.find(' ', first) : text.npos;
    const Command command{name.word, text.substr(first, last - first), first};
    if (!is_topic(command.topic)) {
      return unexpected<std::string_view>("that cannot be a topic");
    }
    return command;
  }
  return unexpected<std::string_view>("not PING, SUB topic, UNSUB topic or PUB topic text");
}

}  // namespace line_broadcast
