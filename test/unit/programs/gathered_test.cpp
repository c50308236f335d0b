#include "resp_router/gathered.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace programs {
namespace {

using bytes_handoff::Bytes;

class GatheredTest : public testing::Test {
 protected:
  const std::byte* add(std::size_t size, char fill) {
    pieces_.push_back(Bytes::copy_of(std::string(size, fill)));
    const std::byte* const at = pieces_.back().data();
    all_.append(size, fill);
    gathered_.add(pieces_.back());
    return at;
  }
  [[nodiscard]] std::string text() {
    std::string text;
    for (const Bytes& slice : gathered_.slices()) text += slice.view();
    return text;
  }

  std::vector<Bytes> pieces_;
  Gathered gathered_{2 * Gathered::kSmall};
  std::string all_;
};

TEST_F(GatheredTest, CopiesSmallPiecesTogether) {
  for (int i = 0; i < 100; ++i) add(10, 'a');
  EXPECT_EQ(gathered_.slices().size(), 1U);
  EXPECT_EQ(text(), all_);
}

TEST_F(GatheredTest, KeepsLargePiecesWhereTheyAreAndTheOrder) {
  add(3, 'a');
  const std::byte* const large = add(Gathered::kSmall + 1, 'b');
  add(Gathered::kSmall, 'c');
  ASSERT_EQ(gathered_.slices().size(), 3U);
  EXPECT_EQ(gathered_.slices()[1].data(), large);
  EXPECT_EQ(text(), all_);
}

TEST_F(GatheredTest, TakesABlockMoreWhereOneIsFull) {
  for (int i = 0; i < 5; ++i) add(Gathered::kSmall, static_cast<char>('a' + i));
  EXPECT_EQ(gathered_.slices().size(), 3U);
  EXPECT_EQ(text(), all_);
}

TEST_F(GatheredTest, IsEmptyOnceItIsCleared) {
  add(3, 'a');
  gathered_.clear();
  EXPECT_TRUE(gathered_.slices().empty());
  add(Gathered::kSmall + 1, 'b');
  gathered_.clear();
  EXPECT_TRUE(gathered_.slices().empty());
}

}  // namespace
}  // namespace programs
