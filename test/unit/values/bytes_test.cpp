#include "bytes_handoff/bytes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

#include "bytes_handoff/bytes_mut.hpp"
#include "support/memory/allocation_counter.hpp"
#include "support/memory/counting_resource.hpp"
#include "support/memory/heap_in_use.hpp"
#include "support/memory/pooling.hpp"
#include "support/pattern.hpp"

namespace bytes_handoff {
namespace {

using test::bytes_of;
using test::CountingResource;
using test::pattern;

static_assert(sizeof(Bytes) <= 24);
static_assert(std::is_nothrow_copy_constructible_v<Bytes> &&
              std::is_nothrow_copy_assignable_v<Bytes>);
static_assert(std::is_nothrow_move_constructible_v<Bytes> &&
              std::is_nothrow_move_assignable_v<Bytes>);

// A slice of a block from `source`, so that what keeps the block alive can be observed.
Bytes frozen(std::string_view text, CountingResource& source) {
  BytesMut filled = BytesMut::with_capacity(text.size(), &source);
  filled.extend(text);
  return std::move(filled).freeze();
}

TEST(Bytes, ADefaultOneIsEmptyAndOwnsNothing) {
  test::AllocationScope counted;
  Bytes bytes;
  EXPECT_EQ(counted.allocations(), 0U);
  EXPECT_TRUE(bytes.empty());
  EXPECT_EQ(bytes.size(), 0U);
  EXPECT_EQ(bytes.begin(), bytes.end());
  EXPECT_EQ(bytes.view(), "");
  EXPECT_TRUE(bytes.span().empty());
  EXPECT_EQ(detail::BytesAccess::owner(bytes), nullptr);
}

TEST(Bytes, ACopyIsIndependentOfWhatWasCopied) {
  for (const std::size_t size : {1U, 64U, 65U, 5000U, 300'000U}) {
    std::string text = pattern(size);
    const Bytes bytes = Bytes::copy_of(text);
    const std::string expected = text;
    std::fill(text.begin(), text.end(), '!');
    EXPECT_EQ(bytes.view(), expected);
  }
}

TEST(Bytes, ACopyOfNothingOwnsNothing) {
  test::AllocationScope counted;
  const Bytes bytes = Bytes::copy_of("");
  const Bytes none = Bytes::copy_of(std::span<const std::byte>());
  EXPECT_EQ(counted.allocations(), 0U);
  EXPECT_TRUE(bytes.empty());
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(detail::BytesAccess::owner(bytes), nullptr);
}

TEST(Bytes, CopyOfTakesAtMostOneAllocationAndPassesItsFailureOn) {
  const std::string text = pattern(300'000);  // larger than what the pool caches
  test::AllocationScope counted;
  const Bytes bytes = Bytes::copy_of(text);
  EXPECT_EQ(counted.allocations(), 1U);
  test::FailingAllocations no_memory;
  EXPECT_THROW(static_cast<void>(Bytes::copy_of(text)), std::bad_alloc);
}

TEST(Bytes, TheLastSliceOfACopyGivesItsMemoryBack) {
  test::AllocationScope counted;
  Bytes bytes = Bytes::copy_of(pattern(300'000));
  Bytes part = bytes.slice(7, 7).value();
  const std::size_t before = counted.deallocations();
  bytes.clear();
  EXPECT_EQ(counted.deallocations(), before);
  part.clear();
  EXPECT_EQ(counted.deallocations(), before + 1);
}

TEST(Bytes, StaticBytesAreReferredToInPlace) {
  static constexpr std::string_view kText = "GET / HTTP/1.1";
  test::AllocationScope counted;
  const Bytes bytes = Bytes::from_static(kText);
  const Bytes same = Bytes::borrow_static(bytes_of(kText));
  const Bytes part = bytes.slice(4, 1).value();
  EXPECT_EQ(counted.allocations(), 0U);
  EXPECT_EQ(static_cast<const void*>(bytes.data()), kText.data());
  EXPECT_EQ(same, bytes);
  EXPECT_EQ(part.view(), "/");
  EXPECT_EQ(detail::BytesAccess::owner(bytes), nullptr);
}

TEST(Bytes, LiteralsAndConstexprArraysOfEachKindOfByteAreStatic) {
  static constexpr char kText[] = "text";
  static constexpr std::array<std::byte, 2> kBytes = {std::byte{'a'}, std::byte{'b'}};
  static constexpr unsigned char kOctets[] = {'c', 0, 'd'};
  constexpr std::string_view kLocal = "a local view of a literal";
  EXPECT_EQ(Bytes::from_static("literal").view(), "literal");
  EXPECT_TRUE(Bytes::from_static("").empty());
  EXPECT_EQ(Bytes::from_static(kText).view(), "text");
  EXPECT_EQ(Bytes::from_static(kBytes).view(), "ab");
  EXPECT_EQ(Bytes::from_static(kOctets).view(), std::string_view("c\0d", 3));
  EXPECT_EQ(Bytes::from_static(kLocal).view(), kLocal);
}

TEST(Bytes, CopyingSlicingAndDroppingAllocateNothingAndShareTheMemory) {
  const Bytes whole = Bytes::copy_of(pattern(1000));
  test::AllocationScope counted;
  {
    Bytes copy = whole;
    Bytes part = copy.slice(100, 200).value();
    Bytes front = part.split_to(50).value();
    Bytes moved = std::move(part);
    moved.truncate(10);
    ASSERT_TRUE(moved.advance(3));
    front = moved;
    EXPECT_EQ(copy.data(), whole.data());
    EXPECT_EQ(moved.data(), whole.data() + 153);
  }
  EXPECT_EQ(counted.allocations(), 0U);
  EXPECT_EQ(counted.deallocations(), 0U);
}

TEST(Bytes, ASliceKeepsTheMemoryAliveAfterTheOthersAreGone) {
  CountingResource source;
  Bytes part;
  {
    const Bytes whole = frozen(pattern(500), source);
    part = whole.slice(400, 100).value();
  }
  EXPECT_EQ(source.blocks_out(), 1U);
  EXPECT_EQ(part.view(), pattern(100, 400));
  part.clear();
  EXPECT_EQ(source.blocks_out(), 0U);
}

TEST(Bytes, SliceChecksItsBoundsWithoutWrapping) {
  constexpr std::size_t kSize = 100;
  const std::string text = pattern(kSize);
  const Bytes bytes = Bytes::copy_of(text);
  for (const std::size_t offset : test::sizes_around(kSize)) {
    for (const std::size_t size : test::sizes_around(kSize)) {
      const auto part = bytes.slice(offset, size);
      if (offset <= kSize && size <= kSize - offset) {
        ASSERT_TRUE(part) << offset << " " << size;
        EXPECT_EQ(part->view(), text.substr(offset, size));
      } else {
        const std::size_t end = offset > SIZE_MAX - size ? SIZE_MAX : offset + size;
        ASSERT_FALSE(part) << offset << " " << size;
        EXPECT_EQ(part.error(), (SplitOutOfBounds{end, kSize}));
      }
    }
  }
}

TEST(Bytes, SplitToAdvanceAndTruncateCheckTheirBounds) {
  constexpr std::size_t kSize = 100;
  const std::string text = pattern(kSize);
  for (const std::size_t n : test::sizes_around(kSize)) {
    Bytes bytes = Bytes::copy_of(text);
    Bytes advanced = bytes;
    Bytes truncated = bytes;
    const auto front = bytes.split_to(n);
    const auto done = advanced.advance(n);
    truncated.truncate(n);
    ASSERT_EQ(front.has_value(), n <= kSize) << n;
    ASSERT_EQ(done.has_value(), n <= kSize) << n;
    if (front) {
      EXPECT_EQ(front->view(), text.substr(0, n));
      EXPECT_EQ(bytes.view(), text.substr(n));
      EXPECT_EQ(advanced.view(), text.substr(n));
    } else {
      EXPECT_EQ(front.error(), (SplitOutOfBounds{n, kSize}));
      EXPECT_EQ(done.error(), (SplitOutOfBounds{n, kSize}));
      EXPECT_EQ(bytes.view(), text);
      EXPECT_EQ(advanced.view(), text);
    }
    EXPECT_EQ(truncated.view(), text.substr(0, n));
  }
}

TEST(Bytes, AnEmptySliceKeepsNothingAlive) {
  CountingResource source;
  Bytes whole = frozen(pattern(100), source);
  const Bytes none = whole.slice(50, 0).value();
  const Bytes front = whole.split_to(0).value();
  whole.clear();
  EXPECT_EQ(source.blocks_out(), 0U);
  EXPECT_TRUE(none.empty() && front.empty());
}

TEST(Bytes, WhatBecomesEmptyKeepsNothingAlive) {
  CountingResource source;
  Bytes truncated = frozen(pattern(100), source);
  truncated.truncate(0);
  EXPECT_EQ(source.blocks_out(), 0U) << "truncate";

  Bytes advanced = frozen(pattern(100), source);
  ASSERT_TRUE(advanced.advance(100));
  EXPECT_EQ(source.blocks_out(), 0U) << "advance";

  Bytes split = frozen(pattern(100), source);
  split.split_to(100).value().clear();
  EXPECT_EQ(source.blocks_out(), 0U) << "split_to";
  EXPECT_EQ(detail::BytesAccess::owner(Bytes::from_owner(std::string())), nullptr);
}

TEST(Bytes, MovingLeavesTheSourceEmpty) {
  CountingResource source;
  Bytes from = frozen("text", source);
  Bytes to = std::move(from);
  EXPECT_TRUE(from.empty());  // NOLINT(bugprone-use-after-move): the state that is promised
  EXPECT_EQ(from.data(), nullptr);
  from = std::move(to);
  EXPECT_TRUE(to.empty());  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(from.view(), "text");
  from = Bytes();
  EXPECT_EQ(source.blocks_out(), 0U);
}

TEST(Bytes, AssigningToItselfChangesNothing) {
  CountingResource source;
  Bytes bytes = frozen("text", source);
  Bytes& alias = bytes;
  bytes = alias;
  EXPECT_EQ(bytes.view(), "text");
  bytes = std::move(alias);
  EXPECT_EQ(bytes.view(), "text");
  bytes.swap(alias);
  EXPECT_EQ(bytes.view(), "text");
}

TEST(Bytes, AssignmentDropsWhatWasThere) {
  CountingResource source;
  Bytes a = frozen("a", source);
  Bytes b = frozen("b", source);
  b = a;
  EXPECT_EQ(source.blocks_out(), 1U);
  EXPECT_EQ(b.view(), "a");
  a = Bytes::from_static("c");
  EXPECT_EQ(source.blocks_out(), 1U);
  b = std::move(a);
  EXPECT_EQ(source.blocks_out(), 0U);
}

TEST(Bytes, ComparesByContentAsUnsignedBytesHoweverOwned) {
  const Bytes owned = Bytes::from_owner(std::string("abc"));
  const Bytes copied = Bytes::copy_of("abc");
  const Bytes fixed = Bytes::from_static("xabc").slice(1, 3).value();
  EXPECT_EQ(owned, copied);
  EXPECT_EQ(owned, fixed);
  EXPECT_NE(owned, Bytes::copy_of("abd"));
  EXPECT_NE(owned, Bytes::copy_of("ab"));
  EXPECT_LT(Bytes::copy_of("ab"), owned);
  EXPECT_LT(Bytes(), owned);
  EXPECT_EQ(Bytes(), Bytes::copy_of(""));
  EXPECT_LT(Bytes::copy_of("\x7f"), Bytes::copy_of("\x80"));
  EXPECT_LT(Bytes::copy_of("a"), Bytes::copy_of("\xff"));
  EXPECT_EQ(
      Bytes::copy_of(std::string_view("a\0b", 3)) <=> Bytes::copy_of(std::string_view("a\0c", 3)),
      std::strong_ordering::less);
}

TEST(Bytes, EqualBytesHashAlikeAndWorkAsKeys) {
  const std::hash<Bytes> hash;
  EXPECT_EQ(hash(Bytes::copy_of("key")), hash(Bytes::from_static("a key").slice(2, 3).value()));
  EXPECT_EQ(hash(Bytes()), hash(Bytes::copy_of("")));
  EXPECT_NE(hash(Bytes::copy_of("key")), hash(Bytes::copy_of("kez")));
  std::unordered_set<Bytes> set{Bytes::copy_of("a"), Bytes::copy_of("b"), Bytes::from_static("a")};
  EXPECT_EQ(set.size(), 2U);
  const std::map<Bytes, int> map{{Bytes::copy_of("b"), 2}, {Bytes::copy_of("a"), 1}};
  EXPECT_EQ(map.begin()->second, 1);
}

// What Asio's const_buffer looks like, and the writable one, which must not come out of a Bytes.
struct ConstBuffer {
  ConstBuffer(const void* data, std::size_t size) : data_(data), size_(size) {}
  [[nodiscard]] const void* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  const void* data_;
  std::size_t size_;
};
struct MutableBuffer {
  MutableBuffer(void* data, std::size_t size);
  [[nodiscard]] void* data() const noexcept;
  [[nodiscard]] std::size_t size() const noexcept;
};
static_assert(std::is_convertible_v<Bytes, ConstBuffer>);
static_assert(!std::is_convertible_v<Bytes, MutableBuffer>);
static_assert(!std::is_convertible_v<Bytes, std::string>);

TEST(Bytes, AllViewsShowTheSameBytes) {
  const Bytes bytes = Bytes::copy_of("abc");
  const ConstBuffer buffer = bytes;
  const std::span<const std::byte> span = bytes;
  EXPECT_EQ(buffer.data(), bytes.data());
  EXPECT_EQ(buffer.size(), 3U);
  EXPECT_EQ(span.data(), bytes.span().data());
  EXPECT_EQ(bytes.span().size(), 3U);
  EXPECT_EQ(bytes.view(), "abc");
  EXPECT_EQ(bytes[1], std::byte{'b'});
  EXPECT_EQ(std::vector<std::byte>(bytes.begin(), bytes.end()).size(), 3U);
}

// What malloc has set aside for a slice of the library's own: the request behind a block stands in
// front of it.
std::size_t heap_bytes_behind(const Bytes& bytes) {
  detail::Owner* const owner = detail::BytesAccess::owner(bytes);
  if (detail::TightCopy::of(owner) != nullptr) {
    return test::heap_bytes_of(owner, detail::retained_by(owner));
  }
  if (detail::Block::of(owner) == nullptr) {
    return 0;
  }
  const void* request = test::kPooled ? reinterpret_cast<void**>(owner)[-1] : owner;
  return test::heap_bytes_of(request, detail::retained_by(owner));
}

TEST(Bytes, ACopyTakesAtMostTwiceItsSizeAndSixtyFourBytes) {
  std::vector<std::size_t> sizes;
  for (std::size_t size = 1; size <= 2100; ++size) {
    sizes.push_back(size);
  }
  for (std::size_t power = 4096; power <= 1024 * 1024; power *= 2) {
    for (const std::size_t size : {power - 1, power, power + 1, power + 39, power + 40, power + 41,
                                   power + 72, power + 100, power + power / 2}) {
      sizes.push_back(size);
    }
  }
  for (const std::size_t size : sizes) {
    const Bytes copy = Bytes::copy_of(pattern(size));
    ASSERT_EQ(copy.view() == pattern(size), true) << size;
    ASSERT_LE(heap_bytes_behind(copy), 2 * size + 64) << size;
    ASSERT_LE(detail::retained_by(detail::BytesAccess::owner(copy)), 2 * size + 64) << size;
    ASSERT_GE(detail::retained_by(detail::BytesAccess::owner(copy)), heap_bytes_behind(copy))
        << size;
    ASSERT_EQ(copy.compact().data(), copy.data()) << size;
  }
}

TEST(Bytes, ASmallCopyTakesNothingFromTheSystemInSteadyUse) {
  if (!test::kPooled) GTEST_SKIP() << "nothing is cached under AddressSanitizer";
  for (const std::size_t size : {std::size_t{1}, std::size_t{100}, std::size_t{1000}}) {
    const std::string text = pattern(size);
    static_cast<void>(Bytes::copy_of(text));
    test::AllocationScope counted;
    for (int i = 0; i < 100; ++i) {
      EXPECT_EQ(Bytes::copy_of(text).size(), size);
    }
    EXPECT_EQ(counted.allocations(), 0U) << size;
  }
}

TEST(Bytes, CompactCopiesOutOfACopyThatIsTooLargeForIt) {
  const Bytes whole = Bytes::copy_of(pattern(200));
  const Bytes part = whole.slice(7, 10).value();
  const Bytes small = part.compact();
  EXPECT_NE(small.data(), part.data());
  EXPECT_EQ(small, part);
  EXPECT_LE(heap_bytes_behind(small), 2 * 10 + 64U);
}

TEST(Bytes, CompactCopiesOutOfABlockThatIsTooLargeForIt) {
  CountingResource source;
  Bytes whole = frozen(pattern(64 * 1024), source);
  for (const std::size_t size : {0U, 1U, 33U, 1000U, 32U * 1024U - 1}) {
    const Bytes part = whole.slice(7, size).value();
    const Bytes small = part.compact();
    EXPECT_EQ(small, part);
    EXPECT_LE(heap_bytes_behind(small), 2 * size + 64) << size;
    EXPECT_EQ(small.compact().data(), small.data()) << "once is enough";
  }
  const Bytes kept = whole.slice(0, 10).value().compact();
  whole.clear();
  EXPECT_EQ(source.blocks_out(), 0U);
  EXPECT_EQ(kept.view(), pattern(10));
}

TEST(Bytes, CompactSharesWhereTheBlockIsWorthItOrItsSizeCannotBeTold) {
  const Bytes half = Bytes::copy_of(pattern(64 * 1024)).slice(0, 32 * 1024 + 64).value();
  const Bytes smallest = Bytes::copy_of("abc").slice(1, 1).value();
  const Bytes fixed = Bytes::from_static("static storage").slice(1, 1).value();
  const Bytes foreign = Bytes::from_owner(pattern(100'000)).slice(1, 1).value();
  for (const Bytes& bytes : {half, smallest, fixed, foreign, Bytes()}) {
    EXPECT_EQ(bytes.compact().data(), bytes.data());
  }
}

}  // namespace
}  // namespace bytes_handoff
