#include "bytes_handoff/core/relaying/kernel_moves.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <ostream>

namespace bytes_handoff::detail {

inline std::ostream& operator<<(std::ostream& out, AfterMove after) {
  return out << static_cast<int>(after);
}

}  // namespace bytes_handoff::detail

namespace bytes_handoff::test {
namespace {

using detail::AfterMove;
using detail::KernelMoves;

constexpr std::size_t kLarge = KernelMoves::kLarge;
constexpr std::size_t kSmall = KernelMoves::kSmall;

/// What was filled leaves at once.
void move(KernelMoves& moves, std::size_t n) {
  ASSERT_TRUE(moves.is_next());
  EXPECT_EQ(moves.after_fill({n, 0}), AfterMove::kMoved);
  EXPECT_EQ(moves.held(), n);
  EXPECT_EQ(moves.after_drain({n, 0}), AfterMove::kMoved);
  EXPECT_EQ(moves.held(), 0U);
}

/// It has gone over, by large reads.
KernelMoves moving() {
  KernelMoves moves(RelayBy::kernel_if_it_pays);
  for (unsigned i = 0; i < KernelMoves::kFewReads; ++i) {
    EXPECT_FALSE(moves.is_next());
    moves.after_read(kLarge);
  }
  EXPECT_TRUE(moves.is_next());
  return moves;
}

/// How many large reads it takes to go over.
unsigned reads_until_next(KernelMoves& moves) {
  unsigned reads = 0;
  while (!moves.is_next() && reads < 10'000) {
    moves.after_read(kLarge);
    ++reads;
  }
  return reads;
}

TEST(KernelMoves, AreNeverMadeIfOneIsToCopy) {
  KernelMoves moves(RelayBy::copy);
  EXPECT_EQ(reads_until_next(moves), 10'000U);
}

TEST(KernelMoves, AreMadeFromTheStartIfTheyAreForced) {
  KernelMoves moves(RelayBy::kernel);
  for (unsigned i = 0; i < 100; ++i) {
    move(moves, 1);
  }
  EXPECT_TRUE(moves.is_next()) << "small moves have ended it";
}

TEST(KernelMoves, BeginBehindLargeReads) {
  KernelMoves moves(RelayBy::kernel_if_it_pays);
  moves.after_read(kLarge - 1);
  EXPECT_FALSE(moves.is_next());
  moves.after_read(kLarge);
  EXPECT_EQ(moves.is_next(), KernelMoves::kFewReads == 1);
}

TEST(KernelMoves, EndBehindSmallOnesInARow) {
  KernelMoves moves = moving();
  for (unsigned i = 1; i < KernelMoves::kSmallMoves; ++i) {
    move(moves, kSmall - 1);
  }
  move(moves, kSmall);
  for (unsigned i = 0; i < KernelMoves::kSmallMoves; ++i) {
    move(moves, kSmall - 1);
  }
  EXPECT_FALSE(moves.is_next());
}

TEST(KernelMoves, BeginLaterEachTimeThatTheyHaveNotPaid) {
  KernelMoves moves = moving();
  unsigned last = KernelMoves::kFewReads;
  for (unsigned round = 0; round < 20; ++round) {
    for (unsigned i = 0; i < KernelMoves::kSmallMoves; ++i) {
      move(moves, 1);
    }
    const unsigned reads = reads_until_next(moves);
    EXPECT_EQ(reads, std::min(2 * last, KernelMoves::kManyReads));
    last = reads;
  }
  EXPECT_EQ(last, KernelMoves::kManyReads);

  for (unsigned i = 0; i < KernelMoves::kMovesThatPay; ++i) {
    move(moves, kSmall);
  }
  for (unsigned i = 0; i < KernelMoves::kSmallMoves; ++i) {
    move(moves, 1);
  }
  EXPECT_EQ(reads_until_next(moves), KernelMoves::kFewReads) << "a stay that has paid";
}

TEST(KernelMoves, ASmallReadStartsTheRowAnew) {
  KernelMoves moves = moving();
  for (unsigned i = 0; i < KernelMoves::kSmallMoves; ++i) {
    move(moves, 1);
  }
  moves.after_read(kLarge);
  moves.after_read(kLarge - 1);
  EXPECT_EQ(reads_until_next(moves), 2 * KernelMoves::kFewReads);
}

TEST(KernelMoves, WaitForTheSideThatWouldBlock) {
  KernelMoves moves = moving();
  EXPECT_EQ(moves.after_fill({0, EAGAIN}), AfterMove::kWait);
  EXPECT_TRUE(moves.is_next());
  EXPECT_EQ(moves.after_fill({1000, 0}), AfterMove::kMoved);
  EXPECT_EQ(moves.after_drain({0, EAGAIN}), AfterMove::kWait);
  EXPECT_EQ(moves.held(), 1000U);
  EXPECT_EQ(moves.after_drain({400, 0}), AfterMove::kMoved);
  EXPECT_EQ(moves.held(), 600U);
  EXPECT_EQ(moves.after_drain({600, 0}), AfterMove::kMoved);
  EXPECT_EQ(moves.held(), 0U);
}

TEST(KernelMoves, DoNotSpinIfASideIsReadyForSomethingElse) {
  KernelMoves moves(RelayBy::kernel);
  for (unsigned i = 0; i < detail::MoveErrors::kVainWaits; ++i) {
    EXPECT_EQ(moves.after_fill({0, EAGAIN}), AfterMove::kWait);
  }
  EXPECT_EQ(moves.after_fill({0, EAGAIN}), AfterMove::kCopy);
  EXPECT_EQ(reads_until_next(moves), 10'000U);

  KernelMoves draining(RelayBy::kernel);
  EXPECT_EQ(draining.after_fill({10, 0}), AfterMove::kMoved);
  for (unsigned i = 0; i < detail::MoveErrors::kVainWaits; ++i) {
    EXPECT_EQ(draining.after_drain({0, EAGAIN}), AfterMove::kWait);
  }
  EXPECT_EQ(draining.after_drain({0, EAGAIN}), AfterMove::kCopy);
  EXPECT_EQ(draining.held(), 10U);
}

TEST(KernelMoves, AWaitThatWasNotInVainCountsForNothing) {
  KernelMoves moves(RelayBy::kernel);
  for (unsigned i = 0; i < 10 * detail::MoveErrors::kVainWaits; ++i) {
    ASSERT_EQ(moves.after_fill({0, EAGAIN}), AfterMove::kWait);
    ASSERT_EQ(moves.after_fill({1, 0}), AfterMove::kMoved);
    ASSERT_EQ(moves.after_drain({0, EAGAIN}), AfterMove::kWait);
    ASSERT_EQ(moves.after_drain({1, 0}), AfterMove::kMoved);
  }
}

TEST(KernelMoves, AreNotTriedAgainWhenTheSystemHasRefused) {
  for (const int error : {EINVAL, ENOSYS, EPERM, ENOMEM}) {
    KernelMoves first(RelayBy::kernel);
    EXPECT_EQ(first.after_fill({0, error}), AfterMove::kCopy);
    EXPECT_EQ(reads_until_next(first), 10'000U);

    KernelMoves later = moving();
    move(later, 1000);
    EXPECT_EQ(later.after_fill({1000, 0}), AfterMove::kMoved);
    EXPECT_EQ(later.after_drain({1, 0}), AfterMove::kMoved);
    EXPECT_EQ(later.after_drain({0, error}), AfterMove::kCopy);
    EXPECT_EQ(later.held(), 999U) << "it is lost";
    later.after_take_back();
    EXPECT_EQ(later.held(), 0U);
    EXPECT_EQ(reads_until_next(later), 10'000U);
  }
}

TEST(KernelMoves, ASocketsErrorIsTheSides) {
  for (const int error : {ECONNRESET, EPIPE, ETIMEDOUT, ENOTCONN}) {
    KernelMoves moves(RelayBy::kernel);
    EXPECT_EQ(moves.after_fill({0, error}), AfterMove::kFailed);
    EXPECT_EQ(moves.after_fill({10, 0}), AfterMove::kMoved);
    EXPECT_EQ(moves.after_drain({0, error}), AfterMove::kFailed);
    EXPECT_EQ(moves.held(), 10U);
  }
}

TEST(KernelMoves, AreTriedAgainBehindManyReadsIfThereWasNoPipe) {
  for (const RelayBy by : {RelayBy::kernel, RelayBy::kernel_if_it_pays}) {
    KernelMoves moves(by);
    static_cast<void>(reads_until_next(moves));
    moves.after_no_pipe();
    EXPECT_EQ(reads_until_next(moves), KernelMoves::kManyReads);
  }
}

TEST(KernelMoves, LeaveTheEndToARead) {
  for (const RelayBy by : {RelayBy::kernel, RelayBy::kernel_if_it_pays}) {
    KernelMoves moves(by);
    static_cast<void>(reads_until_next(moves));
    EXPECT_EQ(moves.after_fill({0, 0}), AfterMove::kCopy);
    EXPECT_FALSE(moves.is_next());
    moves.after_read(kLarge);  // it was none
    EXPECT_TRUE(moves.is_next());
  }
}

TEST(KernelMoves, BringNoMoreThanTheBufferHasRoomFor) {
  EXPECT_EQ(KernelMoves::most(10), 10U);
  EXPECT_EQ(KernelMoves::most(std::size_t{1} << 40), detail::kMostMoved);
}

TEST(KernelMoves, ThatTookNothingLeaveThePipeAsItIs) {
  KernelMoves moves = moving();
  ASSERT_EQ(moves.after_fill({kLarge, 0}), AfterMove::kMoved);
  EXPECT_EQ(moves.after_drain({0, EAGAIN}), AfterMove::kWait);
  EXPECT_EQ(moves.after_drain({0, 0}), AfterMove::kMoved);
  EXPECT_EQ(moves.held(), kLarge);
  for (unsigned waits = 2; waits <= detail::MoveErrors::kVainWaits; ++waits) {
    EXPECT_EQ(moves.after_drain({0, EAGAIN}), AfterMove::kWait) << waits;
  }
  EXPECT_EQ(moves.after_drain({0, EAGAIN}), AfterMove::kCopy) << "nothing was no progress";
}

TEST(KernelMoves, StayOverHoweverTheLastOneEnds) {
  KernelMoves moves = moving();
  ASSERT_EQ(moves.after_fill({kLarge, 0}), AfterMove::kMoved);
  ASSERT_EQ(moves.after_drain({0, EINVAL}), AfterMove::kCopy);
  EXPECT_EQ(moves.after_drain({0, EAGAIN}), AfterMove::kWait);
  moves.after_take_back();
  EXPECT_EQ(reads_until_next(moves), 10'000U);
}

}  // namespace
}  // namespace bytes_handoff::test
