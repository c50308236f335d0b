#include "connect_proxy/request_head.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "support/host_port.hpp"

namespace connect_proxy {
namespace {

using bytes_handoff::FrameScan;
using bytes_handoff::unexpected;
using programs::lower_case;

class HeadCategory final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "request head"; }
  [[nodiscard]] std::string message(int value) const override {
    switch (static_cast<HeadErrc>(value)) {
      case HeadErrc::control_character:
        return "a byte that no HTTP request has";
      case HeadErrc::bare_line_end:
        return "a line does not end with CR and LF";
      case HeadErrc::too_long:
        return "the request's head is too long";
      case HeadErrc::malformed_line:
        return "the first line is not METHOD TARGET VERSION";
      case HeadErrc::unknown_version:
        return "the version is neither HTTP/1.0 nor HTTP/1.1";
      case HeadErrc::malformed_target:
        return "the target is neither HOST:PORT of a CONNECT nor http://HOST[:PORT]/PATH";
      case HeadErrc::folded_field:
        return "a field goes on in the next line";
      case HeadErrc::malformed_field:
        return "a field is not NAME: VALUE";
      case HeadErrc::wrong_host:
        return "there must be one Host field";
      case HeadErrc::ambiguous_length:
        return "the length of the body is ambiguous";
      case HeadErrc::forbidden_hop_field:
        return "Connection names a field that is not only the connection's";
    }
    return "unknown";
  }
};

bool is_token(std::string_view text) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kOthers.find(c) != std::string_view::npos;
  });
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// What is in front of the separator; `rest` is what is behind it.
std::string_view cut(std::string_view& rest, std::string_view separator) {
  const auto at = rest.find(separator);
  const std::string_view front = rest.substr(0, at);
  rest = at == std::string_view::npos ? std::string_view() : rest.substr(at + separator.size());
  return front;
}

struct Field {
  std::string name;  // in small letters
  std::string_view value;
  std::string_view line;
};

class HeadParser {
 public:
  explicit HeadParser(std::string_view head) : rest_(head) {}

  bytes_handoff::expected<RequestHead, HeadErrc> parse() {
    for (const auto step : {&HeadParser::first_line, &HeadParser::fields, &HeadParser::check_fields,
                            &HeadParser::check_hop_fields}) {
      if (const auto error = (this->*step)()) {
        return unexpected<HeadErrc>(*error);
      }
    }
    if (!head_.is_connect) {
      forward();
    }
    return std::move(head_);
  }

 private:
  using Wrong = std::optional<HeadErrc>;

  Wrong first_line() {
    std::string_view line = cut(rest_, "\r\n");
    method_ = cut(line, " ");
    const std::string_view target = cut(line, " ");
    version_ = line;
    if (!is_token(method_) || target.empty() || !version_.starts_with("HTTP/") ||
        version_.find(' ') != std::string_view::npos) {
      return HeadErrc::malformed_line;
    }
    if (version_ != "HTTP/1.1" && version_ != "HTTP/1.0") {
      return HeadErrc::unknown_version;
    }
    head_.is_connect = method_ == "CONNECT";
    const bool is_right = head_.is_connect ? authority(target, false) : absolute(target);
    return is_right ? Wrong() : HeadErrc::malformed_target;
  }

  // `HOST:PORT`; with a default also `HOST`.
  bool authority(std::string_view text, bool has_default_port) {
    auto parts = programs::split_host_port(text);
    std::string with_port;
    if (!parts && has_default_port && !text.ends_with(':')) {
      with_port = std::string(text) + ":80";
      parts = programs::split_host_port(with_port);
    }
    if (!parts || parts->port == 0) {
      return false;
    }
    head_.host = lower_case(parts->host);
    head_.port = parts->port;
    head_.is_ipv6 = parts->has_brackets;
    if (head_.is_ipv6) {
      return head_.host.find_first_not_of("0123456789abcdef:.") == std::string::npos;
    }
    if (!programs::is_host_name(head_.host)) {
      return false;
    }
    if (head_.host.ends_with('.')) {
      head_.host.pop_back();
    }
    return true;
  }

  bool absolute(std::string_view target) {
    constexpr std::string_view kScheme = "http://";
    if (lower_case(target.substr(0, kScheme.size())) != kScheme) {
      return false;
    }
    target.remove_prefix(kScheme.size());
    const auto path = target.find_first_of("/?#");
    authority_ = target.substr(0, path);
    if (path != std::string_view::npos) {
      path_ = target.substr(path);
    }
    return path_.find('#') == std::string_view::npos && authority(authority_, true);
  }

  Wrong fields() {
    for (std::string_view line = cut(rest_, "\r\n"); !line.empty(); line = cut(rest_, "\r\n")) {
      if (line.front() == ' ' || line.front() == '\t') {
        return HeadErrc::folded_field;
      }
      std::string_view value = line;
      const std::string_view name = cut(value, ":");
      if (!is_token(name) || name.size() == line.size()) {
        return HeadErrc::malformed_field;
      }
      fields_.push_back({lower_case(name), trimmed(value), line});
    }
    return std::nullopt;
  }

  [[nodiscard]] std::ptrdiff_t count(std::string_view name) const {
    return std::count_if(fields_.begin(), fields_.end(),
                         [&](const Field& field) { return field.name == name; });
  }

  Wrong check_fields() {
    const auto hosts = count("host");
    if (hosts > 1 || (hosts == 0 && version_ == "HTTP/1.1")) {
      return HeadErrc::wrong_host;
    }
    const auto lengths = count("content-length");
    if (lengths > 1 || (lengths == 1 && count("transfer-encoding") != 0)) {
      return HeadErrc::ambiguous_length;
    }
    return std::nullopt;
  }

  // The fields that Connection names.
  Wrong check_hop_fields() {
    for (const Field& field : fields_) {
      std::string_view names = field.name == "connection" ? field.value : std::string_view();
      while (!names.empty()) {
        hop_fields_.push_back(lower_case(trimmed(cut(names, ","))));
        const std::string& name = hop_fields_.back();
        if (name == "host" || name == "content-length" || name == "transfer-encoding") {
          return HeadErrc::forbidden_hop_field;
        }
      }
    }
    return std::nullopt;
  }

  void forward() {
    std::string& text = head_.forwarded;
    text = std::string(method_) + " ";
    if (path_.empty() && method_ == "OPTIONS") {
      text += "*";
    } else {
      text += (path_.starts_with('/') ? "" : "/") + std::string(path_);
    }
    text += " " + std::string(version_) + "\r\nHost: " + std::string(authority_) + "\r\n";
    for (const Field& field : fields_) {
      if (std::find(hop_fields_.begin(), hop_fields_.end(), field.name) == hop_fields_.end()) {
        text += std::string(field.line) + "\r\n";
      }
    }
    text +=
        "Via: " + std::string(version_.substr(5)) + " connect_proxy\r\nConnection: close\r\n\r\n";
  }

  std::string_view rest_;
  std::string_view method_;
  std::string_view version_;
  std::string_view authority_;
  std::string_view path_;
  std::vector<Field> fields_;
  std::vector<std::string> hop_fields_{
      "host",       "connection", "proxy-connection", "proxy-authorization",
      "keep-alive", "te",         "upgrade"};
  RequestHead head_;
};

}  // namespace

const std::error_category& head_category() noexcept {
  static const HeadCategory category;
  return category;
}

int status_of(HeadErrc code) noexcept {
  switch (code) {
    case HeadErrc::too_long:
      return 431;
    case HeadErrc::unknown_version:
      return 505;
    default:
      return 400;
  }
}

FrameScan HeadFramer::scan(const bytes_handoff::FrameWindow& window) noexcept {
  const std::string_view text = window.view();
  for (std::size_t i = mark_.looked_at(window); i < text.size(); ++i) {
    const char c = text[i];
    const char before = i == 0 ? '\0' : text[i - 1];
    if ((c == '\n') != (before == '\r')) {
      return FrameScan::error(HeadErrc::bare_line_end);
    }
    if ((c >= 0 && c < ' ' && c != '\r' && c != '\n' && c != '\t') || c == 0x7f) {
      return FrameScan::error(HeadErrc::control_character);
    }
    if (i >= max_head_) {
      return FrameScan::error(HeadErrc::too_long, i + 1, max_head_);
    }
    if (c == '\n' && i >= 3 && text[i - 2] == '\n') {
      return FrameScan::complete(i + 1);
    }
  }
  mark_.set(window, text.size());
  return FrameScan::need_at_least(text.size() + 1);
}

bytes_handoff::expected<RequestHead, HeadErrc> parse_head(std::string_view head) {
  return HeadParser(head).parse();
}

}  // namespace connect_proxy
