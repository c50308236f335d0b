#include <gmock/gmock.h>

#include <array>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/write_handoff.hpp"
#include "support/queue/writer_fixture.hpp"

namespace bytes_handoff::test {
namespace {

using Reason = WriteRefusalReason;

class WriteHandoffAdmission : public WriterFixture {};

/// What the constructor says of a configuration, and "" where it takes it.
template <class Stream>
[[nodiscard]] std::string refusal_of(Stream&& stream, const WriteHandoffConfig& config) {
  try {
    const WriteHandoff out(std::forward<Stream>(stream), config);
  } catch (const std::invalid_argument& refused) {
    return refused.what();
  }
  return "";
}

TEST_F(WriteHandoffAdmission, a_config_that_can_never_work_is_refused_and_the_stream_is_left) {
  IoStream stream(context->get_executor(), script);
  EXPECT_THAT(refusal_of(std::move(stream), limits(0, 1)), testing::HasSubstr("max_items"));
  EXPECT_THAT(refusal_of(std::move(stream), limits(1, 0)), testing::HasSubstr("max_pending_bytes"));
  auto shared = std::make_shared<IoStream>(std::move(stream));
  EXPECT_NE(refusal_of(shared, limits(0, 1)), "");
  EXPECT_EQ(shared.use_count(), 1);
  EXPECT_TRUE(script->is_alive);
  EXPECT_EQ(refusal_of(shared, limits(1, 1)), "");
}

TEST_F(WriteHandoffAdmission, bytes_leave_in_the_order_in_which_they_were_admitted) {
  auto out = spawn();
  std::array one{text("2")};
  std::array pair{text("3"), text("4")};
  EXPECT_TRUE(try_send(out, "1"));
  EXPECT_TRUE(out.try_write(one).has_value());
  EXPECT_TRUE(out.try_write(pair).has_value());
  EXPECT_TRUE(pair[0].empty());
  EXPECT_TRUE(pair[1].empty());
  WriteOutcome five;
  WriteOutcome six;
  std::vector several{text("6"), text("6")};
  out.async_write(five.from("5"), five.handler());
  out.async_write(several, six.handler());
  EXPECT_TRUE(five.bytes().empty());
  EXPECT_TRUE(several[1].empty());
  EXPECT_EQ(out.pending_items(), 7U);
  EXPECT_EQ(out.pending_bytes(), 7U);
  EXPECT_FALSE(five.has_come()) << "called from inside the initiating function";
  ASSERT_TRUE(run_until(*context, [&] { return out.pending_items() == 0; }));
  EXPECT_EQ(script->written, "1234566");
  EXPECT_TRUE(five.was_admitted());
  EXPECT_TRUE(six.was_admitted());
  EXPECT_FALSE(script->overlapped);
}

TEST_F(WriteHandoffAdmission, a_burst_leaves_as_one_gather) {
  auto out = spawn();
  for (char c = 'a'; c <= 'z'; ++c) {
    EXPECT_TRUE(try_send(out, std::string(1, c)));
  }
  ASSERT_TRUE(run_until(*context, [&] { return out.pending_items() == 0; }));
  EXPECT_EQ(script->written, "abcdefghijklmnopqrstuvwxyz");
  EXPECT_EQ(script->calls, 1U);
}

TEST_F(WriteHandoffAdmission, a_refused_write_leaves_the_bytes_with_the_caller) {
  auto out = spawn_held(limits(2, 10));
  EXPECT_TRUE(try_send(out, "1234"));
  Bytes seven = text("1234567");
  const std::byte* const data = seven.data();
  const auto refused = out.try_write(seven);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(seven.data(), data);
  EXPECT_EQ(seven.size(), 7U);
  EXPECT_EQ(refused.error().reason, Reason::byte_budget_exceeded);
  EXPECT_EQ(refused.error().attempted, 11U);
  EXPECT_EQ(refused.error().limit, 10U);
  EXPECT_EQ(out.pending_bytes(), 4U);

  EXPECT_TRUE(try_send(out, "56"));
  const auto full = try_send(out, "x");
  ASSERT_FALSE(full.has_value());
  EXPECT_EQ(full.error().reason, Reason::queue_full);
  EXPECT_EQ(full.error().attempted, 3U);
  EXPECT_EQ(full.error().limit, 2U);

  std::array several{text("12345678"), text("901")};
  const auto never = out.try_write(several);
  ASSERT_FALSE(never.has_value());
  EXPECT_EQ(never.error().reason, Reason::can_never_fit);
  EXPECT_EQ(never.error().attempted, 11U);
  EXPECT_EQ(several[0].view(), "12345678");
  EXPECT_EQ(several[1].view(), "901");

  out.close();
  const auto closed = try_send(out, "12345678901");
  ASSERT_FALSE(closed.has_value());
  EXPECT_EQ(closed.error().reason, Reason::closed) << "closed goes before never fitting";
  EXPECT_FALSE(closed.error().first_error);
  EXPECT_EQ(out.statistics().refused(Reason::byte_budget_exceeded), 1U);
  EXPECT_EQ(out.statistics().refused(Reason::queue_full), 1U);
  EXPECT_EQ(out.statistics().refused(Reason::can_never_fit), 1U);
  EXPECT_EQ(out.statistics().refused(Reason::closed), 1U);
}

TEST_F(WriteHandoffAdmission, both_asynchronous_forms_leave_refused_bytes_with_the_caller) {
  auto out = spawn(limits(2, 4));
  Bytes large = text("12345");
  std::array several{large, text("6")};
  const std::byte* const data = large.data();
  WriteOutcome one;
  WriteOutcome both;
  out.async_write(large, one.handler());
  out.async_write(several, both.handler());
  EXPECT_FALSE(one.has_come() || both.has_come());
  run_ready(*context);
  EXPECT_EQ(one.error(), Errc::can_never_fit);
  EXPECT_EQ(large.data(), data);
  EXPECT_EQ(both.error(), Errc::can_never_fit);
  EXPECT_EQ(several[0].data(), data);
  EXPECT_EQ(several[1].view(), "6");
  EXPECT_EQ(out.pending_items(), 0U);
  EXPECT_EQ(script->calls, 0U);
}

TEST_F(WriteHandoffAdmission, the_limits_count_what_is_with_the_stream) {
  auto out = spawn_held(limits(2, 4));
  EXPECT_TRUE(try_send(out, "12"));
  EXPECT_TRUE(try_send(out, "34"));
  run_ready(*context);
  ASSERT_NE(script->held, nullptr);
  EXPECT_EQ(try_send(out, "5").error().reason, Reason::byte_budget_exceeded);
  EXPECT_EQ(try_send(out, "").error().reason, Reason::queue_full);
  stream_takes(2);
  EXPECT_EQ(out.pending_items(), 1U);
  EXPECT_EQ(out.pending_bytes(), 2U);
  EXPECT_TRUE(try_send(out, "56").has_value());
  EXPECT_EQ(out.statistics().high_water_bytes, 4U);
  EXPECT_EQ(out.statistics().high_water_items, 2U);
}

TEST_F(WriteHandoffAdmission, an_empty_write_keeps_its_place_and_reaches_no_stream) {
  auto out = spawn_held();
  auto first = try_send(out, "a").value();
  auto empty = try_send(out, "").value();
  auto none = out.try_write(std::span<Bytes>()).value();
  auto last = try_send(out, "b").value();
  EXPECT_EQ(out.pending_items(), 4U);
  run_ready(*context);
  EXPECT_FALSE(empty.is_done());
  EXPECT_EQ(script->buffers, std::vector<std::size_t>{2});
  stream_takes(1);
  EXPECT_TRUE(first.is_done());
  EXPECT_TRUE(empty.is_done());
  EXPECT_TRUE(none.is_done());
  EXPECT_FALSE(last.is_done());

  auto alone = spawn();
  script->calls = 0;
  auto ticket = try_send(alone, "").value();
  ASSERT_TRUE(run_until(*context, [&] { return ticket.is_done(); }));
  EXPECT_EQ(script->calls, 0U);
}

TEST_F(WriteHandoffAdmission, many_empty_writes_leave_the_executor_to_others_in_between) {
  constexpr std::size_t kWrites = 100'000;
  constexpr std::size_t kATurn = 1024;
  auto out = spawn(limits(kWrites, 1));
  for (std::size_t i = 0; i < kWrites; ++i) {
    ASSERT_TRUE(try_send(out, ""));
  }
  std::size_t turns = 0;
  for (std::size_t before = kWrites; before != 0; ++turns) {
    std::optional<std::size_t> left;
    net::post(*context, [&] { left = out.pending_items(); });
    ASSERT_TRUE(run_until(*context, [&] { return left.has_value(); }));
    ASSERT_LE(before - *left, kATurn);
    before = *left;
  }
  EXPECT_GE(turns, kWrites / kATurn);
  EXPECT_EQ(script->calls, 0U);
}

TEST_F(WriteHandoffAdmission, waiters_are_admitted_first_come_first_served_and_nobody_barges) {
  auto out = spawn_held(limits(8, 4));
  EXPECT_TRUE(try_send(out, "aa"));
  EXPECT_TRUE(try_send(out, "aa"));
  WriteOutcome large;
  WriteOutcome small;
  out.async_write(large.from("bbbb"), large.handler());
  out.async_write(small.from("c"), small.handler());
  run_ready(*context);
  stream_takes(2);  // room for the small one, and not for the first in line
  EXPECT_FALSE(large.has_come());
  EXPECT_FALSE(small.has_come());
  const auto barging = try_send(out, "d");
  ASSERT_FALSE(barging.has_value());
  EXPECT_EQ(barging.error().reason, Reason::byte_budget_exceeded);
  EXPECT_EQ(barging.error().attempted, 6U) << "what holds up the first in line";
  stream_takes(2);
  EXPECT_TRUE(large.was_admitted());
  EXPECT_FALSE(small.has_come());
  stream_takes(4);
  EXPECT_TRUE(small.was_admitted());
  EXPECT_EQ(out.statistics().waits, 2U);
  EXPECT_EQ(out.statistics().high_water_waiters, 2U);
}

TEST_F(WriteHandoffAdmission, each_release_wakes_only_those_that_are_admitted) {
  auto out = spawn_held(limits(2, 100));
  std::array pair{text("1"), text("2")};
  EXPECT_TRUE(out.try_write(pair));
  std::array<WriteOutcome, 5> waiting;
  for (auto& outcome : waiting) {
    out.async_write(outcome.from("w"), outcome.handler());
  }
  run_ready(*context);
  for (std::size_t admitted = 0; admitted < waiting.size(); ++admitted) {
    for (std::size_t i = 0; i < waiting.size(); ++i) {
      EXPECT_EQ(waiting[i].has_come(), i < admitted) << i << " of " << admitted;
    }
    stream_takes(1);
  }
  EXPECT_TRUE(waiting.back().has_come());
}

/// Producers that write again as soon as they may, and so keep the queue full.
class WriteHandoffFairness : public WriterFixture {
 protected:
  static constexpr std::size_t kProducers = 8;
  static constexpr std::size_t kBudget = 64;

  void start(WriteHandoff& out) {
    for (std::size_t producer = 0; producer < kProducers; ++producer) {
      write_on(out);
    }
  }

  /// Runs what is ready, one handler at a time, until `done()`.
  template <class Condition>
  void run_while_busy(Condition done) {
    context->restart();
    while (!done() && handlers_ < 1'000'000) {
      ASSERT_EQ(context->poll_one(), 1U) << "nothing is left to run";
      ++handlers_;
    }
    ASSERT_TRUE(done());
  }

  std::size_t admissions_ = 0;
  std::size_t handlers_ = 0;
  std::size_t most_admissions_ = 2000;

 private:
  void write_on(WriteHandoff& out) {
    write_owned(out, text("8 bytes."), [this, &out](net_error_code error) {
      if (!error && ++admissions_ < most_admissions_) {
        write_on(out);
      }
    });
  }
};

TEST_F(WriteHandoffFairness, an_admission_costs_two_wake_ups_at_most) {
  for (const std::size_t most_per_call : {3U, 8U, 20U, 1000U}) {
    script->most_per_call = most_per_call;
    script->calls = 0;
    admissions_ = handlers_ = 0;
    auto out = spawn(limits(4, kBudget));
    start(out);
    run_while_busy([&] { return admissions_ >= most_admissions_; });
    // What ran beside the completions of the stream: handlers of admitted writes, and turns.
    EXPECT_LE(handlers_ - script->calls, 2 * admissions_) << most_per_call;
    EXPECT_GT(out.statistics().waits, admissions_ / 2) << "there was no contention";
    run_ready(*context);
  }
}

TEST_F(WriteHandoffFairness, a_full_budget_write_under_busy_producers_gets_in_within_one_drain) {
  auto out = spawn(limits(8, kBudget));
  script->most_per_call = 20;
  start(out);
  run_while_busy([&] { return admissions_ >= 100; });
  const std::size_t written = script->written.size();
  const std::size_t in_front = out.pending_bytes() + kProducers * 8;
  WriteOutcome full;
  out.async_write(full.from(std::string(kBudget, 'F')), full.handler());
  EXPECT_FALSE(try_send(out, "x")) << "barged";
  run_while_busy([&] { return full.has_come(); });
  const std::size_t at = script->written.find('F');
  run_while_busy([&] { return admissions_ >= most_admissions_; });
  EXPECT_LE(std::min(at, script->written.find('F')), written + in_front);
  EXPECT_GE(script->written.size(), written + kBudget);
  run_ready(*context);
}

TEST_F(WriteHandoffAdmission, more_than_max_waiters_are_refused) {
  WriteHandoffConfig config = limits(1, 8);
  config.max_waiters = 1;
  auto out = spawn_held(config);
  EXPECT_TRUE(try_send(out, "a"));
  WriteOutcome first;
  WriteOutcome second;
  out.async_write(first.from("b"), first.handler());
  out.async_write(second.from("c"), second.handler());
  run_ready(*context);
  EXPECT_FALSE(first.has_come());
  ASSERT_FALSE(second.was_admitted());
  EXPECT_EQ(second.error(), Errc::too_many_waiters);
  EXPECT_EQ(second.bytes().view(), "c");
}

TEST_F(WriteHandoffAdmission, more_than_max_waiting_bytes_are_refused_with_their_bytes) {
  WriteHandoffConfig config = limits(1, 8);
  config.max_waiting_bytes = 3;
  auto out = spawn_held(config);
  EXPECT_TRUE(try_send(out, "a"));
  WriteOutcome first;
  WriteOutcome second;
  out.async_write(first.from("bbbbbb"), first.handler());
  out.async_write(second.from("cc"), second.handler());
  run_ready(*context);
  EXPECT_FALSE(first.has_come()) << "it found the line empty";
  ASSERT_FALSE(second.was_admitted());
  EXPECT_EQ(second.error(), Errc::too_many_waiting_bytes);
  EXPECT_EQ(second.bytes().view(), "cc");
  EXPECT_EQ(out.statistics().high_water_waiting_bytes, 6U);
}

}  // namespace
}  // namespace bytes_handoff::test
