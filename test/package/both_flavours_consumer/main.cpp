#include <string_view>

#include "transfer.hpp"

int main() {
  constexpr std::string_view kText = "through both";
  const auto arrived =
      transfer_on_boost_asio(transfer_on_asio(bytes_handoff::Bytes::copy_of(kText)));
  return arrived.view() == kText ? 0 : 1;
}
