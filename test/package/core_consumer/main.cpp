#include <bytes_handoff/bytes.hpp>
#include <string_view>

int main() {
  constexpr std::string_view kText = "installed";
  return bytes_handoff::Bytes::copy_of(kText).size() == kText.size() ? 0 : 1;
}
