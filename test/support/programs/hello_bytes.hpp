#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sni_router::test {

/// A number in network order.
inline std::string number(std::size_t value, std::size_t bytes) {
  std::string text(bytes, '\0');
  for (std::size_t i = bytes; i-- != 0; value >>= 8) {
    text[i] = static_cast<char>(value & 0xff);
  }
  return text;
}

/// The bytes with their length in front.
inline std::string vector(std::string_view content, std::size_t length_bytes) {
  return number(content.size(), length_bytes) + std::string(content);
}

inline std::string extension(std::size_t type, std::string_view content) {
  return number(type, 2) + vector(content, 2);
}

inline std::string server_name_extension(std::string_view name) {
  return extension(0, vector(number(0, 1) + vector(name, 2), 2));
}

inline std::string alpn_extension(const std::vector<std::string>& protocols) {
  std::string list;
  for (const std::string& protocol : protocols) {
    list += vector(protocol, 1);
  }
  return extension(16, vector(list, 2));
}

/// A body with these extensions, one behind the other.
inline std::string hello_body(std::string_view extensions) {
  return number(0x0303, 2) + std::string(32, 'r') + vector(std::string(32, 's'), 1) +
         vector(number(0x1301, 2) + number(0x1302, 2), 2) + vector(number(0, 1), 1) +
         vector(extensions, 2);
}

inline std::string handshake(std::string_view body, std::size_t type = 1) {
  return number(type, 1) + vector(body, 3);
}

inline std::string record(std::string_view content, std::size_t type = 22) {
  return number(type, 1) + number(0x0301, 2) + vector(content, 2);
}

/// In records of at most `most` bytes.
inline std::string records(std::string_view content, std::size_t most) {
  std::string text;
  for (; !content.empty(); content.remove_prefix(std::min(most, content.size()))) {
    text += record(content.substr(0, most));
  }
  return text;
}

}  // namespace sni_router::test
