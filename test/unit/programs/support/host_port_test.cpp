#include "support/host_port.hpp"

#include <gtest/gtest.h>

#include <string>

#include "support/command_line.hpp"

namespace programs {
namespace {

TEST(HostPort, IsSplit) {
  const auto name = split_host_port("a.b:80");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->host, "a.b");
  EXPECT_EQ(name->port, 80);
  EXPECT_FALSE(name->has_brackets);
  const auto ipv6 = split_host_port("[::1]:0");
  ASSERT_TRUE(ipv6);
  EXPECT_EQ(ipv6->host, "::1");
  EXPECT_TRUE(ipv6->has_brackets);
  for (const char* const wrong : {"", ":", "a", "a:", ":1", "a:65536", "a:1 ", "a:+1", "a:0x1",
                                  "::1:1", "[]:1", "[a]:1", "[::1]1", "a:99999999999999999999"}) {
    EXPECT_FALSE(split_host_port(wrong)) << wrong;
  }
}

TEST(HostName, HasLabels) {
  for (const char* const right : {"a", "a.b", "a-b_c.d", "a.", "127.0.0.1", "xn--a"}) {
    EXPECT_TRUE(is_host_name(right)) << right;
  }
  for (const char* const wrong : {"", ".", "..", ".a", "a..", "a..b", "a b", "a/", "a:1", "\xe4"}) {
    EXPECT_FALSE(is_host_name(wrong)) << wrong;
  }
}

TEST(Endpoint, IsNumeric) {
  for (const char* const right : {"127.0.0.1:80", "[::1]:80", "0.0.0.0:0"}) {
    const auto endpoint = parse_endpoint(right);
    ASSERT_TRUE(endpoint) << right;
    EXPECT_EQ(to_text(*endpoint), right);
  }
  for (const char* const wrong :
       {"localhost:1", "127.0.0.1", "1.2.3:4", "[127.0.0.1]:1", "::1:1"}) {
    EXPECT_FALSE(parse_endpoint(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace programs
