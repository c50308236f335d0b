#include "bytes_handoff/core/fan_out/log.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/memory/allocation_counter.hpp"

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
    log.push(slices, bytes, key, dropped);
    dropped.release();
    for (const Bytes& slice : slices) {
      EXPECT_TRUE(slice.empty());
    }
  }
  void reopen(const FanOutConfig& config) {
    log.~FanOutLog();
    new (&log) FanOutLog(config);
  }
  /// A slice of a block of its own, as a small read leaves it.
  static Bytes read_of(std::string_view text, std::size_t block = 4096) {
    BytesMut read = BytesMut::with_capacity(block);
    read.extend(text);
    return std::move(read).freeze();
  }
  void push_one(Bytes slice, detail::PublicationKey key = {}) {
    const std::size_t bytes = slice.size();
    while (!log.make_room(1, bytes, dropped)) {
      dropped.release();
    }
    log.push({&slice, 1}, bytes, key, dropped);
    dropped.release();
  }
  [[nodiscard]] std::size_t entries() const {
    return static_cast<std::size_t>(log.end().entries - log.first().entries);
  }
  /// What all blocks behind the log's entries take, each counted once.
  [[nodiscard]] std::size_t retained() {
    std::map<detail::Owner*, std::size_t> owners;
    for (std::uint64_t i = log.first().entries; i != log.end().entries; ++i) {
      detail::Owner* const owner = detail::BytesAccess::owner(log.slice(i));
      owners[owner] = detail::retained_by(owner);
    }
    std::size_t all = 0;
    for (const auto& [owner, size] : owners) {
      all += size;
    }
    return all;
  }
  [[nodiscard]] std::string text() {
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

TEST_F(FanOutLogTest, drops_a_key_from_the_middle_of_its_bucket) {
  // With four buckets, some of these share the one of key 0.
  for (std::uint64_t key = 1; key != 16; ++key) {
    reopen({.max_bytes = 10, .max_entries = 4});
    push({"a"}, 0);
    push({"bb"}, key);
    push({"c"}, 0);  // in the place of the first, and so in front of the second
    push({"12345678"});
    ASSERT_EQ(text(), "[c][12345678]");
    push({"d"}, 0);
    ASSERT_EQ(text(), "(c)[12345678][d]") << "it was lost with key " << key;
  }
}

TEST_F(FanOutLogTest, drops_many_in_rounds) {
  reopen({.max_bytes = 100, .max_entries = 100});
  for (int i = 0; i != 100; ++i) {
    push({"x"});
  }
  EXPECT_EQ(rounds, 0);
  push({std::string(100, 'y')});
  EXPECT_EQ(rounds, 3) << "32 of 100 at once";
  EXPECT_EQ(log.first().entries, 100U);
}

// ---- Growing.

TEST_F(FanOutLogTest, grows_up_to_its_limits_before_it_drops_anything) {
  reopen({.max_bytes = 1'000'000, .max_entries = 5000});
  EXPECT_LT(log.capacity(), 100U) << "no memory for what is not there";
  for (int i = 0; i != 5000; ++i) {
    push({std::to_string(i)});
  }
  EXPECT_EQ(log.first().entries, 0U);
  for (std::uint64_t i = 0; i != 5000; ++i) {
    ASSERT_EQ(log.slice(i).view(), std::to_string(i));
    ASSERT_EQ(log.publication(i).at.entries, i);
  }
  push({"5000"});
  EXPECT_EQ(log.first().entries, 1U);
  EXPECT_EQ(log.capacity(), 8192U);
}

TEST_F(FanOutLogTest, grows_while_its_oldest_entries_are_dropped) {
  reopen({.max_bytes = 200, .max_entries = 1000});
  for (int i = 0; i != 100; ++i) {
    push({"0123456789"});  // 20 of them at once: the places in the rings go round
  }
  const std::uint64_t before = log.end().entries;
  for (int i = 0; i != 200; ++i) {
    push({std::string(1, static_cast<char>('a' + i % 26))});
  }
  EXPECT_EQ(log.first().entries, before);
  for (std::uint64_t i = 0; i != 200; ++i) {
    ASSERT_EQ(log.slice(before + i).view().front(), static_cast<char>('a' + i % 26)) << i;
  }
}

TEST_F(FanOutLogTest, grows_for_a_group) {
  reopen({.max_bytes = 1'000'000, .max_entries = 5000});
  push({"first"});
  push(std::vector<std::string>(3000, "x"));
  EXPECT_EQ(entries(), 3001U);
  EXPECT_EQ(log.slice(0).view(), "first");
  EXPECT_EQ(log.slice(3000).view(), "x");
}

TEST_F(FanOutLogTest, finds_keys_after_it_has_grown) {
  reopen({.max_bytes = 1'000'000, .max_entries = 100'000});
  constexpr std::uint64_t kKeys = 50;
  for (std::uint64_t i = 0; i != 1000; ++i) {
    push_one(Bytes::copy_of("x"), i % kKeys);
  }
  for (std::uint64_t i = 0; i != 1000; ++i) {
    ASSERT_EQ(log.publication(i).is_superseded, i + kKeys < 1000) << i;
  }
}

TEST_F(FanOutLogTest, drops_the_oldest_where_there_is_no_memory_to_grow) {
  reopen({.max_bytes = 1'000'000, .max_entries = 1000});
  const std::size_t first = log.capacity();
  const Bytes each = Bytes::copy_of("x");
  {
    const FailingAllocations failing;
    for (std::size_t i = 0; i != 3 * first; ++i) {
      push_one(each);
    }
    EXPECT_FALSE(log.can_hold(first + 1, 1)) << "no memory for the entries of a group";
    EXPECT_TRUE(log.can_hold(first, 1));
  }
  EXPECT_EQ(entries(), first);
  EXPECT_EQ(log.capacity(), first);
  for (std::size_t i = 0; i != first; ++i) {
    push_one(each);
  }
  EXPECT_EQ(entries(), 2 * first) << "there is memory again";
}

// ---- What slices keep.

TEST_F(FanOutLogTest, small_slices_of_many_blocks_do_not_keep_them) {
  reopen({.max_bytes = 1U << 20U, .max_entries = 1U << 20U});
  constexpr std::size_t kEntries = 20'000;
  for (std::size_t i = 0; i != kEntries; ++i) {
    std::string line = std::to_string(i);
    line.resize(10, '.');
    push_one(read_of(line));
  }
  ASSERT_EQ(entries(), kEntries);
  EXPECT_LE(retained(), 2 * kEntries * 10 + 64 * kEntries + 4 * (4096 + 4096));
  for (std::size_t i = 0; i != kEntries; ++i) {
    ASSERT_EQ(log.slice(i).view().substr(0, std::to_string(i).size()), std::to_string(i));
  }
}

TEST_F(FanOutLogTest, a_group_of_small_slices_does_not_keep_their_blocks) {
  reopen({.max_bytes = 1U << 20U, .max_entries = 1000});
  std::vector<Bytes> group;
  for (int i = 0; i != 100; ++i) {
    group.push_back(read_of("0123456789"));
  }
  ASSERT_TRUE(log.make_room(100, 1000, dropped));
  log.push(group, 1000, {}, dropped);
  dropped.release();
  EXPECT_LE(retained(), 2 * 1000 + 64 * 100 + 2 * (4096 + 4096));
}

TEST_F(FanOutLogTest, a_small_part_of_a_copy_does_not_keep_all_of_it) {
  reopen({.max_bytes = 1U << 20U, .max_entries = 1000});
  Bytes large = Bytes::copy_of(std::string(60'000, 'x'));
  push_one(*large.split_to(10));
  large.clear();
  push_one(read_of("ends the run"));
  EXPECT_LE(retained(), 2 * (4096 + 4096));
  EXPECT_EQ(log.slice(0).view(), "xxxxxxxxxx");
  EXPECT_EQ(log.slice(1).view(), "ends the run");
}

TEST_F(FanOutLogTest, neighbours_that_fill_their_block_are_not_copied) {
  reopen({.max_bytes = 1U << 20U, .max_entries = 1U << 16U});
  Bytes block = read_of(std::string(4096, 'x'));
  const std::byte* const data = block.data();
  while (!block.empty()) {
    push_one(*block.split_to(8));
  }
  push_one(read_of("ends the run"));
  push_one(read_of(std::string(3000, 'y')));
  const std::byte* const large = log.slice(513).data();
  push_one(read_of("ends that one"));
  for (std::uint64_t i = 0; i != 512; ++i) {
    ASSERT_EQ(log.slice(i).data(), data + 8 * i);
  }
  EXPECT_EQ(log.slice(513).data(), large);
  EXPECT_NE(log.slice(512).data(), nullptr);
  EXPECT_EQ(log.slice(512).view(), "ends the run");
}

TEST_F(FanOutLogTest, what_is_left_of_a_run_is_copied_if_it_is_not_worth_its_block) {
  reopen({.max_bytes = 100, .max_entries = 1000});
  Bytes block = read_of(std::string(4096, 'x'));
  while (!block.empty()) {
    push_one(*block.split_to(8));
  }
  push_one(read_of("y"));
  push_one(read_of("z"));
  EXPECT_EQ(entries(), 14U);
  EXPECT_LE(retained(), 2 * (4096 + 512)) << "the blocks of `z` and of what was copied";
}

TEST_F(FanOutLogTest, a_run_that_was_dropped_is_forgotten) {
  reopen({.max_bytes = 100, .max_entries = 1000});
  for (int i = 0; i != 1000; ++i) {
    // The block of the one before is free, so this may have its address.
    push_one(read_of(std::string(100, static_cast<char>('a' + i % 26))));
    ASSERT_EQ(entries(), 1U);
    ASSERT_EQ(log.slice(log.first().entries).view(),
              std::string(100, static_cast<char>('a' + i % 26)));
  }
}

// AddressSanitizer sees a look at the block.
TEST_F(FanOutLogTest, a_run_of_which_only_static_bytes_are_left_is_forgotten) {
  reopen({.max_bytes = 1000, .max_entries = 4});
  push_one(read_of("read"));
  for (int i = 0; i != 4; ++i) {
    push_one(Bytes::from_static("static"));
  }
  push_one(read_of("next", 8192));
  push_one(read_of("last"));
  EXPECT_EQ(text(), "[static][static][next][last]");
}

TEST_F(FanOutLogTest, static_bytes_do_not_end_a_run) {
  reopen({.max_bytes = 1U << 20U, .max_entries = 1U << 16U});
  Bytes block = read_of(std::string(4096, 'x'));
  const std::byte* const data = block.data();
  while (!block.empty()) {
    push_one(*block.split_to(8));
    push_one(Bytes::from_static("\n"));
  }
  push_one(read_of("ends the run"));
  EXPECT_EQ(log.slice(1022).data(), data + 4088);
  EXPECT_EQ(log.slice(1023).view(), "\n");
}

TEST_F(FanOutLogTest, static_bytes_among_a_run_that_is_copied_stay_where_they_are) {
  reopen({.max_bytes = 1U << 20U, .max_entries = 1000});
  Bytes block = read_of("onetwo");
  const Bytes fixed = Bytes::from_static("static");
  push_one(*block.split_to(3));
  push_one(fixed);
  push_one(std::move(block));
  const std::byte* const before = log.slice(0).data();
  push_one(read_of("ends the run"));
  EXPECT_EQ(text(), "[one][static][two][ends the run]");
  EXPECT_EQ(log.slice(1).data(), fixed.data());
  EXPECT_EQ(log.slice(2).data(), log.slice(0).data() + 3);
  EXPECT_NE(log.slice(0).data(), before);
}

TEST_F(FanOutLogTest, where_there_is_no_memory_slices_stay_where_they_are) {
  reopen({.max_bytes = 1000, .max_entries = 60});
  std::vector<Bytes> reads;
  for (int i = 0; i != 50; ++i) {
    reads.push_back(read_of(std::to_string(i)));
  }
  {
    const FailingAllocations failing;
    for (Bytes& each : reads) {
      push_one(std::move(each));
    }
  }
  for (std::uint64_t i = 0; i != 50; ++i) {
    EXPECT_EQ(log.slice(i).view(), std::to_string(i));
  }
}

TEST_F(FanOutLogTest, a_large_run_stays_where_it_is_if_there_is_no_memory_for_its_copy) {
  reopen({.max_bytes = 1U << 20U, .max_entries = 60});
  const std::string text(300'000, 'x');  // no block of the pool's
  push_one(read_of(text, 1U << 20U));
  const std::byte* const data = log.slice(0).data();
  Bytes next = read_of("next");
  {
    const FailingAllocations failing;
    push_one(std::move(next));
  }
  EXPECT_EQ(log.slice(0).data(), data);
  push_one(read_of(text, 1U << 20U));
  push_one(read_of("last"));
  EXPECT_LE(retained(), 2 * 600'000 + 64 * 4 + (2U << 20U)) << "the second one is copied";
  EXPECT_EQ(log.slice(2).view(), text);
}

}  // namespace
}  // namespace bytes_handoff::test
