// Pipes of the kernel that a budget is charged for.

#include "bytes_handoff/core/kernel/piped_piece.hpp"

#if BYTES_HANDOFF_HAS_SPLICE

#include <gtest/gtest.h>

#include <memory_resource>
#include <string>
#include <utility>

#include "bytes_handoff/core/budget/budget_state.hpp"
#include "bytes_handoff/core/queue/unwritten.hpp"
#include "bytes_handoff/memory.hpp"
#include "bytes_handoff/statistics.hpp"
#include "support/pattern.hpp"
#include "support/relaying/kernel_sockets.hpp"

namespace bytes_handoff::test {
namespace {

using detail::KernelPipe;
using detail::PipedPiece;

class PaidPipe : public testing::Test {
 protected:
  PaidPipe() { pool_trim(); }

  [[nodiscard]] std::size_t charged() const { return budget.statistics().charged_bytes; }
  [[nodiscard]] bool is_paid(detail::Owner* owner) const {
    return detail::is_paid_from(owner, &detail::BudgetAccess::state(budget)->pot());
  }
  PipedPiece* piece_of(const std::string& text) {
    send_text(input.ends[0], text);
    PipedPiece* const piece = PipedPiece::make();
    EXPECT_TRUE(piece->open(account.get()));
    EXPECT_EQ(piece->fill(input.ends[1], detail::kMostMoved).n, text.size());
    return piece;
  }

  MemoryBudget budget{{.limit = KernelPipe::kCost, .high_mark = KernelPipe::kCost, .floor = 0}};
  detail::AccountPointer account = detail::MemberAccount::make(budget);
  Sockets input;
  Sockets output;
};

TEST_F(PaidPipe, IsChargedFromWhenItIsTakenUntilItIsGivenBackOrClosed) {
  KernelPipe pipe;
  ASSERT_TRUE(pipe.open(account.get()));
  ASSERT_TRUE(pipe.open(account.get()));
  EXPECT_EQ(charged(), KernelPipe::kCost);
  pipe.give_back();
  EXPECT_EQ(charged(), 0U);
  pipe.give_back();
  ASSERT_TRUE(pipe.open(account.get()));
  pipe.close();
  EXPECT_EQ(charged(), 0U);
  {
    KernelPipe another;
    ASSERT_TRUE(another.open(account.get()));
    EXPECT_EQ(charged(), KernelPipe::kCost);
  }
  EXPECT_EQ(charged(), 0U);
  ASSERT_TRUE(pipe.open());
  EXPECT_EQ(charged(), 0U);  // nobody pays
}

TEST_F(PaidPipe, IsRefusedWithoutMemory) {
  KernelPipe first;
  ASSERT_TRUE(first.open(account.get()));
  const auto refused = relay_statistics().refused_pipes;
  KernelPipe second;
  EXPECT_FALSE(second.open(account.get()));
  EXPECT_FALSE(second.is_open());
  EXPECT_EQ(relay_statistics().refused_pipes, refused);  // the pool was not asked
  first.give_back();
  EXPECT_TRUE(second.open(account.get()));
}

TEST_F(PaidPipe, OneThatThePoolRefusesIsNotCharged) {
  static constexpr detail::KernelCalls kNone{nullptr, [](int(&)[2]) noexcept { return -1; }};
  detail::kernel_calls = &kNone;
  KernelPipe pipe;
  EXPECT_FALSE(pipe.open(account.get()));
  detail::kernel_calls = &detail::system_calls;
  EXPECT_EQ(charged(), 0U);
}

TEST_F(PaidPipe, APieceIsPaidUntilNobodyHasIt) {
  PipedPiece* const piece = piece_of("abcdef");
  EXPECT_TRUE(is_paid(piece));
  detail::MoveTurn turn;
  EXPECT_EQ(piece->drain(output.ends[0], turn).n, 6U);
  EXPECT_TRUE(is_paid(piece));  // as when it was admitted
  EXPECT_EQ(charged(), KernelPipe::kCost);
  piece->release(1);
  EXPECT_EQ(charged(), 0U);
}

TEST_F(PaidPipe, WhatIsCopiedOutIsPaidWithThePipe) {
  const std::string text = pattern(1000);
  PipedPiece* const piece = piece_of(text);
  EXPECT_EQ(budget.statistics().charged_bytes, budget.statistics().limit_bytes);
  ASSERT_TRUE(piece->take_back());
  EXPECT_TRUE(is_paid(piece));
  EXPECT_TRUE(is_paid(detail::BytesAccess::owner(piece->memory())));
  EXPECT_EQ(charged(), detail::Block::cost(1024, nullptr));
  Bytes copy = piece->memory();
  piece->release(1);
  EXPECT_TRUE(copy.view() == text);
  EXPECT_EQ(charged(), detail::Block::cost(1024, nullptr));
  copy.clear();
  EXPECT_EQ(charged(), 0U);
}

TEST_F(PaidPipe, ACopyToABlockOfAnotherSourceIsPaidAsOne) {
  const std::string text = pattern(1000);
  send_text(input.ends[0], text);
  std::pmr::unsynchronized_pool_resource source;
  KernelPipe pipe;
  ASSERT_TRUE(pipe.open(account.get()));
  ASSERT_EQ(pipe.fill(input.ends[1], detail::kMostMoved).n, text.size());
  BytesMut copy = pipe.copy_out(text.size(), &source);
  EXPECT_FALSE(pipe.is_open());
  EXPECT_TRUE(copy.view() == text);
  EXPECT_EQ(charged(), detail::Block::cost(1024, &source));
  copy = BytesMut();
  EXPECT_EQ(charged(), 0U);
}

TEST_F(PaidPipe, AnotherBudgetHasNotPaid) {
  const MemoryBudget other({.limit = 1000, .floor = 0});
  PipedPiece* const piece = piece_of("abc");
  EXPECT_FALSE(detail::is_paid_from(piece, &detail::BudgetAccess::state(other)->pot()));
  ASSERT_TRUE(piece->take_back());
  EXPECT_FALSE(detail::is_paid_from(piece, &detail::BudgetAccess::state(other)->pot()));
  piece->release(1);
  PipedPiece* const unpaid = PipedPiece::make();
  ASSERT_TRUE(unpaid->open());
  EXPECT_FALSE(is_paid(unpaid));
  unpaid->release(1);
}

TEST_F(PaidPipe, OutlivesTheMember) {
  PipedPiece* const piece = piece_of("abc");
  account = {};
  budget = {};
  piece->release(1);
}

}  // namespace
}  // namespace bytes_handoff::test

#endif
