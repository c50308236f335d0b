#include "bytes_handoff/core/service/accept_core.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <memory>
#include <utility>

#include "bytes_handoff/core/service/accept_pause.hpp"
#include "bytes_handoff/core/service/accept_slot.hpp"

namespace bytes_handoff::detail {
namespace {

constexpr std::array kErrorsOfConnections {
  ECONNABORTED, EINTR, EAGAIN, EPROTO, ENOPROTOOPT, EOPNOTSUPP, ENETDOWN, EPERM, EHOSTUNREACH,
      ENETUNREACH,
#if defined(EHOSTDOWN)
      EHOSTDOWN,
#endif
#if defined(ENONET)
      ENONET,
#endif
};
constexpr std::array kShortages{EMFILE, ENFILE, ENOBUFS, ENOMEM, ENOSPC};
constexpr std::array kErrorsOfAcceptors{EINVAL, ENOTSOCK, EFAULT, EIO, -1};

TEST(AcceptCoreTest, PreparesThenAcceptsThenPreparesTheNext) {
  AcceptCore core;
  EXPECT_EQ(core.next(), AcceptStep::kPrepare);
  EXPECT_EQ(core.after_prepare(true), AcceptStep::kAccept);
  EXPECT_EQ(core.after_accept(0), AcceptStep::kPrepare);
}

TEST(AcceptCoreTest, PausesWhereNothingCouldBePrepared) {
  AcceptCore core;
  EXPECT_EQ(core.after_prepare(false), AcceptStep::kPause);
  EXPECT_EQ(core.after_pause(0), AcceptStep::kPrepare);
}

TEST(AcceptCoreTest, GoesOnAtOnceBehindTheErrorOfAConnection) {
  for (const int error : kErrorsOfConnections) {
    AcceptCore core;
    EXPECT_EQ(core.after_accept(error), AcceptStep::kPrepare) << error;
    EXPECT_FALSE(core.has_failed()) << error;
  }
}

TEST(AcceptCoreTest, PausesBehindManyErrorsOfConnectionsUntilOneComes) {
  AcceptCore core;
  for (int times = 0; times < 2; ++times) {
    for (unsigned i = 0; i < AcceptCore::kMostAtOnce; ++i) {
      EXPECT_EQ(core.after_accept(ECONNABORTED), AcceptStep::kPrepare);
    }
    for (int more = 0; more < 3; ++more) {
      EXPECT_EQ(core.after_accept(EPROTO), AcceptStep::kPause);
      EXPECT_EQ(core.after_pause(0), AcceptStep::kPrepare);
    }
    EXPECT_EQ(core.after_accept(0), AcceptStep::kPrepare);
  }
}

TEST(AcceptCoreTest, PausesBehindEachShortageAndNeverEndsForIt) {
  for (const int error : kShortages) {
    AcceptCore core;
    for (int times = 0; times < 1000; ++times) {
      EXPECT_EQ(core.after_accept(error), AcceptStep::kPause) << error;
      EXPECT_EQ(core.after_pause(0), AcceptStep::kPrepare) << error;
    }
    EXPECT_FALSE(core.has_failed()) << error;
  }
}

TEST(AcceptCoreTest, EndsWithTheErrorOfTheAcceptor) {
  for (const int error : kErrorsOfAcceptors) {
    AcceptCore core;
    EXPECT_EQ(core.after_accept(error), AcceptStep::kDone) << error;
    EXPECT_TRUE(core.has_failed()) << error;
    EXPECT_EQ(core.next(), AcceptStep::kDone) << error;
  }
}

TEST(AcceptCoreTest, EndsAsCancelledIfTheAcceptIsTakenBack) {
  AcceptCore core;
  EXPECT_EQ(core.after_accept(ECANCELED), AcceptStep::kDone);
  EXPECT_FALSE(core.has_failed());
  EXPECT_EQ(core.next(), AcceptStep::kDone);
}

TEST(AcceptCoreTest, TellsAnAcceptorThatWasNeverOpenFromOneThatWasClosed) {
  AcceptCore never_open;
  EXPECT_EQ(never_open.after_accept(EBADF), AcceptStep::kDone);
  EXPECT_TRUE(never_open.has_failed());
  for (const int before : {0, ECONNABORTED, EMFILE}) {
    AcceptCore closed;
    static_cast<void>(closed.after_accept(before));
    EXPECT_EQ(closed.after_accept(EBADF), AcceptStep::kDone);
    EXPECT_FALSE(closed.has_failed()) << before;
  }
}

TEST(AcceptCoreTest, EndsBehindAPauseInWhichTheAcceptorWasClosed) {
  for (const int error : {ECANCELED, EBADF}) {
    AcceptCore core;
    static_cast<void>(core.after_accept(EMFILE));
    EXPECT_TRUE(AcceptCore::is_end(error));
    EXPECT_EQ(core.after_pause(error), AcceptStep::kDone);
    EXPECT_FALSE(core.has_failed());
  }
}

TEST(AcceptCoreTest, GoesOnBehindAPauseWithAnyOtherError) {
  AcceptCore core;
  static_cast<void>(core.after_accept(EMFILE));
  for (const int error : {0, EOPNOTSUPP, EMFILE, EINVAL, -1}) {
    EXPECT_FALSE(AcceptCore::is_end(error));
    EXPECT_EQ(core.after_pause(error), AcceptStep::kPrepare) << error;
  }
}

TEST(AcceptCoreTest, CancelledAtAnyStepEndsBehindIt) {
  const auto cancelled = [] {
    AcceptCore core;
    core.cancel();
    return core;
  };
  EXPECT_EQ(cancelled().next(), AcceptStep::kDone);
  EXPECT_EQ(cancelled().after_prepare(true), AcceptStep::kDone);
  EXPECT_EQ(cancelled().after_prepare(false), AcceptStep::kDone);
  EXPECT_EQ(cancelled().after_accept(0), AcceptStep::kDone);
  EXPECT_EQ(cancelled().after_accept(ECONNABORTED), AcceptStep::kDone);
  EXPECT_EQ(cancelled().after_accept(EMFILE), AcceptStep::kDone);
  EXPECT_EQ(cancelled().after_pause(0), AcceptStep::kDone);
  EXPECT_FALSE(cancelled().has_failed());
}

struct CountingPaused final : PausedAccept {
  bool try_hold_for_pause() noexcept override {
    ++holds;
    return !is_over;
  }
  void end_pause() noexcept override { ++ends; }

  bool is_over = false;
  int holds = 0;
  int ends = 0;
};

TEST(AcceptPauseTest, EndsOnlyWhatPauses) {
  AcceptPause pause;
  CountingPaused accept;
  pause.end();
  ASSERT_TRUE(AcceptPauseAccess::attach(pause, accept));
  pause.end();
  EXPECT_EQ(accept.holds, 0) << "without a pause it looks at nothing";
  AcceptPauseAccess::set(pause, true);
  EXPECT_TRUE(pause.is_on());
  pause.end();
  EXPECT_EQ(accept.ends, 1);
  accept.is_over = true;
  pause.end();
  EXPECT_EQ(accept.ends, 1) << "an operation that is over cannot be held";
}

TEST(AcceptPauseTest, IsOneOperationsAtATime) {
  AcceptPause pause;
  CountingPaused accept;
  CountingPaused other;
  ASSERT_TRUE(AcceptPauseAccess::attach(pause, accept));
  EXPECT_FALSE(AcceptPauseAccess::attach(pause, other));
  AcceptPauseAccess::set(pause, true);
  AcceptPauseAccess::detach(pause);
  EXPECT_FALSE(pause.is_on());
  pause.end();
  EXPECT_EQ(accept.ends, 0);
  EXPECT_TRUE(AcceptPauseAccess::attach(pause, other));
}

TEST(AcceptPauseTest, EndsNothingWhereTheOperationHasJustGone) {
  AcceptPause pause;
  CountingPaused accept;
  ASSERT_TRUE(AcceptPauseAccess::attach(pause, accept));
  AcceptPauseAccess::detach(pause);
  AcceptPauseAccess::set(pause, true);  // as seen by a thread that looked before the end
  pause.end();
  EXPECT_EQ(accept.holds, 0);
  EXPECT_EQ(accept.ends, 0);
}

// ---- The limit of open connections.

TEST(AcceptCore, APauseForTheLimitIsToldOnceUntilAConnectionComes) {
  AcceptCore core;
  EXPECT_TRUE(core.is_to_be_told(true));
  EXPECT_FALSE(core.is_to_be_told(true));
  EXPECT_FALSE(core.is_to_be_told(true));
  EXPECT_EQ(core.after_accept(0), AcceptStep::kPrepare);
  EXPECT_TRUE(core.is_to_be_told(true));
  // Pauses for something else are told each time, and the limit behind them again.
  EXPECT_TRUE(core.is_to_be_told(false));
  EXPECT_TRUE(core.is_to_be_told(false));
  EXPECT_TRUE(core.is_to_be_told(true));
}

class AcceptSlotTest : public testing::Test {
 protected:
  [[nodiscard]] AcceptSlot slot() const { return AcceptSlotAccess::make(open); }
  const std::shared_ptr<OpenConnections> open = std::make_shared<OpenConnections>(2);
};

TEST_F(AcceptSlotTest, HoldsAPlaceUntilItIsGone) {
  AcceptSlot first = slot();
  EXPECT_TRUE(first.valid());
  EXPECT_FALSE(open->is_full());
  {
    const AcceptSlot second = slot();
    EXPECT_TRUE(open->is_full());
  }
  EXPECT_FALSE(open->is_full());
  const AcceptSlot second = slot();
  first = AcceptSlot();
  EXPECT_FALSE(first.valid());
  EXPECT_FALSE(open->is_full());
}

TEST_F(AcceptSlotTest, IsMovedWithItsPlace) {
  AcceptSlot first = slot();
  AcceptSlot second = slot();
  AcceptSlot moved = std::move(first);
  EXPECT_FALSE(first.valid());  // NOLINT: that is what is tested
  EXPECT_TRUE(open->is_full());
  moved = std::move(second);
  EXPECT_FALSE(open->is_full()) << "the place that it held is given back";
  EXPECT_TRUE(moved.valid());
}

TEST_F(AcceptSlotTest, EndsAPauseWithItsPlace) {
  CountingPaused accept;
  ASSERT_TRUE(AcceptPauseAccess::attach(open->pause(), accept));
  { const AcceptSlot between_pauses = slot(); }
  EXPECT_EQ(accept.ends, 0);
  {
    const AcceptSlot in_a_pause = slot();
    AcceptPauseAccess::set(open->pause(), true);
  }
  EXPECT_EQ(accept.ends, 1);
  AcceptPauseAccess::detach(open->pause());
  { const AcceptSlot behind_all = slot(); }
  EXPECT_EQ(accept.holds, 1);
}

TEST_F(AcceptSlotTest, NothingIsFullWithoutALimit) {
  const auto unlimited = std::make_shared<OpenConnections>(0);
  const AcceptSlot only = AcceptSlotAccess::make(unlimited);
  EXPECT_FALSE(unlimited->is_full());
}

}  // namespace
}  // namespace bytes_handoff::detail
