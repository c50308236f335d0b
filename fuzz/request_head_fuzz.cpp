// Heads of HTTP requests: the framer with its input cut anywhere, against a search in all bytes;
// and what the parser makes of them, which must be a head again that means the same.
#include <gtest/gtest.h>

#include <iterator>
#include <string>

#include "connect_proxy/request_head.hpp"
#include "given_bytes.hpp"
#include "support/host_port.hpp"
#include "support/programs/scan_pieces.hpp"

namespace connect_proxy {
namespace {

using bytes_handoff::FrameScan;
using bytes_handoff::test::GivenBytes;

constexpr std::size_t kLimit = 300;

constexpr std::string_view kParts[] = {"GET ",
                                       "CONNECT ",
                                       "OPTIONS ",
                                       "http://",
                                       "a.b",
                                       "[::1]",
                                       ":80",
                                       ":0",
                                       "/",
                                       "/p?q",
                                       " ",
                                       " HTTP/1.1\r\n",
                                       " HTTP/1.0\r\n",
                                       " HTTP/2.0\r\n",
                                       "Host: a\r\n",
                                       "Connection: ",
                                       "close",
                                       ",",
                                       "Content-Length: 1\r\n",
                                       "Transfer-Encoding: chunked\r\n",
                                       "X: y\r\n",
                                       "Upgrade: z\r\n",
                                       "\r\n",
                                       "\r",
                                       "\n",
                                       "\t",
                                       ":",
                                       "@",
                                       "#",
                                       "x"};

std::string any_head(GivenBytes& from) {
  std::string text;
  if (from.one_in(2)) {
    text = from.one_in(2) ? "GET http://a.b/ HTTP/1.1\r\nHost: a\r\n"
                          : "CONNECT a.b:80 HTTP/1.1\r\nHost: a\r\n";
  }
  for (std::size_t n = from.between(0, 15); n != 0; --n) {
    const std::size_t which = from.between(0, std::size(kParts));
    text += which == std::size(kParts) ? std::string(1, static_cast<char>(from.between(0, 255)))
                                       : std::string(kParts[which]);
  }
  if (from.one_in(8)) {
    text += std::string(from.between(0, 255), 'p');
  }
  return text + (from.one_in(4) ? "" : "\r\n\r\n");
}

FrameScan first_answer(const std::string& bytes) {
  FrameScan scan = FrameScan::need_at_least(1);
  for (std::size_t n = 1; n <= bytes.size() && !scan.is_complete() && !scan.is_error(); ++n) {
    HeadFramer framer(kLimit);
    scan = framer.scan(std::as_bytes(std::span(bytes)).subspan(0, n));
  }
  return scan;
}

// A head in origin form, as a server reads it.
void check_forwarded(const RequestHead& head) {
  const std::string& text = head.forwarded;
  ASSERT_EQ(text.find("\r\n\r\n"), text.size() - 4);
  ASSERT_EQ(text.find("\r\nHost: ") != std::string::npos, true);
  HeadFramer framer(SIZE_MAX / 2);
  ASSERT_EQ(framer.scan(std::as_bytes(std::span(text))).size(), text.size());
  // With its target made absolute again it is a head with the same meaning, once more.
  const auto first = text.find(' ') + 1;
  const auto host = text.find("\r\nHost: ") + 8;
  const std::string authority = text.substr(host, text.find("\r\n", host) - host);
  std::string again = text;
  again.replace(first, again[first] == '*' ? 1 : 0, "http://" + authority);
  const auto parsed = parse_head(again);
  ASSERT_TRUE(parsed) << again;
  ASSERT_EQ(parsed->host, head.host);
  ASSERT_EQ(parsed->port, head.port);
}

void compare(GivenBytes& from) {
  const std::string bytes = any_head(from);
  const FrameScan expected = first_answer(bytes);
  HeadFramer framer(kLimit);
  const FrameScan scan =
      bytes_handoff::test::scan_in_pieces(framer, bytes, [&] { return from.between(1, 16); });
  ASSERT_EQ(scan.is_complete(), expected.is_complete());
  ASSERT_EQ(scan.error_code(), expected.error_code());
  if (!scan.is_complete()) {
    return;
  }
  ASSERT_EQ(scan.size(), bytes.find("\r\n\r\n") + 4);
  const auto head = parse_head(std::string_view(bytes).substr(0, scan.size()));
  if (!head) {
    ASSERT_NE(status_of(head.error()), 0);
    return;
  }
  ASSERT_NE(head->port, 0);
  ASSERT_TRUE(head->is_ipv6 || programs::is_host_name(head->host));
  ASSERT_EQ(head->is_connect, head->forwarded.empty());
  if (!head->is_connect) {
    check_forwarded(*head);
  }
}

}  // namespace
}  // namespace connect_proxy

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  bytes_handoff::test::GivenBytes from({data, size});
  connect_proxy::compare(from);
  return 0;
}
