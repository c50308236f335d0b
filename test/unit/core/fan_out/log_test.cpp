#include "bytes_handoff/core/fan_out/log.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bytes_handoff::test {
namespace {

using detail::DroppedBytes;
using detail::FanOutLog;

class FanOutLogTest : public testing::Test {
 protected:
  void push(std::vector<std::string> texts, detail::PublicationKey key = {}) {
    std::vector<Bytes> slices;
    std::size_t bytes = 0;
    for (const std::string& text : texts) {
      slices.push_back(Bytes::copy_of(text));
      bytes += text.size();
    }
    ASSERT_TRUE(log.can_hold(slices.size(), bytes));
    while (!log.make_room(slices.size(), bytes, dropped)) {
      ++rounds;
      dropped.release();
    }
    dropped.release();
    log.push(slices, bytes, key);
    for (const Bytes& slice : slices) {
      EXPECT_TRUE(slice.empty());
    }
  }
  [[nodiscard]] std::string text() const {
    std::string all;
    for (std::uint64_t i = log.first().publications; i != log.end().publications; ++i) {
      const auto& publication = log.publication(i);
      all += publication.is_superseded ? "(" : "[";
      for (std::size_t entry = 0; entry != publication.entries; ++entry) {
        all += log.slice(publication.at.entries + entry).view();
      }
      all += publication.is_superseded ? ")" : "]";
    }
    return all;
  }

  FanOutLog log{{.max_bytes = 10, .max_entries = 4}};
  DroppedBytes dropped;
  int rounds = 0;
};

TEST_F(FanOutLogTest, drops_the_oldest_entries_where_it_is_full) {
  for (const char* text : {"a", "b", "c", "d", "e"}) {
    push({text});
  }
  EXPECT_EQ(text(), "[b][c][d][e]");
  push({"12345678"});
  EXPECT_EQ(text(), "[d][e][12345678]");
  EXPECT_EQ(log.first().entries, 3U);
  EXPECT_EQ(log.end().entries, 6U);
  EXPECT_EQ(log.end().bytes, 13U);
}

TEST_F(FanOutLogTest, drops_a_group_as_a_whole) {
  push({"a", "b", "c"});
  push({"d"});
  push({"e"});
  EXPECT_EQ(text(), "[d][e]");
  EXPECT_EQ(log.first().entries, 3U);
  // What is left of the dropped group is released before more is dropped.
  push({"f"});
  push({"g"});
  EXPECT_EQ(text(), "[d][e][f][g]");
}

TEST_F(FanOutLogTest, cannot_hold_what_is_larger_than_all_of_it) {
  EXPECT_TRUE(log.can_hold(4, 10));
  EXPECT_FALSE(log.can_hold(5, 1));
  EXPECT_FALSE(log.can_hold(1, 11));
  EXPECT_FALSE(FanOutLog({.max_bytes = SIZE_MAX, .max_entries = 1}).can_hold(1, SIZE_MAX));
}

TEST_F(FanOutLogTest, knows_which_publication_with_a_key_is_the_newest) {
  push({"a"}, 1);
  push({"b"}, 2);
  push({"c"}, 1);
  EXPECT_EQ(text(), "(a)[b][c]");
  push({"d"});
  push({"e"}, 2);
  EXPECT_EQ(text(), "(b)[c][d][e]");
  push({"f"}, 1);
  push({"g"}, 1);
  EXPECT_EQ(text(), "[d][e](f)[g]");
}

TEST_F(FanOutLogTest, finds_keys_that_share_a_bucket) {
  // Four buckets, so that many of these share one; each is superseded, or dropped, in its turn.
  for (std::uint64_t i = 0; i != 1000; ++i) {
    const std::uint64_t key = (i * i) % 7;
    push({"x"}, key);
    for (std::uint64_t at = log.first().publications; at != log.end().publications; ++at) {
      bool has_newer = false;
      for (std::uint64_t newer = at + 1; newer != log.end().publications; ++newer) {
        has_newer |= log.publication(newer).key == log.publication(at).key;
      }
      ASSERT_EQ(log.publication(at).is_superseded, has_newer) << i;
    }
  }
}

TEST_F(FanOutLogTest, drops_many_in_rounds) {
  log.~FanOutLog();
  new (&log) FanOutLog({.max_bytes = 100, .max_entries = 100});
  for (int i = 0; i != 100; ++i) {
    push({"x"});
  }
  EXPECT_EQ(rounds, 0);
  push({std::string(100, 'y')});
  EXPECT_EQ(rounds, 3) << "32 of 100 at once";
  EXPECT_EQ(log.first().entries, 100U);
}

}  // namespace
}  // namespace bytes_handoff::test
