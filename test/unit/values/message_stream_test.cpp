#include "bytes_handoff/message_stream.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "bytes_handoff/bytes_mut.hpp"
#include "bytes_handoff/core/memory/tagged.hpp"
#include "support/pattern.hpp"

namespace bytes_handoff::test {
namespace {

constexpr MessageTag kTag = 7;

std::size_t retained(const Bytes& bytes) {
  return detail::retained_by(detail::BytesAccess::owner(bytes));
}

/// Tells whether it still exists.
struct Watched {
  std::shared_ptr<int> life;
  std::string text;
  [[nodiscard]] const char* data() const { return text.data(); }
  [[nodiscard]] std::size_t size() const { return text.size(); }
  [[nodiscard]] auto begin() const { return text.begin(); }
  [[nodiscard]] auto end() const { return text.end(); }
};

TEST(TagMessage, KeepsTheBytesAndTellsTheTag) {
  for (const std::size_t size : {0U, 1U, 256U, 257U, 5000U, 100'000U}) {
    const Bytes content = Bytes::copy_of(pattern(size));
    const Bytes tagged = tag_message(content, kTag);
    EXPECT_EQ(tagged.view(), pattern(size));
    EXPECT_EQ(tagged, content) << "bytes are compared without the tag";
    EXPECT_EQ(message_tag(tagged), kTag) << size;
    EXPECT_EQ(message_tag(content), 0U);
  }
}

TEST(TagMessage, CopiesSlicesAndThePartsOfASplitHaveTheTag) {
  for (const std::size_t size : {100U, 1000U}) {
    Bytes tagged = tag_message(Bytes::copy_of(pattern(size)), kTag);
    const Bytes copy = tagged;  // NOLINT(performance-unnecessary-copy-initialization)
    EXPECT_EQ(message_tag(copy), kTag);
    EXPECT_EQ(message_tag(tagged.slice(3, 5).value()), kTag);
    const Bytes front = tagged.split_to(10).value();
    EXPECT_EQ(message_tag(front), kTag);
    EXPECT_EQ(message_tag(tagged), kTag);
    EXPECT_EQ(front.view(), pattern(size).substr(0, 10));
  }
}

TEST(TagMessage, ReplacesATag) {
  for (const std::size_t size : {100U, 1000U}) {
    const Bytes twice = tag_message(tag_message(Bytes::copy_of(pattern(size)), kTag), 9);
    EXPECT_EQ(message_tag(twice), 9U);
    EXPECT_EQ(twice.view(), pattern(size));
  }
}

TEST(TagMessage, OfAnEmptySliceHasATag) {
  const Bytes empty = tag_message(Bytes(), kTag);
  EXPECT_TRUE(empty.empty());
  EXPECT_EQ(message_tag(empty), kTag);
}

TEST(TagMessage, CopiesAtMostTwoHundredFiftySixBytes) {
  const Bytes large = Bytes::copy_of(pattern(5000));
  EXPECT_NE(tag_message(large.slice(0, 256).value(), kTag).data(), large.data());
  EXPECT_EQ(tag_message(large, kTag).data(), large.data());
  const Bytes literal = Bytes::from_static("a literal");
  EXPECT_NE(tag_message(literal, kTag).data(), literal.data());
}

TEST(TagMessage, DoesNotKeepALargeBlockForASmallMessage) {
  BytesMut block = BytesMut::with_capacity(64 * 1024);
  block.extend(pattern(64 * 1024));
  const Bytes whole = std::move(block).freeze();
  for (const std::size_t size : {0U, 1U, 8U, 40U, 256U, 257U, 1000U, 4096U, 30'000U, 40'000U}) {
    const Bytes tagged = tag_message(whole.slice(0, size).value(), kTag);
    EXPECT_LE(retained(tagged), 2 * size + 64) << size;
    EXPECT_EQ(tagged.data() == whole.data(), size == 40'000U) << size;
  }
}

TEST(TagMessage, SharesWhatItKeepsAndLetsItGoWithTheLastSlice) {
  auto life = std::make_shared<int>(0);
  Bytes tagged = tag_message(Bytes::from_owner(Watched{life, pattern(1000)}), kTag);
  EXPECT_EQ(life.use_count(), 2);
  Bytes slice = tagged.slice(500, 100).value();
  tagged.clear();
  EXPECT_EQ(slice.view(), pattern(1000).substr(500, 100));
  EXPECT_EQ(life.use_count(), 2);
  slice.clear();
  EXPECT_EQ(life.use_count(), 1);
}

TEST(TagMessage, CompactedKeepsTheTag) {
  const Bytes tagged = tag_message(Bytes::copy_of(pattern(50'000)), kTag);
  const Bytes small = tagged.slice(10, 20).value();
  EXPECT_GT(retained(small), 50'000U);
  const Bytes compact = small.compact();
  EXPECT_EQ(compact, small);
  EXPECT_EQ(message_tag(compact), kTag);
  EXPECT_LE(retained(compact), 2 * 20 + 64U);
}

TEST(TagMessage, OfLargeStaticBytesKeepsThemWhereTheyAre) {
  static const std::string text = pattern(1000);
  const Bytes content = Bytes::borrow_static(std::as_bytes(std::span(text)));
  const Bytes tagged = tag_message(content, kTag);
  EXPECT_EQ(tagged.data(), content.data());
  EXPECT_EQ(message_tag(tagged), kTag);
  EXPECT_EQ(tagged, content);
}

TEST(TagMessage, OfMoreThanACopyMayHaveKeepsThemWhereTheyAre) {
  static constexpr std::byte kByte{};  // is counted, and never read
  constexpr std::size_t kSize = std::size_t{detail::TaggedOwner::kMostCopied} + 1;
  const Bytes tagged = tag_message(Bytes::borrow_static({&kByte, kSize}), kTag);
  EXPECT_EQ(tagged.data(), &kByte);
  EXPECT_EQ(tagged.size(), kSize);
  EXPECT_EQ(message_tag(tagged), kTag);
}

}  // namespace
}  // namespace bytes_handoff::test
