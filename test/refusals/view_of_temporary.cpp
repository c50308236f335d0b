// A view of bytes that are gone at the end of the line.
#include <bytes_handoff/bytes.hpp>

char first() {
  const std::string_view text = bytes_handoff::Bytes::copy_of("text").view();
  return text.front();
}
