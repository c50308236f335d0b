#include "sni_router/proxy_header.hpp"

#include <gtest/gtest.h>

#include <string>

#include "support/programs/hello_bytes.hpp"

namespace sni_router {
namespace {

using Is = ProxyHeader::Is;
using test::number;

std::string binary(std::size_t version_and_command, std::size_t family, const std::string& rest) {
  return std::string("\r\n\r\n\0\r\nQUIT\n", 12) + number(version_and_command, 1) +
         number(family, 1) + test::vector(rest, 2);
}

const std::string kAddresses4 =
    std::string("\xc0\0\2\1\xc0\0\2\2", 8) + number(1234, 2) + number(443, 2);
const std::string kAddresses6 = number(0x20010db8, 4) + std::string(11, '\0') + "\1" +
                                std::string(16, '\2') + number(80, 2) + number(443, 2);

void expect_whole(const std::string& header, const std::string& source) {
  const ProxyHeader whole = read_proxy_header(header + "rest");
  EXPECT_EQ(whole.is, Is::whole) << header;
  EXPECT_EQ(whole.size, header.size());
  EXPECT_EQ(whole.source, source);
  for (std::size_t n = 0; n < header.size(); ++n) {
    const ProxyHeader cut = read_proxy_header(header.substr(0, n));
    ASSERT_EQ(cut.is, Is::cut) << header << " at " << n;
    ASSERT_GT(cut.size, n);
    ASSERT_LE(cut.size, header.size());
  }
}

TEST(ProxyHeader, IsALine) {
  expect_whole("PROXY TCP4 192.0.2.1 192.0.2.2 1 65535\r\n", "192.0.2.1:1");
  expect_whole("PROXY TCP6 2001:db8::1 ::1 1234 443\r\n", "[2001:db8::1]:1234");
  expect_whole("PROXY UNKNOWN\r\n", "");
  expect_whole("PROXY UNKNOWN ffff:f...f 65535 65535\r\n", "");
  expect_whole(proxy_line(false, "192.0.2.1", 5, "192.0.2.2", 6), "192.0.2.1:5");
  expect_whole(proxy_line(true, "::1", 5, "::2", 6), "[::1]:5");
}

TEST(ProxyHeader, IsBinary) {
  expect_whole(binary(0x21, 0x11, kAddresses4), "192.0.2.1:1234");
  expect_whole(binary(0x21, 0x11, kAddresses4 + "extension"), "192.0.2.1:1234");
  expect_whole(binary(0x21, 0x21, kAddresses6), "[2001:db8::1]:80");
  expect_whole(binary(0x20, 0x00, ""), "");
  expect_whole(binary(0x20, 0x11, kAddresses4), "");
  expect_whole(binary(0x21, 0x00, "any"), "");
  expect_whole(binary(0x21, 0x00, std::string(kMostProxyBytes - 16, 'x')), "");
}

TEST(ProxyHeader, IsWrong) {
  for (const std::string& wrong :
       {std::string("G"), std::string("PROXZ"), std::string("PROXY TCP4 192.0.2.1\r\n"),
        std::string("PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n"),
        std::string("PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n"),
        std::string("PROXY TCP4 192.0.2.1  192.0.2.2 1 2\r\n"),
        std::string("PROXY TCP4 ::1 ::1 1 2\r\n"), std::string("PROXY TCP6 192.0.2.1 ::1 1 2\r\n"),
        std::string("PROXY TCP5 192.0.2.1 192.0.2.2 1 2\r\n"), std::string("PROXY \r\n"),
        "PROXY UNKNOWN " + std::string(107, 'x'), binary(0x22, 0x11, kAddresses4),
        binary(0x11, 0x11, kAddresses4), binary(0x21, 0x11, "short"),
        binary(0x21, 0x21, kAddresses4),
        binary(0x21, 0x11, std::string(kMostProxyBytes - 15, 'x'))}) {
    EXPECT_EQ(read_proxy_header(wrong).is, Is::wrong) << wrong;
  }
}

}  // namespace
}  // namespace sni_router
