// Bursts of any size, admitted in order as room comes.
#include <gtest/gtest.h>

#include <new>
#include <string>
#include <vector>

#include "bytes_handoff/core/queue/line.hpp"
#include "support/memory/allocation_counter.hpp"
#include "support/memory/pooling.hpp"
#include "support/queue/queue_fixture.hpp"

namespace bytes_handoff::test {
namespace {

using detail::AsksFor;
using detail::ReservedRoom;

/// A queue with room for ten bytes in four items.
class Bursts : public QueueTest {
 protected:
  void SetUp() override { open({.max_items = 4, .max_pending_bytes = 10}); }

  static std::vector<Bytes> numbers(std::size_t count) {
    std::vector<Bytes> slices;
    for (std::size_t i = 0; i < count; ++i) {
      slices.push_back(Bytes::copy_of(std::to_string(i % 10)));
    }
    return slices;
  }
  static std::string text_of_numbers(std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) {
      text += std::to_string(i % 10);
    }
    return text;
  }
};

TEST_F(Bursts, OneThatFitsIsAdmittedAtOnce) {
  BurstProbe burst(slices_of({"12", "34", "567"}));
  EXPECT_EQ(wait(burst), Wait::kAdmitted);
  EXPECT_EQ(burst.resumed, 0);
  EXPECT_EQ(burst.admitted(), 3U);
  for (const Bytes& slice : burst.owned) {
    EXPECT_TRUE(slice.empty());
  }
  stream().run();
  EXPECT_EQ(stream().received(), "1234567");
}

TEST_F(Bursts, OneOfNoSlicesIsAdmittedAtOnceAlsoBehindOthers) {
  BurstProbe nothing({});
  EXPECT_EQ(wait(nothing), Wait::kAdmitted);
  EXPECT_FALSE(stream().turn_posted());
  ASSERT_TRUE(send("1234567890"));
  WriteProbe waiting("x");
  ASSERT_EQ(wait(waiting), Wait::kWaiting);
  EXPECT_EQ(wait(nothing), Wait::kAdmitted);
  close();
  EXPECT_EQ(wait(nothing), Wait::kRefused);
  EXPECT_EQ(nothing.refusal->reason, Reason::closed);
}

TEST_F(Bursts, WhatFitsGoesAtOnceAndTheRestAsRoomComesWithOneResumption) {
  BurstProbe burst(numbers(1000));
  ASSERT_EQ(wait(burst), Wait::kWaiting);
  EXPECT_EQ(burst.admitted(), 4U);
  EXPECT_EQ(queue().pending_items(), 4U);
  stream().run();
  EXPECT_EQ(burst.resumed, 1);
  EXPECT_FALSE(burst.refusal);
  EXPECT_EQ(burst.admitted(), 1000U);
  EXPECT_EQ(stream().received(), text_of_numbers(1000));
  EXPECT_EQ(queue().statistics({}).waits, 1U);
  EXPECT_LE(queue().statistics({}).high_water_items, 4U);
}

TEST_F(Bursts, ItKeepsItsPlaceUntilItsLastSliceIsAdmitted) {
  BurstProbe burst(slices_of({"1234567", "89012345", "6"}));
  WriteProbe behind("x");
  ASSERT_EQ(wait(burst), Wait::kWaiting);
  ASSERT_EQ(wait(behind), Wait::kWaiting);
  EXPECT_FALSE(send("y")) << "nobody barges";
  stream().run();
  EXPECT_EQ(stream().received(), "1234567890123456x");
}

TEST_F(Bursts, OnlyAPermitThatWasGrantedBeforeComesBetweenItsSlices) {
  ReservedRoom room = reserve(3);
  BurstProbe burst(slices_of({"123456", "7890", "abc"}));
  ASSERT_EQ(wait(burst), Wait::kWaiting);
  ASSERT_EQ(burst.admitted(), 1U);
  expect_refusal(refusal_to_reserve(1), Reason::byte_budget_exceeded, 13, 10);
  EXPECT_TRUE(commit(room, "-").ticket);
  stream().run();
  EXPECT_EQ(stream().received(), "123456-7890abc");
}

TEST_F(Bursts, ASliceThatCanNeverFitIsAnErrorAtOnce) {
  BurstProbe burst(slices_of({"1", "12345678901"}));
  ASSERT_EQ(wait(burst), Wait::kRefused);
  expect_refusal(burst.refusal, Reason::can_never_fit, 11, 10);
  EXPECT_EQ(burst.admitted(), 0U);
  EXPECT_EQ(queue().pending_items(), 0U);
}

TEST_F(Bursts, WhereItMayBeCutASliceOfAnySizePasses) {
  const std::string text = text_of_numbers(64);
  BurstProbe burst(slices_of({"ab", text, "cd"}), AsksFor::kCutBurst);
  ASSERT_EQ(wait(burst), Wait::kWaiting);
  EXPECT_EQ(burst.admitted(), 1U);
  EXPECT_EQ(queue().pending_bytes(), 10U);
  EXPECT_EQ(burst.owned[1].view(), text.substr(8)) << "what is cut keeps its rest";
  stream().otherwise(Reply::only(3));
  stream().run();
  EXPECT_EQ(burst.resumed, 1);
  EXPECT_EQ(burst.admitted(), 3U);
  EXPECT_EQ(stream().received(), "ab" + text + "cd");
  EXPECT_LE(queue().statistics({}).high_water_bytes, 10U);
}

TEST_F(Bursts, PiecesHaveAtLeastHalfOfTheBudget) {
  BurstProbe burst(slices_of({text_of_numbers(31)}), AsksFor::kCutBurst);
  ASSERT_EQ(wait(burst), Wait::kWaiting);
  stream().otherwise(Reply::only(1));
  stream().run();
  // 10, then pieces of 5 to 10 bytes, and the rest of less.
  EXPECT_LE(queue().statistics({}).admitted_items, 6U);
}

TEST_F(Bursts, NoSliceIsCutWhileAPermitCouldCommitIntoIt) {
  ReservedRoom room = reserve(2);
  BurstProbe burst(slices_of({"1234", text_of_numbers(30)}), AsksFor::kCutBurst);
  ASSERT_EQ(wait(burst), Wait::kWaiting);
  stream().run();
  EXPECT_EQ(burst.admitted(), 1U);
  EXPECT_EQ(burst.owned[1].size(), 30U) << "not cut";
  EXPECT_TRUE(commit(room, "ab").ticket);
  stream().run();
  EXPECT_EQ(stream().received(), "1234ab" + text_of_numbers(30));
}

TEST_F(Bursts, TheLastPermitsCommitLetsASliceBeCutThoughItGivesNothingBack) {
  ASSERT_TRUE(send("12"));
  stream().begin();
  ASSERT_TRUE(stream().is_writing()) << "and is stuck";
  ReservedRoom room = reserve(2);
  BurstProbe burst(slices_of({text_of_numbers(30)}), AsksFor::kCutBurst);
  ASSERT_EQ(wait(burst), Wait::kWaiting);
  EXPECT_EQ(burst.owned[0].size(), 30U) << "not cut";
  EXPECT_TRUE(commit(room, "ab").ticket);
  EXPECT_EQ(queue().pending_bytes(), 10U);
  EXPECT_EQ(burst.owned[0].size(), 24U);
  stream().run();
  EXPECT_EQ(stream().received(), "12ab" + text_of_numbers(30));
}

TEST_F(Bursts, CancelledTheRestStaysWithTheCaller) {
  BurstProbe burst(slices_of({"1234567", "89012345", "6"}));
  WriteProbe behind("xyz");
  ASSERT_EQ(wait(burst), Wait::kWaiting);
  ASSERT_EQ(wait(behind), Wait::kWaiting);
  cancel(burst);
  EXPECT_EQ(burst.refusal->reason, Reason::cancelled);
  EXPECT_EQ(burst.admitted(), 1U);
  EXPECT_TRUE(burst.owned[0].empty());
  EXPECT_EQ(burst.owned[1].view(), "89012345");
  EXPECT_EQ(burst.owned[2].view(), "6");
  EXPECT_TRUE(behind.was_admitted()) << "at once";
  stream().run();
  EXPECT_EQ(stream().received(), "1234567xyz");
  EXPECT_EQ(queue().pending_bytes(), 0U);
}

TEST_F(Bursts, AnEndTellsHowManyWereAdmitted) {
  BurstProbe burst(slices_of({"1234567", "89012345", "6"}));
  ASSERT_EQ(wait(burst), Wait::kWaiting);
  stream().begin();
  stream().finish(Reply::fail(error_value(7), 3));
  EXPECT_EQ(burst.resumed, 1);
  expect_refusal(burst.refusal, Reason::closed, 0, 0, error_value(7));
  EXPECT_EQ(burst.admitted(), 1U);
  EXPECT_EQ(unwritten(), std::vector<std::string>{"123|4567"});
}

TEST_F(Bursts, ACloseLetsInTheRestWhereThatIsAskedFor) {
  BurstProbe burst(numbers(30));
  ASSERT_EQ(wait(burst), Wait::kWaiting);
  close(Waiters::admit);
  stream().run();
  EXPECT_EQ(burst.admitted(), 30U);
  EXPECT_EQ(stream().received(), text_of_numbers(30));
  EXPECT_TRUE(stream().is_shut_down());
}

TEST_F(Bursts, BehindOthersItsBytesAreCounted) {
  open({.max_items = 4, .max_pending_bytes = 10, .max_waiting_bytes = 12});
  ASSERT_TRUE(send("1234567890"));
  BurstProbe first(numbers(100));
  BurstProbe second(numbers(5));
  ASSERT_EQ(wait(first), Wait::kWaiting) << "the first in line may have any size";
  ASSERT_EQ(wait(second), Wait::kRefused);
  expect_refusal(second.refusal, Reason::too_many_waiting_bytes, 105, 12);
  EXPECT_EQ(second.owned[0].view(), "0");
  stream().finish((stream().begin(), Reply::all()));
  while (first.resumed == 0) {
    stream().finish(Reply::all());
  }
  EXPECT_EQ(wait(second), Wait::kWaiting) << "its admitted bytes wait no more";
}

TEST_F(Bursts, WhereNobodyMayWaitOneThatDoesNotFitIsRefusedWhole) {
  open({.max_items = 4, .max_pending_bytes = 10, .max_waiters = 0});
  BurstProbe burst(numbers(5));
  ASSERT_EQ(wait(burst), Wait::kRefused);
  expect_refusal(burst.refusal, Reason::too_many_waiters, 1, 0);
  EXPECT_EQ(queue().pending_items(), 0U);
}

TEST_F(Bursts, InStepsOfOneItemAllThatFitsIsAdmittedThoughTheStreamIsStuck) {
  open({.max_items = 4, .max_pending_bytes = 10}, 0, 1);
  ASSERT_TRUE(send("x"));
  stream().begin();
  ASSERT_TRUE(stream().is_writing());
  BurstProbe burst(numbers(9));
  ASSERT_EQ(wait(burst), Wait::kWaiting);
  EXPECT_EQ(burst.admitted(), 3U);
  stream().run();
  EXPECT_EQ(stream().received(), "x" + text_of_numbers(9));
}

TEST_F(Bursts, WhereMemoryIsShortNoneOfItIsAdmitted) {
  if (kPooled) {
    GTEST_SKIP() << "the pool may have a segment left; run under AddressSanitizer";
  }
  open({.max_items = 400, .max_pending_bytes = 100});
  ASSERT_TRUE(send("x"));
  for (const AsksFor what : {AsksFor::kBurst, AsksFor::kCutBurst}) {
    BurstProbe burst(numbers(300), what);
    detail::Effects effects;
    {
      FailingAllocations failing;
      EXPECT_THROW(static_cast<void>(queue().wait_room(burst, effects)), std::bad_alloc);
    }
    EXPECT_EQ(burst.admitted(), 0U);
    EXPECT_EQ(burst.owned[0].view(), "0");
    EXPECT_EQ(queue().pending_items(), 1U);
    EXPECT_EQ(queue().statistics({}).waits, 0U);
  }
  BurstProbe burst(numbers(300));
  EXPECT_EQ(wait(burst), Wait::kWaiting);
  stream().destroy();  // this test is the writer
  detail::WriteBatch batch;
  const auto step = [&](auto call) {
    const FailingAllocations failing;
    detail::Effects effects;
    const Turn turn = call(effects);
    effects.resume_all();
    effects.finish();
    return turn;
  };
  Turn turn = step([&](detail::Effects& e) { return queue().begin_turn(batch, e); });
  while (turn == Turn::kWrite) {
    turn = step(
        [&](detail::Effects& e) { return queue().finish_write({}, batch.bytes, false, batch, e); });
  }
  EXPECT_EQ(burst.admitted(), 300U) << "its places were there";
  EXPECT_EQ(burst.resumed, 1);
}

TEST_F(Bursts, EachPieceOfASliceHasItsPlaceAlsoBehindAFullSegment) {
  constexpr std::size_t kPlaces = detail::WriteItems::kSegmentItems;
  open({.max_items = 4 * kPlaces, .max_pending_bytes = 10});
  std::vector<Bytes> all_but_one(kPlaces - 1);
  all_but_one[0] = Bytes::copy_of("-----");
  ASSERT_TRUE(send(std::move(all_but_one)));
  BurstProbe burst(slices_of({text_of_numbers(30)}), AsksFor::kCutBurst);
  ASSERT_EQ(wait(burst), Wait::kWaiting);
  EXPECT_EQ(queue().pending_items(), kPlaces) << "its first piece has the last place";
  stream().otherwise(Reply::only(5));
  stream().run();
  EXPECT_EQ(stream().received(), "-----" + text_of_numbers(30));
}

TEST_F(Bursts, PiecesHaveTheirPlacesThoughOthersCameBehindThem) {
  constexpr std::size_t kPlaces = detail::WriteItems::kSegmentItems;
  const std::string text = text_of_numbers(3 * kPlaces + 60);  // in pieces of at most three
  for (std::size_t items = 1; items != 3 * kPlaces; ++items) {
    open({.max_items = 100 * kPlaces, .max_pending_bytes = 3});
    ASSERT_TRUE(send("---"));
    BurstProbe burst(slices_of({text}), AsksFor::kCutBurst);
    WriteProbe behind{std::vector<Bytes>(items)};  // empty ones
    ASSERT_EQ(wait(burst), Wait::kWaiting);
    ASSERT_EQ(wait(behind), Wait::kWaiting);
    stream().run();
    EXPECT_EQ(stream().received(), "---" + text);
    EXPECT_EQ(burst.resumed + behind.resumed, 2);
  }
}

TEST_F(Bursts, AQueueOfAnyNumberOfItemsKeepsNoMorePlacesForThemThanTheyNeed) {
  if (kPooled) {
    GTEST_SKIP() << "only told apart where nothing is pooled; run under AddressSanitizer";
  }
  open({.max_items = SIZE_MAX, .max_pending_bytes = 10});
  ASSERT_TRUE(send("1234567890"));
  const AllocationScope counted;
  BurstProbe burst(slices_of({text_of_numbers(30)}), AsksFor::kCutBurst);
  ASSERT_EQ(wait(burst), Wait::kWaiting);
  EXPECT_LE(counted.allocations(), 10U);
  stream().run();
  EXPECT_EQ(stream().received(), "1234567890" + text_of_numbers(30));
}

TEST_F(Bursts, AllInLineHaveTheirPlacesAtOnce) {
  constexpr std::size_t kPlaces = detail::WriteItems::kSegmentItems;
  open({.max_items = 4 * kPlaces, .max_pending_bytes = 10});
  ReservedRoom room = reserve(10);
  WriteProbe first(numbers(5));
  first.owned.resize(kPlaces * 4 / 5);
  first.slices = first.owned;
  BurstProbe second(numbers(5));
  second.owned.resize(kPlaces * 4 / 5);
  second.slices = second.owned;
  ASSERT_EQ(wait(first), Wait::kWaiting);
  ASSERT_EQ(wait(second), Wait::kWaiting);
  give_back(room);
  EXPECT_EQ(first.resumed + second.resumed, 2);
  EXPECT_EQ(queue().pending_items(), kPlaces * 4 / 5 * 2);
  stream().run();
  EXPECT_EQ(stream().received(), "0123401234");
}

TEST_F(Bursts, ALongOneNeedsNoMoreMemoryThanTheQueueMayHold) {
  // More slices than a segment has places, through a queue that is never empty.
  open({.max_items = 100, .max_pending_bytes = 1000});
  for (const AsksFor what : {AsksFor::kBurst, AsksFor::kCutBurst}) {
    BurstProbe burst(numbers(5000), what);
    WriteProbe behind(numbers(100));
    BurstProbe last(numbers(2000), what);
    ASSERT_EQ(wait(burst), Wait::kWaiting);
    ASSERT_EQ(wait(behind), Wait::kWaiting);
    ASSERT_EQ(wait(last), Wait::kWaiting);
    stream().otherwise(Reply::only(7));
    stream().run();
    EXPECT_EQ(burst.resumed + behind.resumed + last.resumed, 3);
    EXPECT_EQ(last.admitted(), 2000U);
  }
  const std::string once = text_of_numbers(5000) + text_of_numbers(100) + text_of_numbers(2000);
  EXPECT_EQ(stream().received(), once + once);
}

TEST_F(Bursts, OneOfMoreBytesThanCanBeCountedCanNeverFit) {
  static constexpr std::byte kByte{};  // is counted, and never read
  std::vector<Bytes> slices;
  for (const std::size_t size : {SIZE_MAX / 2, SIZE_MAX / 2, std::size_t{2}}) {
    slices.push_back(Bytes::borrow_static({&kByte, size}));
  }
  open({.max_pending_bytes = SIZE_MAX, .max_waiting_bytes = SIZE_MAX});
  BurstProbe burst(std::move(slices));
  EXPECT_EQ(wait(burst), Wait::kRefused);
  ASSERT_TRUE(burst.refusal);
  EXPECT_EQ(burst.refusal->reason, Reason::can_never_fit);
  EXPECT_EQ(burst.admitted(), 0U);
}

}  // namespace
}  // namespace bytes_handoff::test
