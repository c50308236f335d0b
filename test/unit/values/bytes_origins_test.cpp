// What a Bytes does is the same whatever it was made from: each test runs on every kind of owner.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <latch>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/bytes/into_container.hpp"
#include "bytes_handoff/bytes_mut.hpp"
#include "bytes_handoff/message_stream.hpp"
#include "support/memory/counting_resource.hpp"
#include "support/pattern.hpp"
#include "support/streams/filled.hpp"

namespace bytes_handoff {
namespace {

using test::CountingResource;
using test::filled;
using test::pattern;

// A way to make a `Bytes` of `size` bytes of the pattern.
struct BytesOrigin {
  const char* name;
  std::size_t size;
  Bytes (*make)(std::size_t size, CountingResource& source);
  bool has_owner = true;
};

void PrintTo(const BytesOrigin& origin, std::ostream* out) { *out << origin.name; }

Bytes of_static_storage(std::size_t size, CountingResource&) {
  static const std::string text = pattern(4096);
  return Bytes::borrow_static(std::string_view(text).substr(0, size));
}

Bytes of_a_copy(std::size_t size, CountingResource&) { return Bytes::copy_of(pattern(size)); }

Bytes of_a_part_of_a_copy(std::size_t size, CountingResource&) {
  return Bytes::copy_of(pattern(3 * size)).slice(0, size).value();
}

Bytes of_a_frozen_region(std::size_t size, CountingResource& source) {
  return filled(pattern(size), source).freeze();
}

Bytes of_a_split_region(std::size_t size, CountingResource& source) {
  BytesMut region = filled("before" + pattern(size) + "behind", source);
  EXPECT_TRUE(region.advance(6));
  return region.split_to_frozen(size).value();
}

Bytes of_a_region_cut_on_both_sides(std::size_t size, CountingResource& source) {
  BytesMut region = filled("before" + pattern(size) + "behind", source, 4 * size);
  EXPECT_TRUE(region.advance(6));
  region.truncate(size);
  return std::move(region).freeze();
}

Bytes of_a_string(std::size_t size, CountingResource&) { return Bytes::from_owner(pattern(size)); }

Bytes of_a_vector_with_room(std::size_t size, CountingResource&) {
  const std::string text = pattern(size);
  std::vector<unsigned char> vector(text.begin(), text.end());
  vector.reserve(2 * size);
  return Bytes::from_owner(std::move(vector));
}

Bytes of_an_odd_address(std::size_t size, CountingResource&) {
  const std::string text = "!" + pattern(size);
  auto memory = std::make_unique<std::vector<std::byte>>(size + 1);  // aligned, unlike a string
  std::ranges::copy(test::bytes_of(text), memory->begin());
  const auto bytes = std::span<const std::byte>(*memory).subspan(1);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(bytes.data()) % 2, 1U);
  return Bytes::from_owner(std::move(memory), bytes);
}

Bytes of_a_tagged_slice(std::size_t size, CountingResource& source) {
  return tag_message(of_a_frozen_region(size, source), 7);
}

constexpr BytesOrigin kBytesOrigins[] = {
    {"StaticStorage", 1000, of_static_storage, false},
    {"SmallCopy", 100, of_a_copy},
    {"LargeCopy", 4000, of_a_copy},
    {"PartOfACopy", 1000, of_a_part_of_a_copy},
    {"FrozenRegion", 1000, of_a_frozen_region},
    {"SplitRegion", 1000, of_a_split_region},
    {"RegionCutOnBothSides", 1000, of_a_region_cut_on_both_sides},
    {"ShortString", 10, of_a_string},
    {"String", 1000, of_a_string},
    {"VectorWithRoom", 1000, of_a_vector_with_room},
    {"OddAddress", 1000, of_an_odd_address},
    {"TaggedCopy", 200, of_a_tagged_slice},
    {"TaggedBlock", 3000, of_a_tagged_slice},
};

class BytesOf : public testing::TestWithParam<BytesOrigin> {
 protected:
  Bytes make() { return GetParam().make(GetParam().size, source_); }

  // Whether this slice is the last one that keeps its memory.
  [[nodiscard]] bool is_last(const Bytes& bytes) const {
    detail::Owner* const owner = detail::BytesAccess::owner(bytes);
    EXPECT_EQ(owner != nullptr, GetParam().has_owner);
    return owner == nullptr || owner->is_unique(1);
  }

  [[nodiscard]] std::array<std::size_t, 5> places() const {
    return {0, 1, size_ / 2, size_ - 1, size_};
  }
  [[nodiscard]] std::array<std::size_t, 3> places_outside() const {
    return {size_ + 1, SIZE_MAX - size_, SIZE_MAX};
  }

  CountingResource source_;  // at its end, all that was taken must have come back once
  const std::size_t size_ = GetParam().size;
  const std::string text_ = pattern(GetParam().size);
};

INSTANTIATE_TEST_SUITE_P(Origins, BytesOf, testing::ValuesIn(kBytesOrigins),
                         [](const auto& instance) { return std::string(instance.param.name); });

TEST_P(BytesOf, ShowsItsBytesInEveryWay) {
  const Bytes bytes = make();
  EXPECT_EQ(bytes.size(), size_);
  EXPECT_FALSE(bytes.empty());
  EXPECT_EQ(bytes.view(), text_);
  EXPECT_TRUE(std::ranges::equal(bytes, test::bytes_of(text_)));
  EXPECT_EQ(std::ranges::distance(bytes), static_cast<std::ptrdiff_t>(size_));
  std::string backwards;
  for (auto at = std::make_reverse_iterator(bytes.end());
       at != std::make_reverse_iterator(bytes.begin()); ++at) {
    backwards += std::to_integer<char>(*at);
  }
  EXPECT_EQ(backwards, std::string(text_.rbegin(), text_.rend()));
  EXPECT_EQ(bytes[size_ - 1], std::byte(text_.back()));
}

TEST_P(BytesOf, IsEqualToBytesOfAnyOtherOrigin) {
  const Bytes bytes = make();
  for (const BytesOrigin& origin : kBytesOrigins) {
    const Bytes other = origin.make(size_, source_);
    EXPECT_EQ(bytes, other) << origin.name;
    EXPECT_EQ(std::hash<Bytes>{}(bytes), std::hash<Bytes>{}(other)) << origin.name;
    EXPECT_GT(bytes, other.slice(0, size_ - 1).value()) << origin.name;
    EXPECT_NE(bytes.slice(1, size_ - 1), other.slice(0, size_ - 1)) << origin.name;
  }
}

TEST_P(BytesOf, SlicesShareItWhereverTheyAre) {
  const Bytes bytes = make();
  for (const std::size_t first : places()) {
    for (const std::size_t last : places()) {
      if (first > last) continue;
      const Bytes part = bytes.slice(first, last - first).value();
      EXPECT_EQ(part.view(), text_.substr(first, last - first));
      EXPECT_EQ(part.data(), first == last ? nullptr : bytes.data() + first);
      EXPECT_EQ(is_last(bytes), first == last || !GetParam().has_owner);
    }
    for (const std::size_t beyond : places_outside()) {
      EXPECT_FALSE(bytes.slice(first, beyond - first)) << first << " " << beyond;
      EXPECT_FALSE(bytes.slice(beyond, first)) << first << " " << beyond;
    }
  }
  EXPECT_TRUE(is_last(bytes));
}

TEST_P(BytesOf, IsSplitAnywhere) {
  for (const std::size_t at : places()) {
    Bytes rest = make();
    const std::byte* const place = rest.data();
    const Bytes front = rest.split_to(at).value();
    EXPECT_EQ(front.view(), text_.substr(0, at));
    EXPECT_EQ(rest.view(), text_.substr(at));
    EXPECT_EQ(front.data(), at == 0 ? nullptr : place);
    EXPECT_EQ(rest.data(), at == size_ ? nullptr : place + at);
  }
}

// There is no split at the end that keeps the front: `slice` and `truncate` are that.
TEST_P(BytesOf, ItsBackIsTakenOffAnywhere) {
  for (const std::size_t at : places()) {
    Bytes front = make();
    const std::byte* const place = front.data();
    const Bytes back = front.slice(at, size_ - at).value();
    front.truncate(at);
    EXPECT_EQ(front.view(), text_.substr(0, at));
    EXPECT_EQ(back.view(), text_.substr(at));
    EXPECT_EQ(back.data(), at == size_ ? nullptr : place + at);
  }
}

TEST_P(BytesOf, IsAdvancedAnywhere) {
  for (const std::size_t at : places()) {
    Bytes bytes = make();
    ASSERT_TRUE(bytes.advance(at));
    EXPECT_EQ(bytes.view(), text_.substr(at));
    bytes.truncate(2);
    EXPECT_EQ(bytes.view(), text_.substr(at, 2));
  }
}

TEST_P(BytesOf, WhatReachesBeyondTheEndChangesNothing) {
  Bytes bytes = make();
  const std::byte* const place = bytes.data();
  for (const std::size_t n : places_outside()) {
    EXPECT_EQ(bytes.split_to(n).error(), (SplitOutOfBounds{n, size_}));
    EXPECT_EQ(bytes.advance(n).error(), (SplitOutOfBounds{n, size_}));
    bytes.truncate(n);
  }
  EXPECT_EQ(bytes.view(), text_);
  EXPECT_EQ(bytes.data(), place);
  EXPECT_TRUE(is_last(bytes));
}

TEST_P(BytesOf, GivesItsShareBackWhenItBecomesEmpty) {
  using Emptied = std::function<void(Bytes&)>;
  const std::vector<std::pair<const char*, Emptied>> ways = {
      {"truncate", [](Bytes& bytes) { bytes.truncate(0); }},
      {"truncate of a part", [](Bytes& bytes) { bytes = *bytes.slice(1, 5), bytes.truncate(0); }},
      {"clear", [](Bytes& bytes) { bytes.clear(); }},
      {"advance", [](Bytes& bytes) { EXPECT_TRUE(bytes.advance(bytes.size())); }},
      {"split", [](Bytes& bytes) { bytes.split_to(bytes.size()).value(); }},
      {"splits",
       [](Bytes& bytes) {
         while (!bytes.empty()) bytes.split_to(1).value();
       }},
      {"move", [](Bytes& bytes) { const Bytes there = std::move(bytes); }},
      {"assignment", [](Bytes& bytes) { bytes = Bytes::from_static("other"); }},
      {"container", [](Bytes& bytes) { into_container<std::string>(std::move(bytes)).clear(); }},
      {"thaw", [](Bytes& bytes) { BytesMut::thaw(std::move(bytes)).clear(); }},
  };
  for (const auto& [name, empty] : ways) {
    const Bytes witness = make();
    Bytes bytes = witness;
    EXPECT_EQ(is_last(witness), !GetParam().has_owner);
    empty(bytes);
    EXPECT_TRUE(is_last(witness)) << name;
    EXPECT_EQ(witness.view(), text_) << name;
  }
}

TEST_P(BytesOf, LastsAsLongAsAnyPartOfItInWhateverOrderTheyGo) {
  std::array<std::size_t, 4> order = {0, 1, 2, 3};
  do {
    std::array<Bytes, 4> parts;
    parts[0] = make();
    parts[1] = parts[0].slice(1, size_ - 1).value();
    parts[2] = parts[1].slice(1, size_ - 2).value();
    parts[3] = parts[2].split_to(2).value();
    const std::array<std::string, 4> texts = {text_, text_.substr(1), text_.substr(4),
                                              text_.substr(2, 2)};
    for (std::size_t gone = 0; gone < 4; ++gone) {
      parts[order[gone]].clear();
      for (std::size_t kept = gone + 1; kept < 4; ++kept) {
        ASSERT_EQ(parts[order[kept]].view(), texts[order[kept]]);
      }
    }
  } while (std::ranges::next_permutation(order).found);
}

TEST_P(BytesOf, IsCountedByManyThreads) {
  constexpr std::size_t kRounds = 2000;
  const Bytes bytes = make();
  std::latch start(3);
  const auto work = [&](Bytes mine, std::size_t step) {
    start.arrive_and_wait();
    for (std::size_t i = 0; i < kRounds; ++i) {
      Bytes copy = mine;
      const std::size_t at = i * step % (size_ - 1);
      mine = copy.split_to(at).value();
      EXPECT_EQ(copy[0], std::byte(text_[at]));
      mine = bytes;
    }
  };
  std::thread first(work, bytes, 3);
  std::thread second(work, bytes, 7);
  work(bytes, 11);
  first.join();
  second.join();
  EXPECT_TRUE(is_last(bytes));
  EXPECT_EQ(bytes.view(), text_);
}

TEST_P(BytesOf, IsTheSameWhenItIsCompact) {
  const Bytes bytes = make();
  const Bytes part = bytes.slice(3, 5).value();
  EXPECT_EQ(bytes.compact(), bytes);
  EXPECT_EQ(part.compact().view(), text_.substr(3, 5));
  EXPECT_EQ(message_tag(part.compact()), message_tag(bytes));
}

TEST_P(BytesOf, BecomesAContainer) {
  Bytes bytes = make();
  const Bytes kept = bytes;
  EXPECT_EQ(into_container<std::string>(Bytes(bytes)), text_);
  const auto vector = into_container<std::vector<std::byte>>(std::move(bytes));
  EXPECT_TRUE(std::ranges::equal(vector, test::bytes_of(text_)));
  EXPECT_TRUE(bytes.empty());  // NOLINT(bugprone-use-after-move): the state that is promised
  EXPECT_EQ(kept.view(), text_);
}

TEST_P(BytesOf, IsThawedWithoutAnyOtherSliceSeeingWhatIsWritten) {
  for (const bool shared : {false, true}) {
    Bytes bytes = make();
    const Bytes kept = shared ? bytes.slice(1, 1).value() : Bytes();
    BytesMut thawed = BytesMut::thaw(std::move(bytes));
    EXPECT_TRUE(bytes.empty());  // NOLINT(bugprone-use-after-move): the state that is promised
    EXPECT_EQ(thawed.view(), text_);
    std::ranges::fill(thawed, std::byte{'!'});
    thawed.extend("?");
    EXPECT_EQ(kept.view(), shared ? text_.substr(1, 1) : "");
    EXPECT_EQ(of_static_storage(1, source_).view(), pattern(1));
    EXPECT_EQ(thawed.view(), std::string(size_, '!') + "?");
    EXPECT_EQ(std::move(thawed).freeze().view(), std::string(size_, '!') + "?");
  }
}

}  // namespace
}  // namespace bytes_handoff
