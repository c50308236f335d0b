// Bytes and BytesMut beside other types that hold bytes: comparisons, and keys of maps.
#include <gtest/gtest.h>

#include <array>
#include <compare>
#include <concepts>
#include <functional>
#include <list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/bytes_mut.hpp"
#include "support/memory/allocation_counter.hpp"
#include "support/pattern.hpp"

namespace bytes_handoff {
namespace {

// Makes a `T` with the bytes of a text. The view types refer to `text`, which outlives them.
template <class T>
struct Holding {
  static T make(const std::string& text) { return T(text.begin(), text.end()); }
};
template <>
struct Holding<std::vector<std::byte>> {
  static std::vector<std::byte> make(const std::string& text) {
    const auto bytes = test::bytes_of(text);
    return {bytes.begin(), bytes.end()};
  }
};
template <>
struct Holding<const char*> {
  static const char* make(const std::string& text) { return text.c_str(); }
};
template <>
struct Holding<std::span<const std::byte>> {
  static std::span<const std::byte> make(const std::string& text) { return test::bytes_of(text); }
};
template <>
struct Holding<std::span<const unsigned char>> {
  static std::span<const unsigned char> make(const std::string& text) {
    return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
  }
};
template <>
struct Holding<Bytes> {
  static Bytes make(const std::string& text) { return Bytes::copy_of(text); }
};
template <>
struct Holding<BytesMut> {
  static BytesMut make(const std::string& text) { return BytesMut::copy_of(text); }
};

// A type of a user's that is text.
struct TextOfAUser {
  TextOfAUser(std::string::const_iterator first, std::string::const_iterator last)
      : text(first, last) {}
  operator std::string_view() const { return text; }  // NOLINT(google-explicit-constructor)
  std::string text;
};

template <class Pair>
class BytesBeside : public testing::Test {};

template <class A, class B>
struct Beside {
  using Ours = A;
  using Theirs = B;
};

using BesideTypes = testing::Types<
    Beside<Bytes, std::string>, Beside<Bytes, std::string_view>, Beside<Bytes, const char*>,
    Beside<Bytes, std::vector<char>>, Beside<Bytes, std::vector<unsigned char>>,
    Beside<Bytes, std::vector<std::byte>>, Beside<Bytes, std::span<const std::byte>>,
    Beside<Bytes, std::span<const unsigned char>>, Beside<Bytes, TextOfAUser>,
    Beside<Bytes, BytesMut>, Beside<Bytes, Bytes>, Beside<BytesMut, std::string>,
    Beside<BytesMut, std::string_view>, Beside<BytesMut, const char*>,
    Beside<BytesMut, std::vector<unsigned char>>, Beside<BytesMut, std::vector<std::byte>>,
    Beside<BytesMut, std::span<const std::byte>>, Beside<BytesMut, TextOfAUser>,
    Beside<BytesMut, Bytes>, Beside<BytesMut, BytesMut>>;
TYPED_TEST_SUITE(BytesBeside, BesideTypes, );

TYPED_TEST(BytesBeside, IsOrderedByContentFromEitherSide) {
  using Ours = typename TypeParam::Ours;
  using Theirs = typename TypeParam::Theirs;
  const std::vector<std::string> ordered = {"",  "a",    "ab",   "abc", "abd",
                                            "b", "\x7f", "\x80", "\xff"};
  for (std::size_t i = 0; i < ordered.size(); ++i) {
    for (std::size_t j = 0; j < ordered.size(); ++j) {
      const Ours ours = Holding<Ours>::make(ordered[i]);
      const Theirs theirs = Holding<Theirs>::make(ordered[j]);
      EXPECT_EQ(ours == theirs, i == j) << i << " " << j;
      EXPECT_EQ(theirs == ours, i == j) << i << " " << j;
      EXPECT_EQ(ours != theirs, i != j) << i << " " << j;
      EXPECT_EQ(ours < theirs, i < j) << i << " " << j;
      EXPECT_EQ(theirs < ours, j < i) << i << " " << j;
      EXPECT_EQ(ours >= theirs, i >= j) << i << " " << j;
      EXPECT_EQ(theirs <=> ours, j <=> i) << i << " " << j;
    }
  }
  EXPECT_EQ(BytesHash{}(Holding<Theirs>::make("key")), std::hash<Bytes>{}(Bytes::copy_of("key")));
}

TEST(BytesComparison, TellsZeroBytesApartWhereTheOtherSideHasASize) {
  constexpr std::string_view kText("a\0b", 3);
  const Bytes bytes = Bytes::copy_of(kText);
  EXPECT_EQ(bytes, kText);
  EXPECT_EQ(bytes, std::string(kText));
  EXPECT_EQ(bytes, (std::array<unsigned char, 3>{'a', 0, 'b'}));
  EXPECT_NE(bytes, "a");
  EXPECT_NE(bytes, "a\0b") << "a literal ends before its first zero byte";
  EXPECT_EQ(bytes.slice(0, 1).value(), "a\0b");
}

TEST(BytesComparison, OfWhatHoldsBytesCopiesNothing) {
  const Bytes bytes = Bytes::copy_of("a key that is longer than any small string");
  const std::vector<unsigned char> other(100, 'x');
  test::AllocationScope counted;
  EXPECT_FALSE(bytes == other || bytes == "another key that is longer than any small string");
  EXPECT_EQ(counted.allocations(), 0U);
}

template <class A, class B>
concept CanBeCompared = requires(const A& a, const B& b) {
  a == b;
};
static_assert(CanBeCompared<Bytes, std::string>);
static_assert(!CanBeCompared<Bytes, std::nullptr_t>, "no text is there");
static_assert(!CanBeCompared<Bytes, int> && !CanBeCompared<Bytes, char>);
static_assert(!CanBeCompared<Bytes, std::vector<int>>, "its elements are no bytes");
static_assert(!CanBeCompared<Bytes, std::list<char>>, "its bytes do not lie side by side");
static_assert(!CanBeCompared<BytesMut, std::nullptr_t> && !CanBeCompared<BytesMut, int>);
static_assert(std::three_way_comparable_with<Bytes, Bytes, std::strong_ordering>);
static_assert(std::totally_ordered<Bytes> && std::totally_ordered<BytesMut>);

template <class Map>
void expect_to_find_without_a_key(const Map& map) {
  const std::string text = "the second key, no small string";
  const std::vector<unsigned char> octets(text.begin(), text.end());
  const BytesMut region = BytesMut::copy_of(text);
  test::AllocationScope counted;
  for (const auto found :
       {map.find(text), map.find(std::string_view(text)), map.find(test::bytes_of(text)),
        map.find(octets), map.find(region), map.find("the second key, no small string")}) {
    ASSERT_NE(found, map.end());
    EXPECT_EQ(found->second, 2);
  }
  EXPECT_EQ(map.find("the third key"), map.end());
  EXPECT_TRUE(map.contains("the first key"));
  EXPECT_EQ(counted.allocations(), 0U);
}

TEST(BytesLookup, InAnUnorderedMapNeedsNoKeyOfItsOwn) {
  std::unordered_map<Bytes, int, BytesHash, std::equal_to<>> map;
  map.emplace(Bytes::from_static("the first key"), 1);
  map.emplace(Bytes::copy_of("the second key, no small string"), 2);
  expect_to_find_without_a_key(map);
}

TEST(BytesLookup, InAMapNeedsNoKeyOfItsOwn) {
  std::map<Bytes, int, std::less<>> map;
  map.emplace(Bytes::from_static("the first key"), 1);
  map.emplace(Bytes::copy_of("the second key, no small string"), 2);
  expect_to_find_without_a_key(map);
}

}  // namespace
}  // namespace bytes_handoff
