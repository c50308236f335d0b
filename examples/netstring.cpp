// A framer of your own, for a length in text: netstrings, such as `5:hello,`. No Asio: what a
// framer says depends on bytes alone.
#include <algorithm>
#include <bytes_handoff/framers.hpp>
#include <bytes_handoff/handoff_buffer.hpp>
#include <charconv>
#include <iostream>
#include <string_view>
#include <system_error>

using bytes_handoff::Bytes;
using bytes_handoff::BytesMut;
using bytes_handoff::Errc;
using bytes_handoff::FrameScan;
using bytes_handoff::FrameWindow;
using bytes_handoff::HandoffBuffer;

struct NetstringFramer {
  static constexpr std::size_t kMostDigits = 6;  // so the length needs no limit of its own

  static FrameScan scan(const FrameWindow& window) noexcept {
    const std::string_view header = window.view().substr(0, kMostDigits + 1);
    const std::size_t digits = (std::min)(header.find(':'), header.size());
    std::size_t length = 0;
    const auto [end, error] = std::from_chars(header.data(), header.data() + digits, length);
    if (error != std::errc() || end != header.data() + digits || digits > kMostDigits) {
      return FrameScan::error(Errc::malformed_frame);
    }
    if (digits == header.size()) return FrameScan::need_at_least(digits + 1);  // no colon yet
    const std::size_t n = digits + 1 + length + 1;                             // with the comma
    if (window.size() < n) return FrameScan::need_at_least(n);
    if (window.view()[n - 1] != ',') return FrameScan::error(Errc::malformed_frame);
    return FrameScan::complete(n, digits + 1, n - 1);  // the content is the text alone
  }
};

void show(std::string_view input) {
  BytesMut tail;
  tail.extend(input);
  HandoffBuffer buffer = HandoffBuffer::from_tail(tail, {}).value();
  NetstringFramer netstrings;
  auto frames = buffer.frames(netstrings);
  for (const Bytes& each : frames) std::cout << '[' << each.view() << "] ";
  if (const auto error = frames.error()) {
    std::cout << error.message() << '\n';
  } else {
    std::cout << "and " << buffer.size() << " bytes of the next\n";
  }
}

int main() {
  show("5:hello,0:,12:hello");
  show("5:hello,12");
  show("5:hello!");
  show("1234567:");
  show("1:a,GET / HTTP/1.1");
}
