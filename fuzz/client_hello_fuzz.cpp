// The framer of ClientHellos, with its input cut anywhere, against one that sees all bytes at once.
// Some inputs are hellos of which little was changed, in records of some size, others any bytes.
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "given_bytes.hpp"
#include "sni_router/client_hello.hpp"
#include "sni_router/proxy_header.hpp"
#include "support/host_port.hpp"
#include "support/programs/hello_bytes.hpp"
#include "support/programs/scan_pieces.hpp"

namespace sni_router {
namespace {

using bytes_handoff::FrameScan;
using bytes_handoff::test::GivenBytes;
using namespace sni_router::test;

constexpr std::size_t kLimit = 200;

std::string any_bytes(GivenBytes& from, std::size_t most) {
  std::string text;
  for (std::size_t n = from.between(0, most); n != 0; --n) {
    text += static_cast<char>(from.between(0, 255));
  }
  return text;
}

std::string any_hello(GivenBytes& from) {
  std::string extensions;
  for (std::size_t n = from.between(0, 3); n != 0; --n) {
    switch (from.between(0, 3)) {
      case 0:
        extensions += server_name_extension(any_bytes(from, 4));
        break;
      case 1:
        extensions += server_name_extension("a.b");
        break;
      case 2:
        extensions += alpn_extension({"h2", any_bytes(from, 2)});
        break;
      default:
        extensions += extension(from.between(0, 20), any_bytes(from, 8));
    }
  }
  return handshake(hello_body(extensions));
}

// Some bytes become others.
void change(std::string& bytes, GivenBytes& from) {
  for (std::size_t n = from.between(0, 2); n != 0 && !bytes.empty(); --n) {
    bytes[from.between(0, bytes.size() - 1)] = static_cast<char>(from.between(0, 255));
  }
}

std::string any_input(GivenBytes& from, bool has_proxy_header) {
  if (from.one_in(4)) {
    return any_bytes(from, 64);
  }
  std::string hello = any_hello(from);
  change(hello, from);
  std::string bytes = records(hello, from.between(1, 255));
  if (has_proxy_header) {
    bytes.insert(0, from.one_in(2) ? "PROXY TCP4 1.2.3.4 5.6.7.8 9 10\r\n"
                                   : std::string("\r\n\r\n\0\r\nQUIT\n\x20\0\0\2xy", 18));
  }
  change(bytes, from);
  return bytes + any_bytes(from, 4);
}

FrameScan scan_front(HelloFramer& framer, const std::string& bytes, std::size_t n) {
  return framer.scan(std::as_bytes(std::span(bytes)).subspan(0, n));
}

// At once: the answer for the shortest front that has one. Longer ones have the same.
FrameScan first_answer(HelloFramer& framer, const std::string& bytes) {
  std::size_t least = 0;  // the longest front without an answer
  std::size_t most = bytes.size() + 1;
  while (most - least > 1) {
    const std::size_t n = (least + most) / 2;
    const FrameScan scan = scan_front(framer, bytes, n);
    if (scan.is_complete() || scan.is_error()) {
      most = n;
    } else {
      EXPECT_LE(scan.needed(), framer.max_frame());
      least = n;
    }
  }
  if (most > bytes.size()) {
    return FrameScan::need_at_least(most);
  }
  const std::size_t needed = least == 0 ? 1 : scan_front(framer, bytes, least).needed();
  const FrameScan scan = scan_front(framer, bytes, most);
  EXPECT_TRUE(!scan.is_complete() || needed <= most) << needed << " is more than a frame has";
  return scan;
}

void compare(GivenBytes& from) {
  const bool has_proxy_header = from.one_in(4);
  const std::string bytes = any_input(from, has_proxy_header);
  HelloFramer at_once(kLimit, has_proxy_header);
  HelloFramer in_pieces(kLimit, has_proxy_header);
  const FrameScan expected = first_answer(at_once, bytes);
  const FrameScan scan =
      bytes_handoff::test::scan_in_pieces(in_pieces, bytes, [&] { return from.between(1, 16); });
  ASSERT_EQ(scan.is_complete(), expected.is_complete());
  ASSERT_EQ(scan.error_code(), expected.error_code());
  if (!scan.is_complete()) {
    return;
  }
  ASSERT_EQ(scan.size(), expected.size());
  ASSERT_LE(scan.size(), in_pieces.max_frame());
  ASSERT_EQ(in_pieces.hello().server_name, at_once.hello().server_name);
  ASSERT_EQ(in_pieces.hello().protocols, at_once.hello().protocols);
  ASSERT_EQ(in_pieces.proxy_header_size(), at_once.proxy_header_size());
  const std::string& name = in_pieces.hello().server_name;
  ASSERT_TRUE(name.empty() || programs::is_host_name(name)) << name;
}

}  // namespace
}  // namespace sni_router

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  bytes_handoff::test::GivenBytes from({data, size});
  sni_router::compare(from);
  return 0;
}
