#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "bytes_handoff/bytes_mut.hpp"
#include "support/memory/counting_resource.hpp"

namespace bytes_handoff::test {

/// A region with `text` in it, in a block of `source` with room for at least `capacity` bytes.
inline BytesMut filled(std::string_view text, CountingResource& source, std::size_t capacity = 0) {
  BytesMut bytes = BytesMut::with_capacity(std::max(capacity, text.size()), &source);
  bytes.extend(text);
  return bytes;
}

}  // namespace bytes_handoff::test
