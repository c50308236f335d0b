#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "bytes_handoff/front_end.hpp"
#include "bytes_handoff/handoff_buffer.hpp"

namespace bytes_handoff::test {

/// One read that finds `available`: as much of it as the buffer offers room for. How many bytes.
inline std::size_t read_once(HandoffBuffer& buffer, std::string_view available) {
  const auto room = front_end::begin_read(buffer);
  if (!room) {
    return 0;
  }
  const std::size_t n = std::min(room->size(), available.size());
  if (n != 0) {
    std::memcpy(room->data(), available.data(), n);
  }
  front_end::end_read(buffer, n);
  return n;
}

/// Reads until all of `text` is in the buffer, which must have room for it.
inline void feed(HandoffBuffer& buffer, std::string_view text) {
  while (!text.empty()) {
    const std::size_t n = read_once(buffer, text);
    ASSERT_NE(n, 0U) << "the buffer is full";
    text.remove_prefix(n);
  }
}

}  // namespace bytes_handoff::test
