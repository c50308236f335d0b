#include <gtest/gtest.h>

#include "bytes_handoff/core/queue/departure.hpp"
#include "bytes_handoff/core/queue/write_queue.hpp"
#include "support/memory/allocation_counter.hpp"
#include "support/memory/pooling.hpp"
#include "support/pattern.hpp"
#include "support/queue/queue_fixture.hpp"

namespace bytes_handoff::test {
namespace {

using WriteQueueAdmission = QueueTest;
using detail::BytesAccess;

TEST_F(WriteQueueAdmission, ANewQueueIsOpenAndEmptyAndPostsNothing) {
  EXPECT_TRUE(queue().is_open());
  EXPECT_EQ(queue().pending_bytes(), 0U);
  EXPECT_EQ(queue().pending_items(), 0U);
  EXPECT_FALSE(stream().turn_posted());
}

TEST_F(WriteQueueAdmission, TheFirstWritePostsOneTurnForTheWholeBurst) {
  EXPECT_TRUE(send("abc"));
  EXPECT_TRUE(stream().turn_posted());
  EXPECT_TRUE(send("defg"));
  EXPECT_EQ(queue().pending_bytes(), 7U);
  EXPECT_EQ(queue().pending_items(), 2U);
  EXPECT_EQ(stream().begin(), Turn::kWrite);
  EXPECT_EQ(stream().finish(Reply::all()), Turn::kIdle);
  EXPECT_EQ(stream().received(), "abcdefg");
  EXPECT_EQ(queue().pending_bytes(), 0U);
  EXPECT_EQ(queue().pending_items(), 0U);
}

TEST_F(WriteQueueAdmission, AdmittedSlicesAreLeftEmpty) {
  auto slices = slices_of({"abc", "de"});
  ASSERT_TRUE(
      stream().step([&](detail::Effects& e) { return queue().try_write(slices, e).has_value(); }));
  EXPECT_TRUE(slices[0].empty());
  EXPECT_TRUE(slices[1].empty());
}

TEST_F(WriteQueueAdmission, TheByteBudgetIsMetExactlyAndNeverPassed) {
  open({.max_items = 10, .max_pending_bytes = 5});
  EXPECT_TRUE(send("abc"));
  expect_refusal(submit("def").refusal, Reason::byte_budget_exceeded, 6, 5);
  EXPECT_TRUE(send("de"));
  expect_refusal(submit("f").refusal, Reason::byte_budget_exceeded, 6, 5);
  EXPECT_EQ(queue().pending_bytes(), 5U);
  stream().run();
  EXPECT_EQ(stream().received(), "abcde");
}

TEST_F(WriteQueueAdmission, TheItemLimitIsMetExactlyAndNeverPassed) {
  open({.max_items = 2, .max_pending_bytes = 100});
  EXPECT_TRUE(send("a"));
  EXPECT_TRUE(send(""));
  expect_refusal(submit("c").refusal, Reason::queue_full, 3, 2);
  expect_refusal(submit("").refusal, Reason::queue_full, 3, 2);
  stream().run();
  EXPECT_TRUE(send("c"));
  stream().run();
}

TEST_F(WriteQueueAdmission, WhatIsInFlightCountsUntilItIsWritten) {
  open({.max_items = 2, .max_pending_bytes = 4});
  EXPECT_TRUE(send("ab"));
  EXPECT_TRUE(send("cd"));
  stream().begin();
  expect_refusal(submit("e").refusal, Reason::byte_budget_exceeded, 5, 4);
  expect_refusal(submit("").refusal, Reason::queue_full, 3, 2);
  stream().finish(Reply::only(1));
  EXPECT_EQ(queue().pending_bytes(), 4U) << "an item gives its bytes back when it is done, whole";
  stream().finish(Reply::only(1));
  EXPECT_EQ(queue().pending_bytes(), 2U);
  EXPECT_TRUE(send("ef"));
  stream().run();
  EXPECT_EQ(stream().received(), "abcdef");
}

TEST_F(WriteQueueAdmission, PrecedenceIsClosedThenNeverThenBytesThenItems) {
  open({.max_items = 1, .max_pending_bytes = 4});
  EXPECT_TRUE(send("abc"));
  expect_refusal(submit("12345").refusal, Reason::can_never_fit, 5, 4);
  expect_refusal(submit("12").refusal, Reason::byte_budget_exceeded, 5, 4);
  expect_refusal(submit("1").refusal, Reason::queue_full, 2, 1);
  expect_refusal(submit(slices_of({"1", "2"})).refusal, Reason::can_never_fit, 2, 1);
  close();
  expect_refusal(submit("12345").refusal, Reason::closed);
  expect_refusal(submit("12").refusal, Reason::closed);
  expect_refusal(submit("1").refusal, Reason::closed);
  stream().run();
}

TEST_F(WriteQueueAdmission, ARefusedWriteKeepsItsBytesInTheSameBlock) {
  open({.max_items = 10, .max_pending_bytes = 4});
  EXPECT_TRUE(send("abc"));
  auto slices = slices_of({"de", "f"});
  const auto* data = slices[0].data();
  const auto* owner = BytesAccess::owner(slices[0]);
  const Submitted refused = submit(std::move(slices));
  expect_refusal(refused.refusal, Reason::byte_budget_exceeded, 6, 4);
  ASSERT_EQ(refused.bytes.size(), 2U);
  EXPECT_EQ(refused.bytes[0].data(), data);
  EXPECT_EQ(BytesAccess::owner(refused.bytes[0]), owner);
  EXPECT_EQ(refused.bytes[0].view(), "de");
  EXPECT_EQ(refused.bytes[1].view(), "f");
  EXPECT_FALSE(refused.ticket.has_value());
  EXPECT_EQ(queue().pending_bytes(), 3U);
  EXPECT_EQ(queue().pending_items(), 1U);
  stream().run();
}

TEST_F(WriteQueueAdmission, SeveralSlicesAreAdmittedAllOrNone) {
  open({.max_items = 3, .max_pending_bytes = 10});
  EXPECT_TRUE(send("a"));
  expect_refusal(submit(slices_of({"b", "c", "d"})).refusal, Reason::queue_full, 4, 3);
  EXPECT_EQ(queue().pending_items(), 1U);
  const Submitted both = submit(slices_of({"b", "c"}));
  EXPECT_FALSE(both.refusal);
  EXPECT_EQ(queue().pending_items(), 3U);
  EXPECT_EQ(queue().pending_bytes(), 3U);
  stream().run();
  EXPECT_EQ(stream().received(), "abc");
  expect_result(both.ticket, {}, 2);
}

TEST_F(WriteQueueAdmission, NoSlicesCountAsOneEmptyWrite) {
  const Submitted none = submit(std::vector<Bytes>{});
  EXPECT_FALSE(none.refusal);
  EXPECT_EQ(queue().pending_items(), 1U);
  EXPECT_EQ(queue().pending_bytes(), 0U);
  stream().run();
  expect_result(none.ticket, {}, 0);
  EXPECT_EQ(stream().operations(), 0U);
}

TEST_F(WriteQueueAdmission, AnEmptyWriteIsAnItemKeepsItsPlaceAndMakesNoStreamCall) {
  const Submitted first = submit("ab");
  const Submitted empty = submit("");
  const Submitted last = submit("c");
  EXPECT_EQ(queue().pending_items(), 3U);
  stream().begin();
  stream().finish(Reply::only(1));
  EXPECT_FALSE(is_done(empty.ticket)) << "it overtook what is before it";
  stream().finish(Reply::only(1));
  expect_result(first.ticket, {}, 2);
  expect_result(empty.ticket, {}, 0);
  EXPECT_FALSE(is_done(last.ticket));
  stream().run();
  expect_result(last.ticket, {}, 1);
  EXPECT_EQ(stream().operations(), 3U);
}

TEST_F(WriteQueueAdmission, AnEmptySliceKeepsNothingAlive) {
  auto owner = std::make_shared<std::string>("gone");
  struct Shared {
    std::shared_ptr<std::string> text;
    [[nodiscard]] const char* begin() const { return text->data(); }
    [[nodiscard]] const char* end() const { return text->data() + text->size(); }
    [[nodiscard]] const char* data() const { return text->data(); }
    [[nodiscard]] std::size_t size() const { return text->size(); }
  };
  std::vector<Bytes> slices;
  slices.push_back(Bytes::from_owner(Shared{owner}));
  slices[0].truncate(0);
  EXPECT_TRUE(send(std::move(slices)));
  EXPECT_EQ(owner.use_count(), 1);
  EXPECT_EQ(queue().pending_items(), 1U);
  stream().run();
}

TEST_F(WriteQueueAdmission, SizesThatAddUpPastTheAddressSpaceCanNeverFit) {
  // Spans that are counted and never read.
  const std::byte byte{};
  const auto huge = [&] { return Bytes::borrow_static(std::span(&byte, SIZE_MAX / 2 + 1)); };
  auto refused = submit(std::vector<Bytes>{huge(), huge(), huge()});
  expect_refusal(refused.refusal, Reason::can_never_fit, SIZE_MAX, 1024 * 1024);

  for (const std::size_t size : sizes_around(16)) {
    open({.max_items = 4, .max_pending_bytes = 16});
    EXPECT_TRUE(send("1"));
    auto one = submit(std::vector<Bytes>{Bytes::borrow_static(std::span(&byte, size))});
    if (size > 16) {
      expect_refusal(one.refusal, Reason::can_never_fit, size, 16);
    } else if (size == 16) {
      expect_refusal(one.refusal, Reason::byte_budget_exceeded, 17, 16);
    } else {
      EXPECT_FALSE(one.refusal);
    }
  }
}

TEST_F(WriteQueueAdmission, AnUnlimitedBudgetDoesNotWrapItsArithmetic) {
  open({.max_items = SIZE_MAX, .max_pending_bytes = SIZE_MAX});
  const std::byte byte{};
  EXPECT_TRUE(send("1234567890"));
  auto refused = submit(std::vector<Bytes>{Bytes::borrow_static(std::span(&byte, SIZE_MAX - 5))});
  ASSERT_TRUE(refused.refusal);
  EXPECT_EQ(refused.refusal->reason, Reason::byte_budget_exceeded);
  EXPECT_EQ(refused.refusal->attempted, SIZE_MAX) << "saturated, not wrapped";
  stream().run();

  const auto half = [&] { return Bytes::borrow_static(std::span(&byte, SIZE_MAX / 2 + 1)); };
  auto group = submit(std::vector<Bytes>{half(), half(), half()});
  ASSERT_TRUE(group.refusal) << "more bytes than can be counted were admitted";
  EXPECT_EQ(group.refusal->reason, Reason::can_never_fit);
}

TEST_F(WriteQueueAdmission, WhereMemoryIsShortNothingChanges) {
  Bytes bytes = Bytes::copy_of("abc");
  Bytes later = Bytes::copy_of("def");
  WriteProbe probe(std::vector<Bytes>{later});
  if (kPooled) {
    GTEST_SKIP() << "the pool may have a segment left; run under AddressSanitizer";
  }
  detail::Effects effects;
  {
    FailingAllocations failing;
    EXPECT_THROW(static_cast<void>(queue().try_write(std::span(&bytes, 1), effects)),
                 std::bad_alloc);
    EXPECT_THROW(static_cast<void>(queue().wait_room(probe, effects)), std::bad_alloc);
  }
  EXPECT_EQ(bytes.view(), "abc");
  EXPECT_EQ(probe.owned[0].view(), "def");
  EXPECT_FALSE(effects.start_turn);
  EXPECT_EQ(queue().pending_items(), 0U);
  EXPECT_EQ(queue().statistics({}).admitted_items, 0U);
  EXPECT_TRUE(send("ghi"));
  stream().run();
  EXPECT_EQ(stream().received(), "ghi");
}

TEST_F(WriteQueueAdmission, ASteadyStreamOfWritesAllocatesNothing) {
  if (!kPooled) {
    GTEST_SKIP() << "nothing is pooled under AddressSanitizer";
  }
  const std::string block(4096, 'x');
  Bytes source = Bytes::copy_of(block);
  detail::WriteBatch batch{};
  const auto round = [&] {
    detail::Effects effects;
    for (int i = 0; i < 100; ++i) {
      std::array slices{source};
      ASSERT_TRUE(queue().try_write(slices, effects).has_value());
    }
    ASSERT_EQ(queue().begin_turn(batch, effects), Turn::kWrite);
    while (queue().finish_write({}, SIZE_MAX, false, batch, effects) == Turn::kWrite) {
    }
    effects.finish();
  };
  round();
  const AllocationScope counted;
  for (int i = 0; i < 10; ++i) {
    round();
  }
  EXPECT_EQ(counted.allocations(), 0U);
}

}  // namespace
}  // namespace bytes_handoff::test
