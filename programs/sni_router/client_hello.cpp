#include "sni_router/client_hello.hpp"

#include <utility>

#include "sni_router/proxy_header.hpp"
#include "support/host_port.hpp"

namespace sni_router {
namespace {

using bytes_handoff::expected;
using bytes_handoff::FrameScan;
using bytes_handoff::FrameWindow;
using bytes_handoff::unexpected;

constexpr unsigned kAlertRecord = 21;
constexpr unsigned kHandshakeRecord = 22;
constexpr unsigned kClientHello = 1;
constexpr std::size_t kRecordHeader = 5;
constexpr std::size_t kHandshakeHeader = 4;
constexpr std::size_t kLongestRecord = std::size_t{1} << 14;
// A client that cuts its hello has a reason; this many pieces have none.
constexpr std::size_t kMostRecords = 256;
constexpr std::size_t kRandomBytes = 32;
constexpr std::size_t kLongestSessionId = 32;
constexpr std::size_t kServerNameExtension = 0;
constexpr std::size_t kAlpnExtension = 16;
constexpr std::size_t kHostName = 0;

class HelloCategory final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "client hello"; }
  [[nodiscard]] std::string message(int value) const override {
    switch (static_cast<HelloErrc>(value)) {
      case HelloErrc::not_tls:
        return "it does not begin as TLS does";
      case HelloErrc::record_too_long:
        return "a record is longer than TLS allows";
      case HelloErrc::too_long:
        return "the ClientHello is too long";
      case HelloErrc::not_hello:
        return "the handshake does not begin with a ClientHello";
      case HelloErrc::malformed:
        return "the ClientHello is malformed";
      case HelloErrc::malformed_name:
        return "the server name is none that a host has";
      case HelloErrc::no_proxy_header:
        return "it does not begin with a PROXY header";
    }
    return "unknown";
  }
};

/// Takes parts from the front of bytes. Once one is missing, every further one is.
class Reader {
 public:
  explicit Reader(std::string_view bytes) noexcept : rest_(bytes) {}

  [[nodiscard]] bool is_right() const noexcept { return is_right_; }
  [[nodiscard]] bool is_at_end() const noexcept { return rest_.empty(); }

  /// A number of so many bytes; 0 if they are missing.
  std::size_t number(std::size_t bytes) noexcept {
    std::size_t value = 0;
    for (const char c : take(bytes)) {
      value = value << 8 | static_cast<unsigned char>(c);
    }
    return value;
  }
  std::string_view take(std::size_t n) noexcept {
    if (n > rest_.size()) {
      is_right_ = false;
      rest_ = {};
      return {};
    }
    const std::string_view front = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return front;
  }
  /// A vector with its length in front, in so many bytes.
  std::string_view vector(std::size_t length_bytes) noexcept { return take(number(length_bytes)); }

 private:
  std::string_view rest_;
  bool is_right_ = true;
};

using Wrong = std::optional<HelloErrc>;

Wrong read_server_name(std::string_view data, ClientHello& hello) {
  Reader extension(data);
  Reader list(extension.vector(2));
  bool has_name = false;
  while (!list.is_at_end()) {
    const std::size_t type = list.number(1);
    const std::string_view name = list.vector(2);
    if (!list.is_right() || type != kHostName || has_name) {
      return HelloErrc::malformed;
    }
    if (!programs::is_host_name(name)) {
      return HelloErrc::malformed_name;
    }
    has_name = true;
    hello.server_name = programs::lower_case(name.substr(0, name.size() - name.ends_with('.')));
  }
  const bool is_right = extension.is_right() && extension.is_at_end() && has_name;
  return is_right ? Wrong() : HelloErrc::malformed;
}

Wrong read_protocols(std::string_view data, ClientHello& hello) {
  Reader extension(data);
  Reader list(extension.vector(2));
  while (!list.is_at_end()) {
    const std::string_view name = list.vector(1);
    if (name.empty()) {
      return HelloErrc::malformed;
    }
    hello.protocols.emplace_back(name);
  }
  const bool is_right = extension.is_right() && extension.is_at_end() && !hello.protocols.empty();
  return is_right ? Wrong() : HelloErrc::malformed;
}

Wrong read_extensions(std::string_view data, ClientHello& hello) {
  Reader extensions(data);
  bool has_name = false;
  bool has_protocols = false;
  while (!extensions.is_at_end()) {
    const std::size_t type = extensions.number(2);
    const std::string_view content = extensions.vector(2);
    Wrong wrong;
    if (!extensions.is_right()) {
      wrong = HelloErrc::malformed;
    } else if (type == kServerNameExtension) {
      wrong =
          std::exchange(has_name, true) ? HelloErrc::malformed : read_server_name(content, hello);
    } else if (type == kAlpnExtension) {
      wrong = std::exchange(has_protocols, true) ? HelloErrc::malformed
                                                 : read_protocols(content, hello);
    }
    if (wrong) {
      return wrong;
    }
  }
  return std::nullopt;
}

}  // namespace

const std::error_category& hello_category() noexcept {
  static const HelloCategory category;
  return category;
}

std::optional<Alert> alert_of(HelloErrc code) noexcept {
  switch (code) {
    case HelloErrc::not_tls:
    case HelloErrc::no_proxy_header:
      return std::nullopt;
    case HelloErrc::record_too_long:
      return Alert::record_overflow;
    case HelloErrc::not_hello:
      return Alert::unexpected_message;
    case HelloErrc::malformed_name:
      return Alert::unrecognized_name;
    default:
      return Alert::decode_error;
  }
}

std::string alert_record(Alert alert) {
  constexpr char kFatal = 2;
  return {static_cast<char>(kAlertRecord), 3, 3, 0, 2, kFatal, static_cast<char>(alert)};
}

expected<ClientHello, HelloErrc> parse_client_hello(std::string_view body) {
  Reader reader(body);
  const std::size_t version = reader.number(2);
  reader.take(kRandomBytes);
  const std::string_view session = reader.vector(1);
  const std::string_view ciphers = reader.vector(2);
  const std::string_view compressions = reader.vector(1);
  if (!reader.is_right() || version >> 8 != 3 || session.size() > kLongestSessionId ||
      ciphers.empty() || ciphers.size() % 2 != 0 || compressions.empty()) {
    return unexpected<HelloErrc>(HelloErrc::malformed);
  }
  ClientHello hello;
  if (reader.is_at_end()) {
    return hello;  // as in old versions
  }
  const std::string_view extensions = reader.vector(2);
  Wrong wrong = HelloErrc::malformed;
  if (reader.is_right() && reader.is_at_end()) {
    wrong = read_extensions(extensions, hello);
  }
  if (wrong) {
    return unexpected<HelloErrc>(*wrong);
  }
  return hello;
}

std::size_t HelloFramer::max_frame() const noexcept {
  return kMostProxyBytes + max_hello_ + kLongestRecord + kMostRecords * kRecordHeader;
}

FrameScan HelloFramer::scan(const FrameWindow& window) {
  std::size_t at = mark_.looked_at(window);
  if (at == 0) {
    before_mark_ = {};
    proxy_header_size_ = 0;
    if (has_proxy_header_) {
      ProxyHeader header = read_proxy_header(window.view());
      if (header.is == ProxyHeader::Is::wrong) {
        return FrameScan::error(HelloErrc::no_proxy_header);
      }
      if (header.is == ProxyHeader::Is::cut) {
        return FrameScan::need_at_least(header.size);
      }
      proxy_header_size_ = at = header.size;
      proxied_client_ = std::move(header.source);
    }
  }
  return scan_records(window, at);
}

// From the record at `at` on, which may be cut.
FrameScan HelloFramer::scan_records(const FrameWindow& window, std::size_t at) {
  handshake_.resize(before_mark_.bytes);
  records_ = before_mark_.records;
  for (;;) {
    mark_.set(window, at);
    before_mark_ = {handshake_.size(), records_};
    const std::string_view rest = window.view().substr(at);
    const Record record = read_record(rest);
    if (record.wrong) {
      return FrameScan::error(*record.wrong);
    }
    if (rest.size() < record.size) {
      return FrameScan::need_at_least(at + record.size);
    }
    const std::string_view content = rest.substr(kRecordHeader, record.size - kRecordHeader);
    at += record.size;
    ++records_;
    // One that is whole in its first record, as nearly all are, is read where it lies.
    const bool is_alone = handshake_.empty();
    const std::string_view handshake = is_alone ? content : handshake_ += content;
    if (const auto wrong = check_handshake(handshake)) {
      return FrameScan::error(*wrong, handshake_size(handshake), max_hello_);
    }
    if (handshake.size() < kHandshakeHeader || handshake.size() < handshake_size(handshake)) {
      if (is_alone) {
        handshake_ = content;
      }
      continue;
    }
    auto hello = parse_client_hello(handshake.substr(kHandshakeHeader));
    if (!hello) {
      return FrameScan::error(hello.error());
    }
    hello_ = std::move(*hello);
    return FrameScan::complete(at);
  }
}

// Wrong as soon as no record of a handshake can come of the bytes.
HelloFramer::Record HelloFramer::read_record(std::string_view bytes) const noexcept {
  Reader header(bytes.substr(0, kRecordHeader));
  const bool is_handshake = bytes.empty() || header.number(1) == kHandshakeRecord;
  const bool has_version = bytes.size() < 2 || header.number(1) == 3;
  if (!is_handshake || !has_version) {
    return {0, records_ == 0 ? HelloErrc::not_tls : HelloErrc::malformed};
  }
  if (bytes.size() < kRecordHeader) {
    return {kRecordHeader, std::nullopt};
  }
  header.take(1);
  const std::size_t length = header.number(2);
  if (length > kLongestRecord) {
    return {0, HelloErrc::record_too_long};
  }
  if (length == 0 || records_ == kMostRecords) {
    return {0, HelloErrc::malformed};
  }
  return {kRecordHeader + length, std::nullopt};
}

// The bytes that the handshake's first message has, with its header; 0 as long as that is cut.
std::size_t HelloFramer::handshake_size(std::string_view handshake) noexcept {
  Reader reader(handshake.substr(0, kHandshakeHeader));
  reader.take(1);
  const std::size_t length = reader.number(3);
  return reader.is_right() ? kHandshakeHeader + length : 0;
}

std::optional<HelloErrc> HelloFramer::check_handshake(std::string_view handshake) const noexcept {
  if (static_cast<unsigned char>(handshake.front()) != kClientHello) {
    return HelloErrc::not_hello;
  }
  const std::size_t size = handshake_size(handshake);
  if (size > max_hello_) {
    return HelloErrc::too_long;
  }
  if (size != 0 && handshake.size() > size) {
    return HelloErrc::malformed;  // nothing may follow before the server has answered
  }
  return std::nullopt;
}

}  // namespace sni_router
