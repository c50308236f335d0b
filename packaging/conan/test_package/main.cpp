#include <bytes_handoff/bytes.hpp>
#include <string_view>

int main() {
  constexpr std::string_view kText = "packaged";
  const auto bytes = bytes_handoff::Bytes::copy_of(kText);
  const auto end = bytes.slice(4, 4);
  return end && end->view() == "aged" ? 0 : 1;
}
