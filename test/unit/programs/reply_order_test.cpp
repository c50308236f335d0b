#include "resp_router/reply_order.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace programs {
namespace {

using bytes_handoff::Bytes;

class ReplyOrderTest : public testing::Test {
 protected:
  bool fill(std::uint64_t at, const std::string& reply, std::uint32_t part = 0) {
    Bytes bytes = Bytes::copy_of(reply);
    return order_.fill(at, part, bytes, {RespValue{.type = reply.front()}});
  }
  [[nodiscard]] std::string take_all() {
    std::vector<Bytes> slices;
    while (order_.take(slices)) {
    }
    std::string text;
    for (const Bytes& slice : slices) text += slice.view();
    return text;
  }

  ReplyOrder order_;
};

TEST_F(ReplyOrderTest, GivesRepliesInTheOrderOfTheRequests) {
  const auto a = order_.add();
  const auto b = order_.add();
  const auto c = order_.add();
  EXPECT_FALSE(fill(c, "+c\r\n"));
  EXPECT_EQ(take_all(), "");
  EXPECT_TRUE(fill(a, "+a\r\n"));
  EXPECT_EQ(take_all(), "+a\r\n");
  EXPECT_EQ(order_.size(), 2U);
  EXPECT_TRUE(fill(b, "+b\r\n"));
  EXPECT_EQ(take_all(), "+b\r\n+c\r\n");
  EXPECT_EQ(order_.size(), 0U);
}

TEST_F(ReplyOrderTest, KeepsPlacesValidBehindThoseThatWereTaken) {
  for (int i = 0; i < 100; ++i) {
    const auto a = order_.add();
    const auto b = order_.add();
    EXPECT_FALSE(fill(b, "+b\r\n"));
    EXPECT_TRUE(fill(a, "+a\r\n"));
    EXPECT_EQ(take_all(), "+a\r\n+b\r\n");
  }
}

TEST_F(ReplyOrderTest, WaitsForAllPartsOfAJoinedReply) {
  std::vector<RequestPart> parts(2);
  parts[0].keys = {0};
  parts[1].keys = {1};
  const auto joined = order_.add(std::make_unique<JoinedReply>(Route::all_ok, parts));
  const auto behind = order_.add();
  EXPECT_FALSE(fill(joined, "+OK\r\n", 1));
  EXPECT_FALSE(fill(behind, "+b\r\n"));
  EXPECT_EQ(take_all(), "");
  EXPECT_TRUE(fill(joined, "+OK\r\n", 0));
  EXPECT_EQ(take_all(), "+OK\r\n+b\r\n");
}

}  // namespace
}  // namespace programs
