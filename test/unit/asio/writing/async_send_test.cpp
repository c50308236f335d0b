// Bursts of any size, through the shell.
#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "bytes_handoff/write_handoff.hpp"
#include "support/queue/writer_fixture.hpp"

namespace bytes_handoff::test {
namespace {

using Reason = WriteRefusalReason;

/// A queue with room for ten bytes in four items, in front of a stream that takes nothing by
/// itself.
class AsyncSend : public WriterFixture {
 protected:
  void open(const WriteHandoffConfig& config) { out = spawn_held(config); }
  [[nodiscard]] static std::vector<Bytes> slices_of(const std::vector<std::string>& texts) {
    std::vector<Bytes> slices;
    for (const std::string& each : texts) {
      slices.push_back(text(each));
    }
    return slices;
  }
  [[nodiscard]] static std::vector<std::string> views_of(const std::vector<Bytes>& slices) {
    std::vector<std::string> views;
    for (const Bytes& slice : slices) {
      views.emplace_back(slice.view());
    }
    return views;
  }

  using Texts = std::vector<std::string>;
  WriteHandoff out = spawn_held(limits(4, 10));
};

TEST_F(AsyncSend, completes_behind_the_call_with_all_slices_where_there_is_room) {
  std::vector<Bytes> slices = slices_of({"12", "", "34"});
  CountOutcome sent;
  out.async_send(slices, sent.handler());
  EXPECT_FALSE(sent.has_come());
  EXPECT_EQ(views_of(slices), (Texts{"", "", ""}));
  EXPECT_EQ(out.pending_items(), 3U);
  run_ready(*context);
  sent.expect({}, 3);
  EXPECT_EQ(out.statistics().waits, 0U);
}

TEST_F(AsyncSend, of_no_slices_completes_and_reaches_no_stream) {
  CountOutcome sent;
  out.async_send(std::span<Bytes>(), sent.handler());
  run_ready(*context);
  sent.expect({}, 0);
  EXPECT_EQ(out.pending_items(), 0U);
  EXPECT_EQ(script->calls, 0U);
}

TEST_F(AsyncSend, larger_than_the_budget_is_admitted_in_order_as_room_comes_with_one_completion) {
  script->hold_from = kNever;
  script->most_per_call = 3;
  std::vector<Bytes> slices;
  std::string all;
  for (int i = 0; i < 200; ++i) {
    slices.push_back(text(std::to_string(i)));
    all += std::to_string(i);
  }
  CountOutcome sent;
  Outcome<net_error_code> flushed;
  out.async_send(slices, [&](net_error_code error, std::size_t n) {
    sent.handler()(error, n);
    out.async_flush(flushed.handler());
  });
  EXPECT_TRUE(slices[3].empty()) << "what fits goes at once";
  EXPECT_FALSE(slices[4].empty());
  ASSERT_TRUE(run_out(*context));
  sent.expect({}, 200);
  EXPECT_FALSE(flushed.get());
  EXPECT_EQ(script->written, all);
  EXPECT_EQ(out.statistics().waits, 1U);
  EXPECT_LE(out.statistics().high_water_items, 4U);
  EXPECT_LE(out.statistics().high_water_bytes, 10U);
}

TEST_F(AsyncSend, goes_to_the_stream_inside_of_the_call_on_the_executor_of_that) {
  std::vector<Bytes> slices = slices_of({"12", "34"});
  CountOutcome sent;
  bool has_run = false;
  net::post(*context, [&] {
    out.async_send(slices, sent.handler());
    EXPECT_EQ(script->sizes, std::vector<std::size_t>{4});
    EXPECT_FALSE(sent.has_come());
    has_run = true;
  });
  ASSERT_TRUE(run_until(*context, [&] { return has_run; }));
}

TEST_F(AsyncSend, keeps_its_place_and_lets_only_earlier_permits_between_its_slices) {
  WritePermit permit = out.try_reserve(2).value();
  std::vector<Bytes> slices = slices_of({"12345678", "abcdefg", "h"});
  CountOutcome sent;
  WriteOutcome behind;
  out.async_send(slices, sent.handler());
  out.async_write(behind.from("x"), behind.handler());
  EXPECT_FALSE(try_send(out, "y")) << "it barged";
  EXPECT_FALSE(out.try_reserve(1)) << "it barged";
  run_ready(*context);
  Bytes between = text("--");
  ASSERT_TRUE(permit.commit(between).has_value());
  stream_takes(8);
  EXPECT_FALSE(behind.has_come() && !sent.has_come());
  stream_takes(2);
  sent.expect({}, 3);
  EXPECT_TRUE(behind.was_admitted());
  stream_takes(9);
  EXPECT_EQ(script->written, "12345678--abcdefghx");
}

TEST_F(AsyncSend, with_a_slice_that_can_never_fit_is_refused_whole) {
  std::vector<Bytes> slices = slices_of({"1", "12345678901"});
  const std::byte* const data = slices[1].data();
  CountOutcome sent;
  out.async_send(slices, sent.handler());
  EXPECT_FALSE(sent.has_come());
  run_ready(*context);
  sent.expect(make_error_code(Errc::can_never_fit), 0);
  EXPECT_EQ(views_of(slices), (Texts{"1", "12345678901"}));
  EXPECT_EQ(slices[1].data(), data);
  EXPECT_EQ(out.pending_items(), 0U);
}

TEST_F(AsyncSend, may_cut_lets_a_slice_of_any_size_pass) {
  script->hold_from = kNever;
  script->most_per_call = 3;
  const std::string large(1000, 'L');
  std::vector<Bytes> slices = slices_of({"ab", large, "cd"});
  CountOutcome sent;
  out.async_send(slices, may_cut, sent.handler());
  EXPECT_EQ(slices[1].size(), large.size() - 8) << "what is cut keeps its rest";
  ASSERT_TRUE(run_out(*context));
  sent.expect({}, 3);
  EXPECT_EQ(views_of(slices), (Texts{"", "", ""}));
  EXPECT_EQ(script->written, "ab" + large + "cd");
  EXPECT_LE(out.statistics().high_water_bytes, 10U);
}

TEST_F(AsyncSend, may_cut_cuts_nothing_while_a_permit_is_held) {
  std::optional<WritePermit> permit(out.try_reserve(2).value());
  std::vector<Bytes> slices = slices_of({"12345678901234"});
  CountOutcome sent;
  out.async_send(slices, may_cut, sent.handler());
  run_ready(*context);
  EXPECT_EQ(slices[0].size(), 14U);
  EXPECT_EQ(out.pending_bytes(), 0U);
  permit.reset();
  EXPECT_EQ(slices[0].view(), "1234");
  run_ready(*context);
  stream_takes(10);
  sent.expect({}, 1);
  stream_takes(4);
  EXPECT_EQ(script->written, "12345678901234");
}

TEST_F(AsyncSend, that_is_closed_meanwhile_tells_how_many_were_admitted) {
  std::vector<Bytes> slices = slices_of({"1234567", "", "89012345", "6"});
  const std::byte* const data = slices[2].data();
  CountOutcome sent;
  out.async_send(slices, sent.handler());
  out.close();
  run_ready(*context);
  sent.expect(make_error_code(Errc::closed), 2);
  EXPECT_EQ(views_of(slices), (Texts{"", "", "89012345", "6"}));
  EXPECT_EQ(slices[2].data(), data);
  stream_takes(7);
  EXPECT_EQ(script->ends, 1U) << "what was admitted is written";
  CountOutcome late;
  out.async_send(slices, late.handler());
  run_ready(*context);
  late.expect(make_error_code(Errc::closed), 0);
}

TEST_F(AsyncSend, is_let_in_by_a_close_that_asks_for_that) {
  script->hold_from = kNever;
  std::vector<Bytes> slices = slices_of({"1234567", "89012345", "6"});
  CountOutcome sent;
  out.async_send(slices, sent.handler());
  out.close(Waiters::admit);
  ASSERT_TRUE(run_out(*context));
  sent.expect({}, 3);
  EXPECT_EQ(script->written, "1234567890123456");
  EXPECT_EQ(script->ends, 1U);
}

TEST_F(AsyncSend, ends_with_the_stream_and_counts_what_was_admitted) {
  std::vector<Bytes> slices = slices_of({"1234567", "89012345", "6"});
  CountOutcome sent;
  out.async_send(slices, sent.handler());
  run_ready(*context);
  stream_takes(3, net::error::broken_pipe);
  sent.expect(make_error_code(Errc::closed), 1);
  EXPECT_EQ(out.first_error(), net::error::broken_pipe);
  EXPECT_EQ(views_of(slices), (Texts{"", "89012345", "6"}));
}

TEST_F(AsyncSend, keeps_no_queue_open) {
  std::vector<Bytes> slices = slices_of({"1234567", "89012345"});
  CountOutcome sent;
  out.async_send(slices, sent.handler());
  out = WriteHandoff();
  run_ready(*context);
  sent.expect(make_error_code(Errc::closed), 1);
  EXPECT_EQ(slices[1].view(), "89012345");
}

TEST_F(AsyncSend, may_have_any_size_first_in_line_and_counts_its_bytes_behind_others) {
  WriteHandoffConfig config = limits(4, 10);
  config.max_waiting_bytes = 12;
  config.max_waiters = 2;
  open(config);
  std::vector<Bytes> first(100, text("a"));
  std::vector<Bytes> second(100, text("b"));
  std::vector<Bytes> third = slices_of({"c"});
  std::vector<Bytes> fourth = slices_of({"d"});
  CountOutcome waits;
  CountOutcome refused;
  CountOutcome also_waits;
  CountOutcome too_many;
  out.async_send(first, waits.handler());
  out.async_send(second, refused.handler());
  PermitOutcome permit;
  out.async_reserve(1, permit.handler());
  out.async_send(third, also_waits.handler());
  out.async_send(fourth, too_many.handler());
  run_ready(*context);
  EXPECT_FALSE(waits.has_come() || permit.has_come());
  refused.expect(make_error_code(Errc::too_many_waiting_bytes), 0);
  EXPECT_EQ(second[0].view(), "b");
  also_waits.expect(make_error_code(Errc::too_many_waiters), 0);
  too_many.expect(make_error_code(Errc::too_many_waiters), 0);
  EXPECT_EQ(out.statistics().refused(Reason::too_many_waiters), 2U);
}

TEST_F(AsyncSend, calls_its_handler_on_the_executor_of_that) {
  net::io_context other(1);
  std::vector<Bytes> slices = slices_of({"1234567", "8901234"});
  CountOutcome sent;
  out.async_send(slices, net::bind_executor(other, sent.handler()));
  run_ready(*context);
  stream_takes(7);
  EXPECT_FALSE(sent.has_come());
  ASSERT_TRUE(run_out(other));
  sent.expect({}, 2);
}

TEST_F(AsyncSend, that_goes_with_the_context_leaves_the_rest_with_the_caller) {
  std::vector<Bytes> slices = slices_of({"1234567", "8901234"});
  Sentinel sent;
  out.async_send(slices, sent.handler());
  run_ready(*context);
  context.reset();
  EXPECT_TRUE(sent.is_destroyed());
  EXPECT_EQ(sent.calls(), 0U);
  EXPECT_EQ(views_of(slices), (Texts{"", "8901234"}));
}

class AsyncSendCancellation : public AsyncSend,
                              public testing::WithParamInterface<net::cancellation_type> {};

TEST_P(AsyncSendCancellation, leaves_the_rest_with_the_caller_and_lets_the_next_in) {
  std::vector<Bytes> slices = slices_of({"1234567", "89012345", "6"});
  const std::byte* const data = slices[1].data();
  net::cancellation_signal signal;
  CountOutcome sent;
  WriteOutcome next;
  out.async_send(slices, net::bind_cancellation_slot(signal.slot(), sent.handler()));
  out.async_write(next.from("xyz"), next.handler());
  run_ready(*context);
  signal.emit(net::cancellation_type::none);
  run_ready(*context);
  EXPECT_FALSE(sent.has_come() || next.has_come());
  signal.emit(GetParam());
  EXPECT_FALSE(sent.has_come()) << "called from inside the emission";
  run_ready(*context);
  sent.expect(net::error::operation_aborted, 1);
  EXPECT_EQ(views_of(slices), (Texts{"", "89012345", "6"}));
  EXPECT_EQ(slices[1].data(), data);
  EXPECT_TRUE(next.was_admitted());
  stream_takes(7);
  stream_takes(3);
  EXPECT_EQ(script->written, "1234567xyz");
}

TEST_P(AsyncSendCancellation, leaves_the_rest_of_a_slice_that_was_cut) {
  std::vector<Bytes> slices = slices_of({"123", "456789012345", "6"});
  net::cancellation_signal signal;
  CountOutcome sent;
  out.async_send(slices, may_cut, net::bind_cancellation_slot(signal.slot(), sent.handler()));
  run_ready(*context);
  signal.emit(GetParam());
  run_ready(*context);
  sent.expect(net::error::operation_aborted, 1);
  EXPECT_EQ(views_of(slices), (Texts{"", "12345", "6"})) << "of the second one 456789 has gone";
  EXPECT_EQ(slices[1].size(), 5U);
  stream_takes(10);
  EXPECT_EQ(script->written, "1234567890");
}

TEST_P(AsyncSendCancellation, of_what_was_admitted_meanwhile_comes_too_late) {
  std::vector<Bytes> slices = slices_of({"1234567", "8901234"});
  net::cancellation_signal signal;
  CountOutcome sent;
  out.async_send(slices, net::bind_cancellation_slot(signal.slot(), sent.handler()));
  run_ready(*context);
  script->complete({}, 7);
  context->restart();
  context->run_one();  // the writer's handler: the rest is admitted, its handler is only posted
  signal.emit(GetParam());
  run_ready(*context);
  sent.expect({}, 2);
}

INSTANTIATE_TEST_SUITE_P(Types, AsyncSendCancellation,
                         testing::Values(net::cancellation_type::terminal,
                                         net::cancellation_type::partial,
                                         net::cancellation_type::total,
                                         net::cancellation_type::all));

}  // namespace
}  // namespace bytes_handoff::test
