#include "bytes_handoff/core/kernel/piped_piece.hpp"

#if BYTES_HANDOFF_HAS_SPLICE

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "bytes_handoff/core/queue/departure.hpp"
#include "bytes_handoff/core/queue/unwritten.hpp"
#include "bytes_handoff/memory.hpp"
#include "bytes_handoff/statistics.hpp"
#include "support/pattern.hpp"
#include "support/relaying/kernel_sockets.hpp"

namespace bytes_handoff::test {
namespace {

using detail::BytesAccess;
using detail::KernelMove;
using detail::MoveTurn;
using detail::Owner;
using detail::PipedPiece;
using detail::UnwrittenItems;
using detail::WriteBatch;
using detail::WriteItem;
using detail::WriteItems;

constexpr std::size_t kMost = 64 * 1024;

class PipedPieceTest : public testing::Test {
 protected:
  PipedPieceTest() { pool_trim(); }

  // A slice whose bytes are in a pipe.
  Bytes piece_of(const std::string& text) {
    send_text(input.ends[0], text);
    PipedPiece* const piece = PipedPiece::make();
    EXPECT_TRUE(piece->open());
    EXPECT_EQ(piece->fill(input.ends[1], kMost).n, text.size());
    return BytesAccess::adopt(nullptr, text.size(), piece);
  }
  static PipedPiece& piece(const Bytes& bytes) {
    return *PipedPiece::of(BytesAccess::owner(bytes));
  }
  // What the output takes.
  std::size_t drain(Bytes& bytes) {
    MoveTurn turn;
    return piece(bytes).drain(output.ends[0], turn).n;
  }
  // As an output that takes 1,000 bytes.
  std::size_t drain_part(Bytes& bytes) {
    constexpr static detail::KernelCalls kOfPart{[](int from, int to, std::size_t /*n*/) noexcept {
                                                   return detail::system_calls.splice(from, to,
                                                                                      1000);
                                                 },
                                                 [](int(&)[2]) noexcept { return -1; }};
    detail::kernel_calls = &kOfPart;
    const std::size_t moved = drain(bytes);
    detail::kernel_calls = &detail::system_calls;
    EXPECT_EQ(moved, 1000U);
    return moved;
  }
  static std::size_t pipes_in_use() {
    return relay_statistics().pipes - relay_statistics().idle_pipes;
  }

  Sockets input;
  Sockets output;
};

TEST_F(PipedPieceTest, IsMovedOnAndGivesItsPipeBack) {
  Bytes bytes = piece_of("abcdef");
  EXPECT_EQ(pipes_in_use(), 1U);
  EXPECT_EQ(drain(bytes), 6U);
  EXPECT_EQ(read_text(output.ends[1]), "abcdef");
  bytes = Bytes();
  EXPECT_EQ(pipes_in_use(), 0U);
  EXPECT_EQ(relay_statistics().idle_pipes, 1U);
}

TEST_F(PipedPieceTest, ThatIsDroppedLeavesNothingInAPipeOfThePool) {
  piece_of("abcdef") = Bytes();
  EXPECT_EQ(relay_statistics().pipes, 0U);
  Bytes next = piece_of("xyz");
  EXPECT_EQ(drain(next), 3U);
  EXPECT_EQ(read_text(output.ends[1]), "xyz");
}

TEST_F(PipedPieceTest, CanBeTakenBackAsFarAsItIsThere) {
  const std::string text = pattern(60'000);
  Bytes bytes = piece_of(text);
  const std::size_t gone = drain_part(bytes);
  ASSERT_TRUE(piece(bytes).take_back());
  EXPECT_EQ(pipes_in_use(), 0U);
  EXPECT_TRUE(piece(bytes).memory().view() == text.substr(gone));
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(piece(bytes).last_bytes(5)), 5),
            text.substr(text.size() - 5));
  EXPECT_TRUE(piece(bytes).rest_of(5).view() == text.substr(text.size() - 5));
}

TEST_F(PipedPieceTest, GoesAloneIntoAWrite) {
  WriteItems items;
  items.reserve(3);
  Bytes bytes[] = {Bytes::copy_of("ab"), piece_of("cdefg"), Bytes::copy_of("hi")};
  Owner* const owner = BytesAccess::owner(bytes[1]);
  for (Bytes& slice : bytes) {
    items.push_back(WriteItem::take(slice));
  }
  WriteBatch batch;
  batch.gather(items, 0);
  EXPECT_EQ(batch.bytes, 2U);
  EXPECT_EQ(batch.items, 1U);
  EXPECT_EQ(batch.piped, nullptr);
  std::exchange(items.front().owner, nullptr)->release(1);
  items.pop_front();
  batch.gather(items, 2);
  EXPECT_EQ(batch.bytes, 3U);
  EXPECT_EQ(batch.items, 1U);
  EXPECT_EQ(batch.count, 0U);
  EXPECT_EQ(batch.piped, owner);
  items.front().owner->release(1);
  items.pop_front();
  batch.gather(items, 0);
  EXPECT_EQ(batch.bytes, 2U);
  EXPECT_EQ(batch.piped, nullptr);
  items.front().owner->release(1);
}

TEST_F(PipedPieceTest, ThatIsUnwrittenIsCopiedOutAsFarAsItIsThere) {
  const std::string text = pattern(60'000);
  Bytes first = piece_of(text);
  std::size_t written = drain_part(first);
  Bytes second = piece_of("second");
  Bytes third = Bytes::copy_of("third");
  WriteItems items;
  items.reserve(3);
  for (Bytes* slice : {&first, &second, &third}) {
    items.push_back(WriteItem::take(*slice));
  }
  const std::string rest = text.substr(written);
  UnwrittenItems unwritten;
  unwritten.swap(items, written);
  const UnwrittenEntries entries = unwritten.take();
  ASSERT_EQ(entries.entries.size(), 3U);
  EXPECT_EQ(entries.first_written, 0U);
  EXPECT_TRUE(entries.entries[0].view() == rest);
  EXPECT_EQ(entries.entries[1].view(), "second");
  EXPECT_EQ(entries.entries[2].view(), "third");
  EXPECT_EQ(pipes_in_use(), 0U);
}

TEST_F(PipedPieceTest, BehindAnItemThatIsPartlyWrittenThatCountStays) {
  Bytes first = Bytes::copy_of("first");
  Bytes second = piece_of("second");
  WriteItems items;
  items.reserve(2);
  items.push_back(WriteItem::take(first));
  items.push_back(WriteItem::take(second));
  std::size_t written = 2;
  UnwrittenItems unwritten;
  unwritten.swap(items, written);
  const UnwrittenEntries entries = unwritten.take();
  EXPECT_EQ(entries.first_written, 2U);
  EXPECT_EQ(entries.entries[0].view(), "first");
  EXPECT_EQ(entries.entries[1].view(), "second");
}

TEST_F(PipedPieceTest, IsInMemoryOnceItIsTakenBack) {
  const Bytes bytes = piece_of("abc");
  EXPECT_FALSE(piece(bytes).is_in_memory());
  ASSERT_TRUE(piece(bytes).take_back());
  EXPECT_TRUE(piece(bytes).is_in_memory());
}

TEST_F(PipedPieceTest, IsToldFromOwnersOfAnotherKind) {
  EXPECT_EQ(PipedPiece::of(nullptr), nullptr);
  const Bytes copy = Bytes::copy_of(pattern(100));
  EXPECT_EQ(PipedPiece::of(BytesAccess::owner(copy)), nullptr);
}

TEST_F(PipedPieceTest, WhosePipeHasLessThanItShouldCannotBeTakenBack) {
  static constexpr detail::KernelCalls kBoasting{
      [](int, int, std::size_t) noexcept -> ssize_t { return 5; }, nullptr};
  PipedPiece* const piece = PipedPiece::make();
  const Bytes bytes = BytesAccess::adopt(nullptr, 5, piece);
  ASSERT_TRUE(piece->open());
  detail::kernel_calls = &kBoasting;
  EXPECT_EQ(piece->fill(input.ends[1], kMost).n, 5U);
  detail::kernel_calls = &detail::system_calls;
  EXPECT_FALSE(piece->take_back());
  EXPECT_FALSE(piece->is_in_memory());
  EXPECT_THROW(static_cast<void>(piece->rest_of(5)), std::bad_alloc);
}

}  // namespace
}  // namespace bytes_handoff::test

#endif
