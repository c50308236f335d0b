// What is copied together once for many subscribers, and what is not.
#include "bytes_handoff/core/fan_out/shared_copy.hpp"

#include "bytes_handoff/core/budget/budget_state.hpp"
#include "bytes_handoff/core/fan_out/lane.hpp"
#include "bytes_handoff/core/memory/tagged.hpp"
#include "support/fan_out/fan_out_fixture.hpp"
#include "support/memory/allocation_counter.hpp"

namespace bytes_handoff::test {
namespace {

using detail::Place;
using detail::SharedCopy;
using testing::ElementsAre;

constexpr Place kFrom{1, 1, 10};
constexpr Place kTo{3, 3, 30};

std::vector<Bytes> slices_of(std::vector<std::string> texts) {
  std::vector<Bytes> slices;
  slices.reserve(2 * texts.size());
  for (const std::string& text : texts) {
    slices.push_back(Bytes::copy_of(text));
  }
  return slices;
}

std::vector<std::string> texts_of(const std::vector<Bytes>& slices) {
  std::vector<std::string> texts;
  for (const Bytes& slice : slices) {
    texts.emplace_back(slice.view());
  }
  return texts;
}

/// Whether they are copied for the second one that is given them.
bool is_copied(std::vector<Bytes> slices) {
  SharedCopy shared;
  shared.note(kFrom, kTo, slices);
  EXPECT_FALSE(shared.has(kFrom, kTo));
  const std::vector<std::string> before = texts_of(slices);
  shared.note(kFrom, kTo, slices);
  EXPECT_EQ(texts_of(slices), before);
  return shared.has(kFrom, kTo);
}

TEST(SharedCopy, has_what_was_given_twice) { EXPECT_TRUE(is_copied(slices_of({"a", "bc"}))); }

TEST(SharedCopy, gives_slices_that_are_neighbours_and_outlive_it) {
  std::vector<Bytes> given = slices_of({"a", "bc"});
  {
    SharedCopy shared;
    shared.note(kFrom, kTo, given);
    shared.note(kFrom, kTo, given);
    EXPECT_EQ(given[0].end(), given[1].begin());
    shared.give(given);
  }
  EXPECT_THAT(texts_of(given), ElementsAre("a", "bc", "a", "bc"));
  EXPECT_EQ(given[2].data(), given[0].data());
}

TEST(SharedCopy, has_only_what_lies_between_the_same_places) {
  std::vector<Bytes> slices = slices_of({"a", "b"});
  SharedCopy shared;
  shared.note(kFrom, kTo, slices);
  shared.note(kFrom, kTo, slices);
  EXPECT_FALSE(shared.has(kFrom, {4, 4, 40}));
  EXPECT_FALSE(shared.has({2, 2, 20}, kTo));
  shared.note({2, 2, 20}, kTo, slices);
  EXPECT_FALSE(shared.has(kFrom, kTo));
  EXPECT_FALSE(shared.has({2, 2, 20}, kTo));
}

TEST(SharedCopy, forgets_what_is_cleared) {
  std::vector<Bytes> slices = slices_of({"a", "b"});
  SharedCopy shared;
  shared.note(kFrom, kTo, slices);
  shared.clear();
  shared.note(kFrom, kTo, slices);
  EXPECT_FALSE(shared.has(kFrom, kTo));
}

TEST(SharedCopy, copies_static_bytes_and_blocks_but_nothing_large) {
  std::vector<Bytes> slices = slices_of({"a"});
  slices.push_back(Bytes::from_static("b"));
  slices.push_back(BytesMut::copy_of("c").freeze());
  EXPECT_TRUE(is_copied(slices));
  EXPECT_TRUE(is_copied(slices_of({"a", std::string(SharedCopy::kMostBytesASlice, 'b')})));
  EXPECT_FALSE(is_copied(slices_of({"a", std::string(SharedCopy::kMostBytesASlice + 1, 'b')})));
  const std::string large(SharedCopy::kMostBytesASlice, 'x');
  constexpr std::size_t kMost = SharedCopy::kMostBytes / SharedCopy::kMostBytesASlice;
  EXPECT_TRUE(is_copied(slices_of(std::vector<std::string>(kMost, large))));
  EXPECT_FALSE(is_copied(slices_of(std::vector<std::string>(kMost + 1, large))));
}

TEST(SharedCopy, leaves_alone_what_is_empty_or_came_with_an_owner_or_has_a_tag) {
  EXPECT_FALSE(is_copied(slices_of({"a", ""})));
  std::vector<Bytes> owned = slices_of({"a"});
  owned.push_back(Bytes::from_owner(std::string("b")));
  EXPECT_FALSE(is_copied(owned));
  std::vector<Bytes> tagged = slices_of({"a"});
  constexpr std::string_view kText = "b";
  auto* const owner = detail::TaggedOwner::copy_of(std::as_bytes(std::span(kText)), 1);
  tagged.push_back(detail::BytesAccess::adopt(owner->data(), 1, owner));
  EXPECT_FALSE(is_copied(tagged));
}

TEST(SharedCopy, leaves_slices_as_they_are_without_memory) {
  std::vector<Bytes> slices =
      slices_of(std::vector<std::string>(10, std::string(SharedCopy::kMostBytesASlice, 'x')));
  SharedCopy shared;
  shared.note(kFrom, kTo, slices);
  const std::byte* const before = slices.front().data();
  {
    const FailingAllocations failing;
    shared.note(kFrom, kTo, slices);
  }
  EXPECT_FALSE(shared.has(kFrom, kTo));
  EXPECT_EQ(slices.front().data(), before);
  EXPECT_EQ(slices.size(), 10U);
}

using FanOutSharing = FanOutTest;

TEST_F(FanOutSharing, of_the_first_is_none_and_others_have_one_buffer) {
  for (int i = 0; i != 40; ++i) {  // more than a turn serves, and than are not prefetched
    join();
  }
  run();
  ASSERT_TRUE(publish("a"));
  ASSERT_TRUE(publish_group({"b", "c"}));
  run();
  for (const auto& subscriber : subscribers) {
    EXPECT_THAT(subscriber->received, ElementsAre("a", "b", "c"));
    EXPECT_THAT(subscriber->received_groups, ElementsAre(3));
    EXPECT_EQ(subscriber->last_buffers, subscriber.get() == subscribers.front().get() ? 3U : 1U);
  }
  ASSERT_TRUE(publish("d"));
  ASSERT_TRUE(publish("e"));
  run();
  for (const auto& subscriber : subscribers) {
    EXPECT_THAT(subscriber->received, ElementsAre("a", "b", "c", "d", "e"));
    EXPECT_EQ(subscriber->last_buffers, subscriber.get() == subscribers.front().get() ? 2U : 1U);
  }
}

TEST_F(FanOutSharing, goes_on_one_by_one_where_a_queue_has_no_room_for_all) {
  join();
  join();
  FakeSubscriber& small = join({}, 1000, 2);
  FakeSubscriber& last = join();
  run();
  ASSERT_TRUE(publish_group({"a", "b"}));
  ASSERT_TRUE(publish("c"));
  run();
  EXPECT_THAT(small.received, ElementsAre("a", "b"));
  EXPECT_EQ(last.last_buffers, 1U);
  small.drain(*core);
  run();
  EXPECT_THAT(small.received, ElementsAre("a", "b", "c"));
}

TEST_F(FanOutSharing, leaves_alone_what_a_budget_pays_for) {
  const MemoryBudget budget({.limit = std::size_t{1024} * 1024});
  const auto account = detail::MemberAccount::make(budget);
  for (int i = 0; i != 3; ++i) {
    join({}, 1000, 100, nullptr, &account->state());
  }
  run();
  ASSERT_TRUE(publish_group({"a", "b"}));
  run();
  for (const auto& subscriber : subscribers) {
    EXPECT_THAT(subscriber->received, ElementsAre("a", "b"));
    EXPECT_EQ(subscriber->last_buffers, 2U);
  }
}

TEST_F(FanOutSharing, is_only_of_what_each_is_to_be_given) {
  join();
  join();
  run();
  ASSERT_TRUE(publish("a"));
  run();
  FakeSubscriber& late = join();
  ASSERT_TRUE(publish("b"));
  ASSERT_TRUE(publish("c"));
  run();
  EXPECT_THAT(late.received, ElementsAre("b", "c"));
  EXPECT_EQ(late.last_buffers, 2U) << "it is served first";
  for (const std::size_t i : {0U, 1U}) {
    EXPECT_THAT(subscribers[i]->received, ElementsAre("a", "b", "c"));
    EXPECT_EQ(subscribers[i]->last_buffers, 1U);
  }
}

}  // namespace
}  // namespace bytes_handoff::test
