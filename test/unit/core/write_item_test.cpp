#include "bytes_handoff/detail/write_item.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "bytes_handoff/detail/ticket_state.hpp"
#include "support/pattern.hpp"
#include "support/queue_probes.hpp"

namespace bytes_handoff::detail {
namespace {

TEST(TicketLink, KeepsThePointerAndWhetherItIsTheLast) {
  const test::TicketRef ticket = test::make_ticket();
  EXPECT_EQ(TicketLink().get<Ticket>(), nullptr);
  EXPECT_FALSE(TicketLink().is_last());
  EXPECT_FALSE(TicketLink(nullptr, true).is_last());
  const TicketLink middle(ticket.get(), false);
  const TicketLink last(ticket.get(), true);
  EXPECT_EQ(middle.get<Ticket>(), ticket.get());
  EXPECT_EQ(last.get<Ticket>(), ticket.get());
  EXPECT_FALSE(middle.is_last());
  EXPECT_TRUE(last.is_last());
  ticket->release();
}

TEST(WriteItem, TakesTheBytesOver) {
  Bytes bytes = Bytes::copy_of("abc");
  const auto* data = bytes.data();
  auto* owner = BytesAccess::owner(bytes);
  const WriteItem item = WriteItem::take(bytes, TicketLink());
  EXPECT_TRUE(bytes.empty());
  EXPECT_EQ(BytesAccess::owner(bytes), nullptr);
  EXPECT_EQ(item.data, data);
  EXPECT_EQ(item.size, 3U);
  ASSERT_EQ(item.owner, owner);
  item.owner->release(1);
}

// Owners that count how often they were let go of.
struct Counted {
  std::shared_ptr<int> alive = std::make_shared<int>(0);
  std::string text = "x";
  [[nodiscard]] const char* begin() const { return text.data(); }
  [[nodiscard]] const char* end() const { return text.data() + text.size(); }
  [[nodiscard]] const char* data() const { return text.data(); }
  [[nodiscard]] std::size_t size() const { return text.size(); }
};

TEST(DeferredReleases, DropReferencesWhenTheyAreRunAndNotBefore) {
  Counted counted;
  const auto watch = counted.alive;
  Bytes bytes = Bytes::from_owner(std::move(counted));
  counted.alive.reset();
  Bytes second = bytes;
  DeferredReleases releases;
  releases.add(BytesAccess::release(bytes));
  releases.add(nullptr);
  releases.add(BytesAccess::release(second));
  EXPECT_EQ(watch.use_count(), 2);
  releases.run();
  EXPECT_EQ(watch.use_count(), 1);
  releases.run();
}

TEST(DeferredReleases, AreRunAtTheEndOfTheScope) {
  Counted counted;
  const auto watch = counted.alive;
  Bytes bytes = Bytes::from_owner(std::move(counted));
  counted.alive.reset();
  {
    DeferredReleases releases;
    releases.add(BytesAccess::release(bytes));
  }
  EXPECT_EQ(watch.use_count(), 1);
}

TEST(DeferredReleases, NeighboursOfOneOwnerTakeOnePlace) {
  DeferredReleases releases;
  std::vector<Bytes> owners;
  for (std::size_t i = 0; i < DeferredReleases::kCapacity; ++i) {
    EXPECT_TRUE(releases.has_room());
    Bytes bytes = Bytes::copy_of("abc");
    for (int k = 0; k < 3; ++k) {
      Bytes copy = bytes;
      releases.add(BytesAccess::release(copy));
    }
    owners.push_back(std::move(bytes));
  }
  EXPECT_FALSE(releases.has_room());
  releases.run();
  EXPECT_TRUE(releases.has_room());
}

class WriteBatchTest : public testing::Test {
 protected:
  ~WriteBatchTest() override {
    for (; !items_.empty(); items_.pop_front()) {
      if (Owner* owner = items_.front().owner) {
        owner->release(1);
      }
    }
  }
  void push(Bytes bytes) {
    items_.reserve(1);
    items_.push_back(WriteItem::take(bytes, TicketLink()));
  }
  [[nodiscard]] std::string text() const {
    std::string text;
    for (std::size_t i = 0; i < batch_.count; ++i) {
      text.append(reinterpret_cast<const char*>(batch_.buffers[i].data), batch_.buffers[i].size);
    }
    return text;
  }
  WriteItems items_;
  WriteBatch batch_{};
};

TEST_F(WriteBatchTest, StartsAtTheFirstUnwrittenByte) {
  push(Bytes::copy_of("abcdef"));
  push(Bytes::copy_of("gh"));
  batch_.gather(items_, 4);
  EXPECT_EQ(text(), "efgh");
  EXPECT_EQ(batch_.bytes, 4U);
  EXPECT_EQ(batch_.items, 2U);
  EXPECT_EQ(batch_.count, 2U);
}

TEST_F(WriteBatchTest, TheOffsetIsOfTheFirstItemAlone) {
  Bytes block = Bytes::copy_of("abcdef");
  push(block.split_to(3).value());
  push(block);
  batch_.gather(items_, 2);
  EXPECT_EQ(text(), "cdef");
  EXPECT_EQ(batch_.count, 1U);
}

TEST_F(WriteBatchTest, NeighboursByChanceWithTwoOwnersStayTwoBuffers) {
  const std::string text_of_both = "abcdef";
  const auto whole = Bytes::copy_of(text_of_both);
  const auto head = Bytes::from_static(whole.span().subspan(0, 3));
  push(head);
  push(whole.slice(3, 3).value());
  batch_.gather(items_, 0);
  EXPECT_EQ(batch_.count, 2U);
  EXPECT_EQ(text(), text_of_both);
}

TEST_F(WriteBatchTest, ALastBufferStillGrowsWhenAllBuffersAreInUse) {
  for (std::size_t i = 0; i + 1 < kMaxBatchBuffers; ++i) {
    push(Bytes::copy_of("x"));
  }
  Bytes block = Bytes::copy_of("abcd");
  push(block.split_to(2).value());
  push(Bytes());
  push(block);
  push(Bytes::copy_of("y"));
  batch_.gather(items_, 0);
  EXPECT_EQ(batch_.count, kMaxBatchBuffers);
  EXPECT_EQ(batch_.items, kMaxBatchBuffers + 2);
  EXPECT_EQ(text(), std::string(kMaxBatchBuffers - 1, 'x') + "abcd");
}

TEST_F(WriteBatchTest, AnItemOfExactlyTheByteLimitFillsTheBatch) {
  const std::string large = test::pattern(kMaxBatchBytes);
  push(Bytes::copy_of(large));
  push(Bytes());
  push(Bytes::copy_of("x"));
  batch_.gather(items_, 0);
  EXPECT_EQ(batch_.bytes, kMaxBatchBytes);
  EXPECT_EQ(batch_.items, 1U);
  EXPECT_EQ(text() == large, true);
}

TEST_F(WriteBatchTest, TheByteLimitCutsANeighbourInItsMiddle) {
  Bytes block = Bytes::copy_of(test::pattern(kMaxBatchBytes + 10));
  push(block.split_to(kMaxBatchBytes - 5).value());
  push(block);
  batch_.gather(items_, 0);
  EXPECT_EQ(batch_.bytes, kMaxBatchBytes);
  EXPECT_EQ(batch_.items, 2U);
  EXPECT_EQ(batch_.count, 1U);
  batch_.gather(items_, 10);
  EXPECT_EQ(batch_.bytes, kMaxBatchBytes);
  EXPECT_EQ(text() == test::pattern(kMaxBatchBytes, 10), true);
}

}  // namespace
}  // namespace bytes_handoff::detail
