#include "sni_router/proxy_header.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <optional>

#include "support/host_port.hpp"

namespace sni_router {
namespace {

using Is = ProxyHeader::Is;

constexpr std::string_view kLineBegin = "PROXY ";
constexpr std::size_t kLongestLine = 107;  // with CRLF
constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t kFixedBytes = 16;
constexpr unsigned kInet = 1;
constexpr unsigned kInet6 = 2;

unsigned byte_at(std::string_view bytes, std::size_t i) {
  return static_cast<unsigned char>(bytes[i]);
}

bool is_address(int family, const std::string& text) {
  std::array<unsigned char, 16> parsed{};
  return inet_pton(family, text.c_str(), parsed.data()) == 1;
}

std::string with_port(bool is_ipv6, const std::string& address, std::size_t port) {
  return (is_ipv6 ? "[" + address + "]:" : address + ":") + std::to_string(port);
}

// The word in front of the next blank; nothing if there is none.
std::optional<std::string> take_word(std::string_view& rest) {
  const auto blank = rest.find(' ');
  const std::string word(rest.substr(0, blank));
  rest = blank == std::string_view::npos ? std::string_view() : rest.substr(blank + 1);
  return word.empty() ? std::nullopt : std::optional(word);
}

std::optional<std::size_t> port_of(const std::optional<std::string>& word) {
  const auto port = programs::parse_number(word.value_or(""));
  return port && *port <= 65535 ? std::optional<std::size_t>(*port) : std::nullopt;
}

// Of a line without its end: the source; empty if it tells none.
std::optional<std::string> source_of_line(std::string_view line) {
  line.remove_prefix(kLineBegin.size());
  const auto family = take_word(line);
  if (family == "UNKNOWN") {
    return "";
  }
  const bool is_ipv6 = family == "TCP6";
  if (!is_ipv6 && family != "TCP4") {
    return std::nullopt;
  }
  const auto source = take_word(line);
  const auto destination = take_word(line);
  const auto source_port = port_of(take_word(line));
  const auto destination_port = port_of(take_word(line));
  const int inet = is_ipv6 ? AF_INET6 : AF_INET;
  if (!source || !destination || !source_port || !destination_port || !line.empty() ||
      !is_address(inet, *source) || !is_address(inet, *destination)) {
    return std::nullopt;
  }
  return with_port(is_ipv6, *source, *source_port);
}

ProxyHeader read_line(std::string_view bytes) {
  const auto end = bytes.substr(0, kLongestLine).find("\r\n");
  if (end == std::string_view::npos) {
    return bytes.size() < kLongestLine ? ProxyHeader{Is::cut, bytes.size() + 1, {}}
                                       : ProxyHeader{Is::wrong, 0, {}};
  }
  const auto source = source_of_line(bytes.substr(0, end));
  return source ? ProxyHeader{Is::whole, end + 2, *source} : ProxyHeader{Is::wrong, 0, {}};
}

ProxyHeader read_binary(std::string_view bytes) {
  if (bytes.size() < kFixedBytes) {
    return {Is::cut, kFixedBytes, {}};
  }
  const unsigned version_and_command = byte_at(bytes, 12);
  const unsigned family = byte_at(bytes, 13) >> 4;
  const std::size_t length = byte_at(bytes, 14) << 8 | byte_at(bytes, 15);
  const bool is_local = version_and_command == 0x20;
  const std::size_t address_bytes = family == kInet ? 12 : family == kInet6 ? 36 : 0;
  if ((!is_local && version_and_command != 0x21) || kFixedBytes + length > kMostProxyBytes ||
      (!is_local && length < address_bytes)) {
    return {Is::wrong, 0, {}};
  }
  const std::size_t size = kFixedBytes + length;
  if (bytes.size() < size) {
    return {Is::cut, size, {}};
  }
  if (is_local || address_bytes == 0) {
    return {Is::whole, size, {}};
  }
  const bool is_ipv6 = family == kInet6;
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(is_ipv6 ? AF_INET6 : AF_INET, bytes.data() + kFixedBytes, text.data(), text.size());
  const std::size_t port = kFixedBytes + (is_ipv6 ? 32 : 8);
  return {Is::whole, size,
          with_port(is_ipv6, text.data(), byte_at(bytes, port) << 8 | byte_at(bytes, port + 1))};
}

}  // namespace

ProxyHeader read_proxy_header(std::string_view bytes) {
  for (const std::string_view begin : {kLineBegin, kSignature}) {
    const std::size_t n = std::min(begin.size(), bytes.size());
    if (bytes.substr(0, n) != begin.substr(0, n)) {
      continue;
    }
    if (n < begin.size()) {
      return {Is::cut, begin.size(), {}};
    }
    return begin == kLineBegin ? read_line(bytes) : read_binary(bytes);
  }
  return {Is::wrong, 0, {}};
}

std::string proxy_line(bool is_ipv6, const std::string& source, std::size_t source_port,
                       const std::string& destination, std::size_t destination_port) {
  return std::string(kLineBegin) + (is_ipv6 ? "TCP6 " : "TCP4 ") + source + " " + destination +
         " " + std::to_string(source_port) + " " + std::to_string(destination_port) + "\r\n";
}

}  // namespace sni_router
