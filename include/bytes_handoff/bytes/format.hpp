#pragma once

// `Bytes` and `BytesMut` in `std::format`, where the standard library has that. Elsewhere this
// header declares nothing.

#include <version>

#if defined(__cpp_lib_format)

#include <format>
#include <string_view>

#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/bytes/escaped.hpp"
#include "bytes_handoff/bytes_mut.hpp"

/// As `Escaped` text. The options are those of a string. A precision cuts the escaped text.
///
///     std::format("{:>20}", bytes);
template <>
struct std::formatter<bytes_handoff::Bytes, char> : std::formatter<std::string_view, char> {
  template <class Context>
  auto format(const bytes_handoff::Bytes& bytes, Context& context) const {
    const bytes_handoff::Escaped escaped(bytes.span());
    return std::formatter<std::string_view, char>::format(escaped.view(), context);
  }
};

template <>
struct std::formatter<bytes_handoff::BytesMut, char> : std::formatter<std::string_view, char> {
  template <class Context>
  auto format(const bytes_handoff::BytesMut& bytes, Context& context) const {
    const bytes_handoff::Escaped escaped(bytes.span());
    return std::formatter<std::string_view, char>::format(escaped.view(), context);
  }
};

#endif
