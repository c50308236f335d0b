// What a BytesMut does is the same however its region came about: each test runs on every kind.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

#include "bytes_handoff/bytes_mut.hpp"
#include "bytes_handoff/core/support/saturating_sum.hpp"
#include "support/memory/counting_resource.hpp"
#include "support/pattern.hpp"
#include "support/streams/filled.hpp"

namespace bytes_handoff {
namespace {

using test::CountingResource;
using test::filled;
using test::pattern;

constexpr std::size_t kRegionSize = 128;  // of a power of two, so that a block may be full

// A region of `kRegionSize` bytes of the pattern, and what shares its block.
struct RegionMade {
  BytesMut region;
  BytesMut before{};  // has pattern(10, 5000), if anything
  BytesMut behind{};  // has pattern(10, 6000), if anything
};

struct RegionOrigin {
  const char* name;
  RegionMade (*make)(CountingResource& source);
};

void PrintTo(const RegionOrigin& origin, std::ostream* out) { *out << origin.name; }

const std::string& region_text() {
  static const std::string text = pattern(kRegionSize);
  return text;
}

// As a region between two others of its block.
RegionMade split_apart(CountingResource& source) {
  BytesMut behind = filled(pattern(10, 5000) + region_text() + pattern(10, 6000), source);
  BytesMut before = behind.split_to(10).value();
  BytesMut region = behind.split_to(kRegionSize).value();
  return {std::move(region), std::move(before), std::move(behind)};
}

constexpr RegionOrigin kRegionOrigins[] = {
    {"WithRoom",
     [](CountingResource& source) { return RegionMade{filled(region_text(), source, 1000)}; }},
    {"Full", [](CountingResource& source) { return RegionMade{filled(region_text(), source)}; }},
    {"OfThePool", [](CountingResource&) { return RegionMade{BytesMut::copy_of(region_text())}; }},
    {"Between", split_apart},
    {"BeforeAnother",
     [](CountingResource& source) {
       RegionMade made = split_apart(source);
       made.before = BytesMut();
       return made;
     }},
    {"BehindAnother",
     [](CountingResource& source) {
       RegionMade made = split_apart(source);
       made.behind = BytesMut();
       return made;
     }},
    {"OfWhichTheOthersAreGone",
     [](CountingResource& source) { return RegionMade{split_apart(source).region}; }},
    {"Advanced",
     [](CountingResource& source) {
       RegionMade made{filled(pattern(500, 9) + region_text(), source)};
       EXPECT_TRUE(made.region.advance(500));
       return made;
     }},
    {"Truncated",
     [](CountingResource& source) {
       RegionMade made{filled(region_text() + pattern(50), source)};
       made.region.truncate(kRegionSize);
       return made;
     }},
    {"Committed",
     [](CountingResource& source) {
       RegionMade made{BytesMut::with_capacity(kRegionSize, &source)};
       std::ranges::copy(test::bytes_of(region_text()), made.region.spare().begin());
       made.region.commit(kRegionSize);
       return made;
     }},
    {"Grown",
     [](CountingResource& source) {
       RegionMade made{filled(region_text().substr(0, 64), source)};
       made.region.extend(std::string_view(region_text()).substr(64));
       return made;
     }},
    {"Rejoined",
     [](CountingResource& source) {
       BytesMut region = filled(region_text(), source);
       BytesMut front = region.split_to(50).value();
       front.unsplit(std::move(region));
       return RegionMade{std::move(front)};
     }},
    {"Thawed",
     [](CountingResource& source) {
       return RegionMade{BytesMut::thaw(filled(region_text(), source, 300).freeze())};
     }},
};

class BytesMutOf : public testing::TestWithParam<RegionOrigin> {
 protected:
  void make() {
    RegionMade made = GetParam().make(source_);
    region_ = std::move(made.region);
    before_ = std::move(made.before);
    behind_ = std::move(made.behind);
    ASSERT_EQ(region_.view(), text_);
  }

  // What shares the block must never notice anything.
  void TearDown() override {
    EXPECT_TRUE(before_.empty() || before_.view() == pattern(10, 5000));
    EXPECT_TRUE(behind_.empty() || behind_.view() == pattern(10, 6000));
  }

  [[nodiscard]] std::size_t room() const { return region_.capacity() - region_.size(); }

  static constexpr std::array<std::size_t, 5> kPlaces = {0, 1, 64, kRegionSize - 1, kRegionSize};

  CountingResource source_;  // at its end, all that was taken must have come back once
  BytesMut region_, before_, behind_;
  const std::string& text_ = region_text();
};

INSTANTIATE_TEST_SUITE_P(Regions, BytesMutOf, testing::ValuesIn(kRegionOrigins),
                         [](const auto& instance) { return std::string(instance.param.name); });

TEST_P(BytesMutOf, IsReadAndWrittenInEveryWay) {
  make();
  EXPECT_TRUE(std::ranges::equal(std::as_const(region_), test::bytes_of(text_)));
  EXPECT_EQ(region_.end() - region_.begin(), static_cast<std::ptrdiff_t>(kRegionSize));
  std::string expected = text_;
  for (std::byte& byte : region_) byte ^= std::byte{1};
  for (char& c : expected) c = static_cast<char>(c ^ 1);
  region_[1] = std::byte{'!'};
  expected[1] = '!';
  region_.span()[2] = std::byte{'?'};
  expected[2] = '?';
  EXPECT_EQ(region_, expected);
  EXPECT_EQ(std::as_const(region_)[1], std::byte{'!'});
}

TEST_P(BytesMutOf, IsSplitAnywhereIntoPartsThatAreWrittenAlone) {
  for (const std::size_t at : kPlaces) {
    make();
    const std::byte* const place = region_.data();
    const std::size_t capacity = region_.capacity();
    BytesMut front = region_.split_to(at).value();
    EXPECT_EQ(front, text_.substr(0, at));
    EXPECT_EQ(region_, text_.substr(at));
    EXPECT_EQ(front.capacity(), at) << "the room stays with the rest";
    EXPECT_EQ(region_.capacity(), capacity - at);
    EXPECT_EQ(front.data(), at == 0 ? nullptr : place);
    EXPECT_EQ(region_.data(), place + at);
    front.extend(pattern(40));
    region_.extend(pattern(30));
    EXPECT_EQ(front, text_.substr(0, at) + pattern(40));
    EXPECT_EQ(region_, text_.substr(at) + pattern(30));
  }
}

TEST_P(BytesMutOf, IsFrozenInPartsThatStayWhateverHappensToTheRest) {
  for (const std::size_t at : kPlaces) {
    make();
    const Bytes front = region_.split_to_frozen(at).value();
    region_.resize(kRegionSize, std::byte{'!'});
    region_.reserve(1000);
    const Bytes middle = region_.split().freeze();
    region_.extend("end");
    EXPECT_EQ(front, text_.substr(0, at));
    EXPECT_EQ(middle, text_.substr(at) + std::string(at, '!'));
    EXPECT_EQ(std::move(region_).freeze(), "end");
  }
}

TEST_P(BytesMutOf, IsFrozenInPlaceAfterItWasCut) {
  for (const std::size_t cut : {0U, 1U, 60U}) {
    make();
    ASSERT_TRUE(region_.advance(cut));
    region_.truncate(region_.size() - cut);
    const std::byte* const place = region_.data();
    const Bytes frozen = std::move(region_).freeze();
    EXPECT_EQ(frozen, text_.substr(cut, kRegionSize - 2 * cut));
    EXPECT_EQ(frozen.data(), place);
    EXPECT_EQ(region_.capacity(), 0U);  // NOLINT(bugprone-use-after-move): what is promised
  }
}

TEST_P(BytesMutOf, WhatReachesBeyondTheEndChangesNothing) {
  make();
  for (const std::size_t n : {kRegionSize + 1, SIZE_MAX - kRegionSize, SIZE_MAX}) {
    EXPECT_EQ(region_.split_to(n).error(), (SplitOutOfBounds{n, kRegionSize}));
    EXPECT_EQ(region_.split_to_frozen(n).error(), (SplitOutOfBounds{n, kRegionSize}));
    EXPECT_EQ(region_.advance(n).error(), (SplitOutOfBounds{n, kRegionSize}));
    region_.truncate(n);
    EXPECT_EQ(region_, text_);
  }
}

TEST_P(BytesMutOf, ReservesWhatIsAskedForAndAtMostTwiceAsMuch) {
  make();
  const std::size_t had = room();
  for (const std::size_t wanted : {std::size_t{0}, std::size_t{1}, had, had + 1, had + 5000}) {
    make();
    const std::size_t allocations = source_.allocations();
    const std::size_t before = region_.footprint();
    region_.reserve(wanted);
    EXPECT_EQ(region_, text_);
    EXPECT_GE(room(), wanted);
    EXPECT_LE(source_.allocations(), allocations + (wanted > had ? 1 : 0));
    EXPECT_LE(region_.footprint(),
              std::max(before, 2 * (kRegionSize + std::max(wanted, kRegionSize)) + 64));
    region_.extend(pattern(wanted, 77));
    EXPECT_EQ(region_, text_ + pattern(wanted, 77));
  }
}

TEST_P(BytesMutOf, ReservesNothingBeyondWhatASizeCanBe) {
  make();
  for (const std::size_t n : {SIZE_MAX, SIZE_MAX - kRegionSize, SIZE_MAX - kRegionSize + 1,
                              SIZE_MAX / 2, detail::kLargestBlock - kRegionSize + 1}) {
    EXPECT_THROW(region_.reserve(n), std::length_error) << n;
    EXPECT_THROW(region_.resize(detail::saturating_sum(kRegionSize, n)), std::length_error) << n;
    EXPECT_FALSE(region_.try_reclaim(n)) << n;
    EXPECT_EQ(region_, text_);
  }
}

TEST_P(BytesMutOf, ThatCannotGrowIsUnchanged) {
  make();
  region_.reserve(0);
  BytesMut moved = BytesMut::with_capacity(kRegionSize, &source_);
  moved.extend(region_);  // of the source, so that it can fail
  source_.fail(true);
  EXPECT_THROW(moved.reserve(1), std::bad_alloc);
  EXPECT_THROW(moved.resize(kRegionSize + 1), std::bad_alloc);
  EXPECT_THROW(moved.unsplit(std::move(region_)), std::bad_alloc);
  EXPECT_EQ(moved, text_);
  EXPECT_EQ(region_, text_);  // NOLINT(bugprone-use-after-move): what is promised
}

TEST_P(BytesMutOf, IsResizedToAnySize) {
  make();
  const std::size_t full = region_.capacity();
  for (const std::size_t n :
       {std::size_t{0}, std::size_t{1}, kRegionSize, full, full + 1, full + 5000}) {
    make();
    region_.resize(n, std::byte{'+'});
    EXPECT_EQ(region_.size(), n);
    EXPECT_EQ(region_, text_.substr(0, n) + std::string(n - std::min(n, kRegionSize), '+'));
    region_.resize(0);
    region_.resize(3);
    EXPECT_EQ(region_, std::string(3, '\0')) << "what was dropped does not come back";
  }
}

TEST_P(BytesMutOf, KeepsItsRoomWhenItIsTruncated) {
  for (const std::size_t n : kPlaces) {
    make();
    const std::size_t capacity = region_.capacity();
    const std::byte* const place = region_.data();
    region_.truncate(n);
    EXPECT_EQ(region_, text_.substr(0, n));
    EXPECT_EQ(region_.capacity(), capacity);
    EXPECT_EQ(region_.data(), place);
    region_.clear();
    EXPECT_EQ(region_.capacity(), capacity);
  }
}

TEST_P(BytesMutOf, RejoinsItsOwnPartsInOrderWithoutACopy) {
  for (const std::size_t at : {std::size_t{1}, std::size_t{64}, kRegionSize}) {
    make();
    const std::byte* const place = region_.data();
    const std::size_t capacity = region_.capacity();
    BytesMut front = region_.split_to(at).value();
    BytesMut first = front.split_to(at / 2).value();
    front.unsplit(std::move(region_));
    first.unsplit(std::move(front));
    EXPECT_EQ(first, text_);
    EXPECT_EQ(first.data(), place);
    EXPECT_EQ(first.capacity(), capacity);
    EXPECT_EQ(region_.footprint() + front.footprint(), 0U);  // NOLINT(bugprone-use-after-move)
  }
}

TEST_P(BytesMutOf, JoinsWhatDoesNotFollowItByACopy) {
  make();
  BytesMut front = region_.split_to(50).value();
  BytesMut gap = region_.split_to(28).value();
  region_.unsplit(std::move(front));  // out of order
  EXPECT_EQ(region_, text_.substr(78) + text_.substr(0, 50));
  gap.unsplit(BytesMut::copy_of("of another block"));
  EXPECT_EQ(gap, text_.substr(50, 28) + "of another block");
  gap.unsplit(BytesMut::with_capacity(64, &source_));  // has room alone
  gap.unsplit(BytesMut());
  EXPECT_EQ(gap, text_.substr(50, 28) + "of another block");
  BytesMut room = BytesMut::with_capacity(1000, &source_);
  const std::byte* const place = room.data();
  room.unsplit(std::move(gap));  // goes into the room that is there
  EXPECT_EQ(room, text_.substr(50, 28) + "of another block");
  EXPECT_EQ(room.data(), place);
}

TEST_P(BytesMutOf, SharesItsBlockWithItsSplitsUntilTheyAreGone) {
  make();
  const bool was_unique = region_.is_unique();
  EXPECT_EQ(was_unique, before_.footprint() + behind_.footprint() == 0);
  Bytes frozen = region_.split_to_frozen(10).value();
  BytesMut part = region_.split_to(10).value();
  EXPECT_FALSE(region_.is_unique());
  frozen.clear();
  EXPECT_FALSE(region_.is_unique());
  part = BytesMut();
  EXPECT_EQ(region_.is_unique(), was_unique);
}

}  // namespace
}  // namespace bytes_handoff
