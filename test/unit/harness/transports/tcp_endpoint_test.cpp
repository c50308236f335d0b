#include "transports/tcp_endpoint.hpp"

#include <gtest/gtest.h>

namespace stream_harness {
namespace {

TEST(TcpEndpoint, IsWrittenAsItIsRead) {
  for (const char* text :
       {"127.0.0.1:0", "10.1.2.3:65535", "[::1]:39000", "[::]:1", "[fe80::1%lo]:7"}) {
    const auto address = parse_host_port(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(to_text(to_endpoint(*address)), text);
  }
}

}  // namespace
}  // namespace stream_harness
