// Room that is set aside at once, and what a permit may do with it. Reservations that wait are in
// async_reserve_test.cpp.
#include "bytes_handoff/write_permit.hpp"

#include <array>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>

#include "bytes_handoff/write_handoff.hpp"
#include "support/queue/writer_fixture.hpp"

namespace bytes_handoff::test {
namespace {

using Reason = WriteRefusalReason;

static_assert(!std::is_copy_constructible_v<WritePermit> && !std::is_copy_assignable_v<WritePermit>,
              "two would give the same room back");
static_assert(std::is_nothrow_move_constructible_v<WritePermit> &&
              std::is_nothrow_move_assignable_v<WritePermit>);

/// A queue with room for ten bytes in four items, in front of a stream that takes nothing by
/// itself.
class WritePermits : public WriterFixture {
 protected:
  [[nodiscard]] WritePermit reserve(std::size_t bytes, std::size_t items = 1) {
    return out.try_reserve(bytes, items).value();
  }
  void expect_reserved(std::size_t bytes, std::size_t items) {
    EXPECT_EQ(out.statistics().reserved_bytes, bytes);
    EXPECT_EQ(out.statistics().reserved_items, items);
  }
  /// Commits what must be refused, and stays with the caller.
  [[nodiscard]] static WriteRefusal refusal_of(WritePermit& permit, std::string_view from) {
    Bytes bytes = text(from);
    const std::byte* const data = bytes.data();
    const auto written = permit.commit(bytes);
    EXPECT_FALSE(written.has_value());
    EXPECT_EQ(bytes.data(), data);
    EXPECT_EQ(bytes.view(), from);
    return written ? WriteRefusal() : written.error();
  }
  [[nodiscard]] static std::optional<WriteTicket> commit(WritePermit& permit,
                                                         std::string_view from) {
    Bytes bytes = text(from);
    auto written = permit.commit(bytes);
    EXPECT_EQ(bytes.empty(), written.has_value());
    return written ? std::optional(std::move(*written)) : std::nullopt;
  }
  template <class Function>
  void on_the_executor(Function function) {
    bool has_run = false;
    net::post(*context, [&] {
      function();
      has_run = true;
    });
    ASSERT_TRUE(run_until(*context, [&] { return has_run; }));
  }

  WriteHandoff out = spawn_held(limits(4, 10));
};

TEST_F(WritePermits, count_against_the_limits_and_are_told_apart) {
  const WritePermit permit = reserve(6, 2);
  EXPECT_TRUE(permit.valid());
  EXPECT_EQ(permit.bytes(), 6U);
  EXPECT_EQ(permit.items(), 2U);
  expect_reserved(6, 2);
  EXPECT_EQ(out.pending_bytes(), 0U);
  EXPECT_EQ(out.pending_items(), 0U);
  EXPECT_EQ(out.statistics().high_water_bytes, 0U);
  const auto refused = try_send(out, "12345");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().reason, Reason::byte_budget_exceeded);
  EXPECT_EQ(refused.error().attempted, 11U);
  EXPECT_EQ(refused.error().limit, 10U);
  EXPECT_TRUE(try_send(out, "1234"));
  run_ready(*context);
  EXPECT_EQ(script->sizes, std::vector<std::size_t>{4});
}

TEST_F(WritePermits, are_refused_as_a_write_of_their_size_is) {
  const auto refusal = [&](std::size_t bytes, std::size_t items = 1) {
    const auto permit = out.try_reserve(bytes, items);
    EXPECT_FALSE(permit.has_value());
    return permit ? WriteRefusal() : permit.error();
  };
  EXPECT_EQ(refusal(11).reason, Reason::can_never_fit);
  EXPECT_EQ(refusal(1, 5).reason, Reason::can_never_fit);
  EXPECT_TRUE(refusal(1, 5).counts_items);
  ASSERT_TRUE(try_send(out, "123456"));
  EXPECT_EQ(refusal(5).reason, Reason::byte_budget_exceeded);
  EXPECT_EQ(refusal(5).attempted, 11U);
  EXPECT_EQ(refusal(0, 4).reason, Reason::queue_full);
  WriteOutcome waiting;
  out.async_write(waiting.from("12345"), waiting.handler());
  EXPECT_EQ(refusal(1).reason, Reason::byte_budget_exceeded) << "it barged";
  EXPECT_EQ(refusal(1).attempted, 11U) << "what holds up the first in line";
  out.abort();
  EXPECT_EQ(refusal(11).reason, Reason::closed);
  EXPECT_EQ(refusal(11).first_error, Errc::aborted);
  EXPECT_EQ(out.statistics().refused(Reason::can_never_fit), 3U);
  expect_reserved(0, 0);
}

TEST_F(WritePermits, of_no_items_hold_one) {
  WritePermit permit = reserve(0, 0);
  EXPECT_TRUE(permit.valid());
  EXPECT_EQ(permit.items(), 1U);
  expect_reserved(0, 1);
  std::span<Bytes> none;
  EXPECT_TRUE(permit.commit(none).has_value());
  EXPECT_EQ(out.pending_items(), 1U);
}

TEST_F(WritePermits, are_committed_however_full_the_queue_is_and_in_the_order_of_commits) {
  WritePermit first = reserve(3);
  WritePermit second = reserve(3);
  ASSERT_TRUE(try_send(out, "abcd"));
  EXPECT_FALSE(try_send(out, "x"));
  auto ticket = commit(second, "222");
  ASSERT_TRUE(ticket.has_value());
  EXPECT_FALSE(second.valid());
  EXPECT_EQ(second.bytes(), 0U);
  EXPECT_EQ(second.items(), 0U);
  ASSERT_TRUE(commit(first, "111"));
  EXPECT_EQ(out.pending_bytes(), 10U);
  EXPECT_EQ(out.pending_items(), 3U);
  EXPECT_EQ(out.statistics().admitted_items, 3U);
  expect_reserved(0, 0);
  CountOutcome told;
  ticket->async_wait(told.handler());
  run_ready(*context);
  stream_takes(10);
  EXPECT_EQ(script->written, "abcd222111");
  told.expect({}, 3);
}

TEST_F(WritePermits, commit_several_slices_as_one_write) {
  WritePermit permit = reserve(6, 3);
  std::array slices{text("12"), text(""), text("34")};
  auto ticket = permit.commit(slices);
  ASSERT_TRUE(ticket.has_value());
  EXPECT_TRUE(slices[0].empty() && slices[2].empty());
  ASSERT_TRUE(try_send(out, "5"));
  run_ready(*context);
  stream_takes(3);
  EXPECT_FALSE(ticket->is_done());
  stream_takes(2);
  EXPECT_TRUE(ticket->is_done());
  EXPECT_EQ(script->written, "12345");
}

TEST_F(WritePermits, commit_slices_to_the_stream_at_once_and_a_single_slice_behind_the_handler) {
  auto free = spawn();
  script->hold_from = kNever;
  WritePermit single = free.try_reserve(3).value();
  WritePermit several = free.try_reserve(3).value();
  on_the_executor([&] {
    EXPECT_TRUE(commit(single, "one"));
    EXPECT_EQ(script->calls, 0U);
  });
  run_ready(*context);
  EXPECT_EQ(script->written, "one");
  on_the_executor([&] {
    std::array slices{text("two")};
    EXPECT_TRUE(several.commit(slices).has_value());
    EXPECT_EQ(script->written, "onetwo");
  });
}

TEST_F(WritePermits, commit_no_more_than_was_reserved_and_keep_their_room_when_refused) {
  WritePermit permit = reserve(3, 2);
  const WriteRefusal large = refusal_of(permit, "1234");
  EXPECT_EQ(large.reason, Reason::exceeds_permit);
  EXPECT_EQ(large.message(), "write refused: it has 4 bytes, its permit's limit is 3");
  std::array many{text("1"), text("2"), text("3")};
  const auto refused = permit.commit(many);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().reason, Reason::exceeds_permit);
  EXPECT_TRUE(refused.error().counts_items);
  EXPECT_EQ(refused.error().message(), "write refused: it has 3 slices, its permit's limit is 2");
  EXPECT_EQ(many[2].view(), "3");
  EXPECT_TRUE(permit.valid());
  expect_reserved(3, 2);
  EXPECT_EQ(out.statistics().refused(Reason::exceeds_permit), 2U);
  EXPECT_TRUE(commit(permit, "123"));
}

TEST_F(WritePermits, give_what_a_commit_does_not_need_to_who_waits) {
  WritePermit permit = reserve(10, 4);
  WriteOutcome waiting;
  out.async_write(waiting.from("1234567"), waiting.handler());
  EXPECT_TRUE(commit(permit, "abc"));
  EXPECT_FALSE(waiting.has_come()) << "called from inside of the commit";
  run_ready(*context);
  EXPECT_TRUE(waiting.was_admitted());
  EXPECT_EQ(out.pending_bytes(), 10U);
  expect_reserved(0, 0);
}

TEST_F(WritePermits, that_are_dropped_give_all_to_who_waits) {
  WriteOutcome waiting;
  {
    const WritePermit permit = reserve(10);
    out.async_write(waiting.from("1234567890"), waiting.handler());
    run_ready(*context);
    EXPECT_FALSE(waiting.has_come());
  }
  EXPECT_FALSE(waiting.has_come()) << "called from inside of the destructor";
  expect_reserved(0, 0);
  run_ready(*context);
  EXPECT_TRUE(waiting.was_admitted());
  stream_takes(10);
  EXPECT_EQ(script->written, "1234567890");
}

TEST_F(WritePermits, that_are_moved_hold_their_room_once) {
  WritePermit first = reserve(10, 4);
  {
    WritePermit second = std::move(first);
    EXPECT_FALSE(first.valid());  // NOLINT(bugprone-use-after-move)
    EXPECT_EQ(first.bytes(), 0U);
    EXPECT_EQ(second.bytes(), 10U);
    expect_reserved(10, 4);
    first = WritePermit();
    expect_reserved(10, 4);
  }
  expect_reserved(0, 0);
  ASSERT_TRUE(try_send(out, "1234567890"));
  first = WritePermit();
  EXPECT_FALSE(try_send(out, "1")) << "room was given back twice";
}

TEST_F(WritePermits, that_are_assigned_over_give_back_what_they_held) {
  auto other_script = std::make_shared<StreamScript>();
  WriteHandoff other(IoStream(context->get_executor(), other_script), limits(2, 5));
  WritePermit permit = reserve(10);
  permit = other.try_reserve(5).value();
  expect_reserved(0, 0);
  EXPECT_EQ(other.statistics().reserved_bytes, 5U);
  EXPECT_TRUE(commit(permit, "12345"));
  EXPECT_EQ(other.pending_bytes(), 5U);
  permit = reserve(4);
  permit = WritePermit();
  EXPECT_FALSE(permit.valid());
  expect_reserved(0, 0);
}

TEST_F(WritePermits, that_hold_nothing_are_not_valid) {
  WritePermit none;
  EXPECT_FALSE(none.valid());
  EXPECT_EQ(none.bytes(), 0U);
  EXPECT_EQ(none.items(), 0U);
  WritePermit moved = std::move(none);
  EXPECT_FALSE(moved.valid());
}

#if BYTES_HANDOFF_CHECKS
using WritePermitDeath = WritePermits;

TEST_F(WritePermitDeath, a_commit_of_a_permit_that_is_not_valid_says_so) {
  Bytes bytes = text("a");
  WritePermit none;
  EXPECT_DEATH(static_cast<void>(none.commit(bytes)), "WritePermit that is not valid");
  WritePermit committed = reserve(1);
  ASSERT_TRUE(commit(committed, "1"));
  EXPECT_DEATH(static_cast<void>(committed.commit(bytes)), "WritePermit that is not valid");
  EXPECT_DEATH(static_cast<void>(WriteHandoff().try_reserve(1)), "WriteHandoff that is not valid");
}
#endif

TEST_F(WritePermits, hold_up_no_close_and_are_refused_behind_it) {
  WritePermit permit = reserve(5);
  WritePermit dropped = reserve(5);
  Outcome<net_error_code> closed;
  out.async_close(closed.handler());
  expect_reserved(0, 0);
  const WriteRefusal refusal = refusal_of(permit, "12345");
  EXPECT_EQ(refusal.reason, Reason::closed);
  EXPECT_FALSE(refusal.first_error);
  EXPECT_EQ(refusal_of(permit, "too many").reason, Reason::closed) << "closed goes first";
  EXPECT_TRUE(permit.valid());
  dropped = WritePermit();
  ASSERT_TRUE(run_out(*context));
  EXPECT_FALSE(closed.get());
  EXPECT_EQ(script->ends, 1U);
  EXPECT_EQ(refusal_of(permit, "1").reason, Reason::closed);
  permit = WritePermit();
  expect_reserved(0, 0);
}

TEST_F(WritePermits, are_refused_with_the_error_that_ended_the_queue) {
  WritePermit permit = reserve(5);
  ASSERT_TRUE(try_send(out, "1"));
  run_ready(*context);
  stream_takes(0, net::error::broken_pipe);
  const WriteRefusal refusal = refusal_of(permit, "12345");
  EXPECT_EQ(refusal.reason, Reason::closed);
  EXPECT_EQ(refusal.first_error, net::error::broken_pipe);
  expect_reserved(0, 0);
}

TEST_F(WritePermits, keep_no_queue_open) {
  WritePermit permit = reserve(5);
  const WeakWriteHandoff weak = out;
  out = WriteHandoff();
  EXPECT_FALSE(weak.lock().valid());
  EXPECT_EQ(refusal_of(permit, "12345").reason, Reason::closed);
  ASSERT_TRUE(run_out(*context));
  EXPECT_EQ(script->resets, 1U);
  EXPECT_FALSE(script->is_alive);
  const WriteRefusal refusal = refusal_of(permit, "12345");
  EXPECT_EQ(refusal.reason, Reason::closed);
  EXPECT_EQ(refusal.first_error, Errc::aborted);
}

TEST_F(WritePermits, may_outlive_their_queue_and_its_context) {
  WritePermit of_no_queue = reserve(2);
  WritePermit of_a_queue = reserve(2);
  WritePermit dropped = reserve(2);
  context.reset();
  EXPECT_EQ(refusal_of(of_a_queue, "12").reason, Reason::closed);
  dropped = WritePermit();
  expect_reserved(0, 0);
  out = WriteHandoff();
  EXPECT_EQ(refusal_of(of_no_queue, "12").reason, Reason::closed);
}

TEST_F(WritePermits, that_are_dropped_on_another_thread_let_in_who_waits) {
  WritePermit permit = reserve(10);
  WriteOutcome waiting;
  out.async_write(waiting.from("1234"), waiting.handler());
  std::thread([moved = std::move(permit)]() mutable {
    const WritePermit last(std::move(moved));
  }).join();
  EXPECT_FALSE(waiting.has_come()) << "called on another thread";
  run_ready(*context);
  EXPECT_TRUE(waiting.was_admitted());
}

}  // namespace
}  // namespace bytes_handoff::test
