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
    Gathered gathered(1024);
    order_.take(gathered);
    std::string text;
    for (const Bytes& slice : gathered.slices()) text += slice.view();
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
  EXPECT_EQ(order_.missing(), 1U);
  EXPECT_TRUE(fill(b, "+b\r\n"));
  EXPECT_EQ(take_all(), "+b\r\n+c\r\n");
  EXPECT_EQ(order_.size(), 0U);
  EXPECT_EQ(order_.missing(), 0U);
}

TEST_F(ReplyOrderTest, KeepsTheOrderOfManyWhileItNeverIsEmpty) {
  std::vector<std::uint64_t> places;
  std::size_t filled = 0;
  std::string expected;
  std::string taken;
  for (int i = 0; i < 1000; ++i) {
    places.push_back(order_.add());
    if (i % 100 < 50) continue;  // now more come than leave, now fewer
    for (int both = 0; both < 2 && filled + 1 < places.size(); ++both, ++filled) {
      const std::string reply = ":" + std::to_string(filled) + "\r\n";
      expected += reply;
      EXPECT_TRUE(fill(places[filled], reply));
      taken += take_all();
    }
    EXPECT_EQ(order_.size(), places.size() - filled);
    EXPECT_EQ(order_.missing(), order_.size());
  }
  EXPECT_EQ(taken, expected);
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
