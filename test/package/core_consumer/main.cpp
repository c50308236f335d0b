#include <bytes_handoff/bytes.hpp>
#include <string_view>

// Defined in a file of another language mode: it links only where both have the same `expected`.
bytes_handoff::Bytes value_or_empty(
    const bytes_handoff::expected<bytes_handoff::Bytes, bytes_handoff::SplitOutOfBounds>& part);

int main() {
  constexpr std::string_view kText = "installed";
  const auto bytes = bytes_handoff::Bytes::copy_of(kText);
  if (value_or_empty(bytes.slice(0, 99)).size() != 0) {
    return 1;
  }
  return value_or_empty(bytes.slice(0, kText.size())).view() == kText ? 0 : 1;
}
