#include "support/config_file.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace programs {
namespace {

using bytes_handoff::unexpected;

constexpr std::size_t kMostBytes = std::size_t{1024} * 1024;

bool has_control_character(std::string_view text) {
  for (const char c : text) {
    if ((c >= 0 && c < ' ' && c != '\t') || c == 0x7f) {
      return true;
    }
  }
  return false;
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream in(text.substr(0, text.find('#')));
  std::vector<std::string> words;
  for (std::string word; in >> word;) {
    words.push_back(word);
  }
  return words;
}

}  // namespace

bytes_handoff::expected<std::vector<ConfigLine>, std::string> read_config(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return unexpected<std::string>(path + ": cannot be opened: " + std::strerror(errno));
  }
  std::vector<ConfigLine> lines;
  std::size_t bytes = 0;
  std::string text;
  for (std::size_t number = 1; std::getline(file, text); ++number) {
    bytes += text.size() + 1;
    if (text.ends_with('\r')) {
      text.pop_back();
    }
    ConfigLine line{number, words_of(text)};
    if (bytes > kMostBytes) {
      return unexpected<std::string>(config_error(path, line, "the file has more than 1 MiB"));
    }
    if (has_control_character(text)) {
      return unexpected<std::string>(config_error(path, line, "has a control character"));
    }
    if (!line.words.empty()) {
      lines.push_back(std::move(line));
    }
  }
  if (file.bad()) {
    return unexpected<std::string>(path + ": cannot be read");
  }
  return lines;
}

std::string config_error(const std::string& path, const ConfigLine& line, std::string_view what) {
  return path + ":" + std::to_string(line.number) + ": " + std::string(what);
}

}  // namespace programs
