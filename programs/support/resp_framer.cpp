#include "support/resp_framer.hpp"

#include <algorithm>

namespace programs {

using bytes_handoff::Errc;
using bytes_handoff::FrameScan;
using bytes_handoff::FrameWindow;

namespace {

constexpr std::size_t kMostDigits = 18;  // that fit 64 bits
constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kUnknownType = "Protocol error: a reply begins with + - : $ or *";

[[nodiscard]] bool is_line_end(const char* at) noexcept { return at[0] == '\r' && at[1] == '\n'; }

/// More than 9 if it is none.
[[nodiscard]] std::size_t digit(char c) noexcept { return static_cast<unsigned char>(c - '0'); }

}  // namespace

// Takes a bulk, or the head of an array, whose length has one or two digits, as most have. It must
// be there as a whole, and within the limits. If not, it is for `next_value`.
inline bool RespFramer::take_short(std::string_view text) {
  const char* const value = text.data() + at_;
  if (text.size() < at_ + 5 || digit(value[1]) > 9) return false;
  const bool has_two_digits = digit(value[2]) <= 9;
  const std::size_t n = has_two_digits ? 10 * digit(value[1]) + digit(value[2]) : digit(value[1]);
  const std::size_t behind_head = at_ + (has_two_digits ? 5 : 4);
  const bool is_bulk = *value == '$' && (at_ != 0 || what_ == Of::replies);
  const bool is_array = *value == '*' && (at_ == 0 || what_ == Of::replies);
  const std::size_t first = is_bulk ? behind_head : behind_head - 2;
  const std::size_t last = is_bulk ? behind_head + n : first;
  if (!(is_bulk || is_array) || last + 2 > std::min(text.size(), limits_.max_frame)) return false;
  if (!is_line_end(text.data() + behind_head - 2) || !is_line_end(text.data() + last)) return false;
  if (is_array && (n > limits_.max_values || left_ > limits_.max_values - n)) return false;
  values_.push_back({static_cast<std::uint32_t>(at_), static_cast<std::uint32_t>(first),
                     static_cast<std::uint32_t>(last), *value});
  at_ = last + 2;
  left_ += (is_array ? n : 0) - 1;
  return true;
}

FrameScan RespFramer::scan(const FrameWindow& window) {
  if (mark_.looked_at(window) == 0) begin_frame();
  Step step = Step::value;
  while (left_ != 0 && step == Step::value) {
    if (!take_short(window.view())) step = next_value(window.view());
  }
  mark_.set(window, std::max(at_, searched_));
  if (step == Step::missing) return FrameScan::need_at_least(needed_);
  if (step == Step::value) return FrameScan::complete(at_);
  const Errc code = wrong_limit_ != 0 ? Errc::frame_too_long : Errc::malformed_frame;
  return FrameScan::error(make_error_code(code), wrong_length_, wrong_limit_);
}

void RespFramer::begin_frame() noexcept {
  values_.clear();
  at_ = 0;
  searched_ = 0;
  left_ = 1;
  problem_ = {};
}

RespFramer::Step RespFramer::next_value(std::string_view text) {
  if (at_ >= text.size()) return missing(at_ + 3);
  const bool is_request = what_ == Of::requests;
  switch (text[at_]) {
    case '*':
      if (is_request && at_ != 0) return wrong("Protocol error: expected '$', got '*'");
      return next_array(text);
    case '$':
      if (is_request && at_ == 0) break;  // an inline request may begin with it
      return next_bulk(text);
    case '+':
    case '-':
    case ':':
      if (is_request && at_ != 0) break;
      return next_line(text);
    default:
      break;
  }
  if (is_request && at_ == 0) return next_line(text);
  return wrong(is_request ? "Protocol error: expected '$'" : kUnknownType);
}

RespFramer::Step RespFramer::next_line(std::string_view text) {
  const std::size_t from = std::max(at_, searched_);
  const std::size_t newline = text.find('\n', from);
  const std::size_t end = newline == std::string_view::npos ? text.size() : newline;
  const std::size_t most = std::min(limits_.max_line, limits_.max_frame - at_);
  if (end - at_ > most) {
    return too_long("Protocol error: too big inline request", end - at_, most);
  }
  if (newline == std::string_view::npos) {
    searched_ = text.size();
    return missing(text.size() + 1);
  }
  if (what_ == Of::requests) {  // its words are for `split_inline`
    at_ = newline + 1;
    left_ = 0;
    return Step::value;
  }
  if (newline == at_ || text[newline - 1] != '\r') {
    return wrong("Protocol error: a line of a reply ends with CRLF");
  }
  return add_value(at_ + 1, newline - 1, text[at_]);
}

RespFramer::Step RespFramer::next_bulk(std::string_view text) {
  constexpr std::string_view kInvalid = "Protocol error: invalid bulk length";
  const Length length = read_length(text, kInvalid);
  if (length.step != Step::value) return length.step;
  if (length.value < 0) {
    if (what_ == Of::requests || length.value != -1) return wrong(kInvalid);
    return add_value(length.last - 2, length.last - 2, '$', true);
  }
  const auto size = static_cast<std::size_t>(length.value);
  if (size > limits_.max_frame || length.last + size + 2 > limits_.max_frame) {
    return too_long("Protocol error: the limit of a request or reply is less than its bulks",
                    length.last + size, limits_.max_frame);
  }
  const std::size_t last = length.last + size;
  if (text.size() < last + 2) return missing(last + 2);
  if (!is_line_end(text.data() + last)) {
    return wrong("Protocol error: a bulk is longer than its length");
  }
  return add_value(length.last, last, '$');
}

RespFramer::Step RespFramer::next_array(std::string_view text) {
  constexpr std::string_view kInvalid = "Protocol error: invalid multibulk length";
  const Length length = read_length(text, kInvalid);
  if (length.step != Step::value) return length.step;
  if (length.value < -1 && what_ == Of::replies) return wrong(kInvalid);
  const auto n = static_cast<std::size_t>(std::max<std::int64_t>(length.value, 0));
  if (n > limits_.max_values || left_ > limits_.max_values - n) {
    return too_long(kInvalid, n, limits_.max_values);
  }
  const Step step = add_value(length.last - 2, length.last - 2, '*', length.value < 0);
  if (step == Step::value) left_ += n;
  return step;
}

RespFramer::Step RespFramer::add_value(std::size_t content_first, std::size_t content_last,
                                       char type, bool is_nil) {
  if (content_last + 2 > limits_.max_frame) {
    return too_long("Protocol error: the limit of a request or reply is less than its values",
                    content_last + 2, limits_.max_frame);
  }
  values_.push_back({static_cast<std::uint32_t>(at_), static_cast<std::uint32_t>(content_first),
                     static_cast<std::uint32_t>(content_last), type, is_nil});
  at_ = content_last + 2;
  --left_;
  return Step::value;
}

RespFramer::Length RespFramer::read_length(std::string_view text, std::string_view problem) {
  std::size_t at = at_ + 1;
  const bool is_negative = at < text.size() && text[at] == '-';
  if (is_negative) ++at;
  const std::size_t first_digit = at;
  std::int64_t value = 0;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
    if (at - first_digit == kMostDigits) return {wrong(problem)};
    value = value * 10 + (text[at] - '0');
  }
  if (at == text.size()) return {missing(at + 2)};
  if (at == first_digit || text[at] != '\r') return {wrong(problem)};
  if (at + 1 == text.size()) return {missing(at + 2)};
  if (text[at + 1] != '\n') return {wrong(problem)};
  return {Step::value, is_negative ? -value : value, at + 2};
}

RespFramer::Step RespFramer::missing(std::size_t needed) noexcept {
  needed_ = needed;
  return Step::missing;
}

RespFramer::Step RespFramer::wrong(std::string_view problem) noexcept {
  problem_ = problem;
  wrong_length_ = 0;
  wrong_limit_ = 0;
  return Step::wrong;
}

RespFramer::Step RespFramer::too_long(std::string_view problem, std::uint64_t length,
                                      std::size_t limit) noexcept {
  problem_ = problem;
  wrong_length_ = length;
  wrong_limit_ = limit;
  return Step::wrong;
}

namespace {

[[nodiscard]] bool is_space(char c) noexcept {
  return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0';
}

[[nodiscard]] int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// Reads one quoted word behind its first quote; what it reads leaves `rest`.
class QuotedWord {
 public:
  QuotedWord(std::string_view& rest, char quote) : rest_(rest), quote_(quote) {}

  /// Whether the quote is closed and nothing follows it.
  [[nodiscard]] bool read(std::string& word) {
    while (!rest_.empty()) {
      const char c = take();
      if (c == quote_) return rest_.empty() || is_space(rest_.front());
      word += c == '\\' && !rest_.empty() ? escaped() : c;
    }
    return false;
  }

 private:
  char take() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  // Behind a backslash.
  char escaped() {
    if (quote_ == '\'') return rest_.front() == '\'' ? take() : '\\';
    if (rest_.size() >= 3 && rest_[0] == 'x' && hex_digit(rest_[1]) >= 0 &&
        hex_digit(rest_[2]) >= 0) {
      const int value = hex_digit(rest_[1]) * 16 + hex_digit(rest_[2]);
      rest_.remove_prefix(3);
      return static_cast<char>(value);
    }
    constexpr std::string_view kNames = "nrtba";
    constexpr std::string_view kMeanings = "\n\r\t\b\a";
    const char c = take();
    const std::size_t at = kNames.find(c);
    return at == std::string_view::npos ? c : kMeanings[at];
  }

  std::string_view& rest_;
  char quote_;
};

template <class Words>
[[nodiscard]] std::string request_of(const Words& words) {
  std::string request = "*" + std::to_string(words.size()) + "\r\n";
  for (const auto& word : words) {
    request += "$" + std::to_string(word.size()) + "\r\n";
    request += word;
    request += kLineEnd;
  }
  return request;
}

}  // namespace

std::optional<std::vector<std::string>> split_inline(std::string_view line) {
  std::vector<std::string> words;
  for (;;) {
    while (!line.empty() && is_space(line.front())) line.remove_prefix(1);
    if (line.empty()) return words;
    std::string& word = words.emplace_back();
    while (!line.empty() && !is_space(line.front())) {
      const char c = line.front();
      line.remove_prefix(1);
      if (c == '"' || c == '\'') {
        if (!QuotedWord(line, c).read(word)) return std::nullopt;
      } else {
        word += c;
      }
    }
  }
}

std::string make_request(std::span<const std::string> words) { return request_of(words); }
std::string make_request(std::span<const std::string_view> words) { return request_of(words); }

}  // namespace programs
