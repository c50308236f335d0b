#include "resp_router/write_turn.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <utility>

namespace programs {
namespace {

using bytes_handoff::Bytes;

struct Writer final : WritesInTurns {
  void write(Gathered& gathered) override {
    ++writes;
    EXPECT_TRUE(gathered.slices().empty());
    Bytes bytes = Bytes::from_static("left behind");
    gathered.add(bytes);
    if (again != nullptr) std::exchange(again, nullptr)->add(self.lock());
  }

  [[nodiscard]] bool can_wait() const override { return has_more_soon; }

  std::weak_ptr<Writer> self;
  WriteTurn* again = nullptr;
  bool has_more_soon = false;
  int writes = 0;
};

class WriteTurnTest : public testing::Test {
 protected:
  static std::shared_ptr<Writer> make() {
    auto writer = std::make_shared<Writer>();
    writer->self = writer;
    return writer;
  }

  asio::io_context context_;
  WriteTurn turn_{context_};
};

TEST_F(WriteTurnTest, CallsEachOnceBehindWhatIsReady) {
  const auto a = make();
  const auto b = make();
  turn_.add(a);
  asio::post(context_, [&] { turn_.add(b); });
  turn_.add(a);
  EXPECT_EQ(context_.poll_one(), 1U);
  EXPECT_EQ(a->writes, 1);
  context_.restart();
  context_.poll();
  EXPECT_EQ(a->writes, 1);
  EXPECT_EQ(b->writes, 1);
}

TEST_F(WriteTurnTest, WhoHasMoreMeanwhileGetsAnotherTurn) {
  const auto a = make();
  a->again = &turn_;
  turn_.add(a);
  EXPECT_EQ(context_.poll_one(), 1U);
  EXPECT_EQ(a->writes, 1);
  EXPECT_EQ(context_.poll(), 1U);
  EXPECT_EQ(a->writes, 2);
  EXPECT_EQ(a.use_count(), 1);
}

TEST_F(WriteTurnTest, WhoMayHaveMoreSoonWaitsOneTurn) {
  const auto a = make();
  const auto b = make();
  a->has_more_soon = b->has_more_soon = true;
  turn_.add(a);
  turn_.add(b);
  EXPECT_EQ(context_.poll_one(), 1U);
  EXPECT_EQ(a->writes, 0);
  b->has_more_soon = false;
  turn_.add(a);
  EXPECT_EQ(context_.poll(), 1U);
  EXPECT_EQ(a->writes, 1);
  EXPECT_EQ(b->writes, 1);
}

}  // namespace
}  // namespace programs
