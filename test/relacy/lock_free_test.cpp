// The lock-free parts under weak memory orders: every schedule of a few threads, and in each of
// them every value that a load may see. It is the library's own code that runs, on Relacy's
// atomics.
#include <gtest/gtest.h>

#include <array>
#include <ostream>
#include <streambuf>
#include <string>
#include <string_view>

#include "bytes_handoff/core/memory/pool.hpp"
#include "relacy/relacy_sync.hpp"

namespace bytes_handoff::test {
namespace {

using Count = std::uint32_t;

/// A thing that its holders read, and that the last one destroys.
template <class Sync>
struct Shared {
  explicit Shared(Count count) : references(count) { data = 7; }
  void release(Count count) {
    if (references.release(count)) {
      data = 0;  // as a destructor does: nobody may be reading
    }
  }
  detail::ReferenceCount<Sync, Count> references;
  typename Sync::template Plain<int> data;
};

/// Two slices, one of which is copied once more, and the buffer that handed them out and gives back
/// the rest of its references at once.
template <class Sync, rl::test_result_e kResult = rl::test_result_success>
struct BulkReferences : rl::test_suite<BulkReferences<Sync, kResult>, 3, kResult> {
  static constexpr Count kAtOnce = 5;

  void before() { shared = new Shared<Sync>(kAtOnce); }
  void after() {
    RL_ASSERT(static_cast<const int&>(shared->data) == 0);
    delete shared;
  }
  void thread(unsigned index) {
    RL_ASSERT(static_cast<const int&>(shared->data) == 7);
    if (index == 0) {
      shared->release(kAtOnce - 2);
      return;
    }
    if (index == 1) {
      shared->references.add(1);
      shared->release(1);
    }
    shared->release(1);
  }
  Shared<Sync>* shared = nullptr;
};

/// A buffer takes its block again once nobody else holds it, while a reader gives it back.
template <class Sync, rl::test_result_e kResult = rl::test_result_success>
struct Reclaim : rl::test_suite<Reclaim<Sync, kResult>, 2, kResult> {
  void before() { shared = new Shared<Sync>(3); }
  void after() { delete shared; }
  void thread(unsigned index) {
    if (index == 1) {
      RL_ASSERT(static_cast<const int&>(shared->data) == 7);
      shared->release(1);
    } else if (shared->references.is_unique(2)) {
      shared->data = 8;  // nobody reads any more
      shared->references.reset(3);
    }
  }
  Shared<Sync>* shared = nullptr;
};

template <class Sync>
struct WatchedWaiter : detail::TicketWaiter {
  WatchedWaiter() { handler = 1; }
  void resume(const void*) noexcept override {
    handler = static_cast<const int&>(handler) + 10;
    ++resumed;
    ticket->release();
  }
  detail::TicketState<Sync>* ticket = nullptr;
  typename Sync::template Plain<int> handler;
  int resumed = 0;
};

/// The queue finishes a ticket, while its holder waits, perhaps takes the wait back, and drops it.
template <class Sync, bool kCancels, rl::test_result_e kResult = rl::test_result_success>
struct TicketRun : rl::test_suite<TicketRun<Sync, kCancels, kResult>, 2, kResult> {
  using Ticket = detail::TicketState<Sync>;
  using WaitStart = typename Ticket::WaitStart;

  void before() {
    ticket = Ticket::make();
    ticket->add_reference();  // one for who holds it, one for who waits, one for the queue
    waiter = new WatchedWaiter<Sync>;
    waiter->ticket = ticket;
  }
  void after() {
    RL_ASSERT(waiter->resumed == (started == WaitStart::kWaiting && !cancelled ? 1 : 0));
    RL_ASSERT(waiter->resumed == 0 || waiter->result.written == 7);
    delete waiter;
  }
  void thread(unsigned index) {
    if (index == 0) {
      if (detail::TicketWaiter* waiting = ticket->finish({{}, 7})) {
        waiting->resume(nullptr);
      }
      ticket->release();
    } else {
      hold();
      ticket->release(started == WaitStart::kDone || cancelled ? 2 : 1);
    }
  }
  void hold() {
    waiter->handler = 2;
    started = ticket->start_wait(*waiter);
    if (started == WaitStart::kDone) {
      RL_ASSERT(ticket->result().written == 7);
    } else if (kCancels && ticket->cancel_wait(*waiter)) {
      cancelled = true;
      waiter->handler = 3;  // it is the holder's again
    }
  }

  Ticket* ticket = nullptr;
  WatchedWaiter<Sync>* waiter = nullptr;
  WaitStart started = WaitStart::kBusy;
  bool cancelled = false;
};

/// The holder looks, without waiting, and reads what is there.
template <class Sync, rl::test_result_e kResult = rl::test_result_success>
struct TicketLook : rl::test_suite<TicketLook<Sync, kResult>, 2, kResult> {
  using Ticket = detail::TicketState<Sync>;

  void before() { ticket = Ticket::make(); }
  void thread(unsigned index) {
    if (index == 0) {
      RL_ASSERT(ticket->finish({{}, 7}) == nullptr);
    } else if (ticket->is_done()) {
      RL_ASSERT(ticket->result().written == 7);
    }
    ticket->release();
  }
  Ticket* ticket = nullptr;
};

/// Keeps the beginning of what is written. Relacy watches `operator new`: it must not be called.
class FixedText : public std::streambuf {
 public:
  FixedText() { setp(text_.data(), text_.data() + text_.size()); }
  [[nodiscard]] std::string_view view() const {
    return {pbase(), static_cast<std::size_t>(pptr() - pbase())};
  }

 protected:
  int_type overflow(int_type any) override { return traits_type::not_eof(any); }

 private:
  std::array<char, 4000> text_;
};

template <class Suite>
[[nodiscard]] bool holds() {
  // What the pool keeps for later is not to be taken for a leak: it has a slot of each size
  // already.
  for (std::size_t size = 64; size <= 4096; size *= 2) {
    const std::size_t slot = size + detail::kCacheLine;
    detail::pool_deallocate(detail::pool_allocate(slot), slot);
  }
  rl::test_params params;
  params.search_type = rl::sched_full;
  params.iteration_count = 10'000'000;  // a full search ends by itself
  FixedText text;
  std::ostream output(&text);
  params.output_stream = &output;
  params.progress_stream = &output;
  const bool as_expected = rl::simulate<Suite>(params);
  testing::Test::RecordProperty("iterations", std::to_string(params.stop_iteration));
  EXPECT_TRUE(as_expected) << text.view();
  const bool is_to_hold = Suite::params::expected_result == rl::test_result_success;
  return as_expected && (!is_to_hold || params.stop_iteration > 10);
}

TEST(LockFree, ReferencesTakenInBulk) { EXPECT_TRUE(holds<BulkReferences<RelacySync>>()); }

TEST(LockFree, ABlockIsReclaimedBehindItsReaders) { EXPECT_TRUE(holds<Reclaim<RelacySync>>()); }

TEST(LockFree, ATicketThatIsWaitedFor) { EXPECT_TRUE((holds<TicketRun<RelacySync, false>>())); }

TEST(LockFree, ATicketWhoseWaitIsTakenBack) { EXPECT_TRUE((holds<TicketRun<RelacySync, true>>())); }

TEST(LockFree, ATicketThatIsLookedAt) { EXPECT_TRUE(holds<TicketLook<RelacySync>>()); }

// With the memory orders taken away, each of them is a race: they are what the tests above look at.
TEST(LockFree, WithoutMemoryOrdersItIsARace) {
  constexpr auto kRace = rl::test_result_data_race;
  EXPECT_TRUE((holds<BulkReferences<RelaxedSync, kRace>>()));
  EXPECT_TRUE((holds<Reclaim<RelaxedSync, kRace>>()));
  EXPECT_TRUE((holds<TicketRun<RelaxedSync, true, kRace>>()));
  EXPECT_TRUE((holds<TicketLook<RelaxedSync, kRace>>()));
}

}  // namespace
}  // namespace bytes_handoff::test
