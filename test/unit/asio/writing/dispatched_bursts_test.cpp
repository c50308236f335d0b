// Bursts, which go to the stream from inside of the call that submits them.
#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bytes_handoff/write_handoff.hpp"
#include "support/queue/writer_fixture.hpp"

namespace bytes_handoff::test {
namespace {

/// Submits a burst of one slice.
[[nodiscard]] expected<WriteTicket, WriteRefusal> send_burst(WriteHandoff& out, Bytes bytes) {
  return out.try_write(std::span(&bytes, 1));
}

class DispatchedBursts : public WriterFixture {
 protected:
  /// Runs `function` on the stream's executor, and nothing else.
  template <class Function>
  void on_the_executor(Function function) {
    bool has_run = false;
    net::post(*context, [&] {
      function();
      has_run = true;
    });
    ASSERT_TRUE(run_until(*context, [&] { return has_run; }));
  }
};

TEST_F(DispatchedBursts, go_out_before_the_submission_returns) {
  auto out = spawn();
  on_the_executor([&] {
    ASSERT_TRUE(send_burst(out, text("one ")));
    EXPECT_EQ(script->written, "one ");
    std::vector<Bytes> two{text("two "), text("three ")};
    ASSERT_TRUE(out.try_write(two));
    EXPECT_EQ(script->calls, 1U) << "the first write is with the stream until its handler has run";
  });
  run_ready(*context);
  EXPECT_EQ(script->written, "one two three ");
}

TEST_F(DispatchedBursts, are_told_apart_from_single_slices_which_wait_for_the_handler_to_return) {
  auto out = spawn();
  on_the_executor([&] {
    ASSERT_TRUE(try_send(out, "one "));
    ASSERT_TRUE(try_send(out, "two "));
    EXPECT_EQ(script->calls, 0U);
  });
  run_ready(*context);
  EXPECT_EQ(script->calls, 1U) << "as one gather";
  EXPECT_EQ(script->written, "one two ");
}

TEST_F(DispatchedBursts, of_another_thread_are_posted) {
  auto out = spawn();
  std::thread([&] { EXPECT_TRUE(send_burst(out, text("a"))); }).join();
  EXPECT_TRUE(send_burst(out, text("b"))) << "nor is this the executor";
  EXPECT_EQ(script->calls, 0U);
  run_ready(*context);
  EXPECT_EQ(script->written, "ab");
}

TEST_F(DispatchedBursts, that_wait_for_nothing_are_complete_when_their_handler_is_posted) {
  auto out = spawn();
  WriteOutcome admitted;
  CountOutcome done;
  on_the_executor([&] {
    out.async_write(std::span(&admitted.from("abc"), 1), admitted.handler());
    EXPECT_FALSE(admitted.has_come()) << "called from inside of the initiating function";
    EXPECT_EQ(script->written, "abc");
  });
  run_ready(*context);
  ASSERT_TRUE(admitted.was_admitted());
  admitted.ticket().async_wait(done.handler());
  run_ready(*context);
  done.expect({}, 3);
}

TEST_F(DispatchedBursts, that_fail_were_admitted_and_their_ticket_tells) {
  script->fail_at = 0;
  script->error = net::error::connection_reset;
  auto out = spawn();
  CountOutcome done;
  on_the_executor([&] {
    auto ticket = send_burst(out, text("abc"));
    ASSERT_TRUE(ticket.has_value());
    ticket->async_wait(done.handler());
    EXPECT_FALSE(done.has_come());
  });
  run_ready(*context);
  done.expect(net::error::connection_reset, 0);
  EXPECT_FALSE(out.is_open());
}

TEST_F(DispatchedBursts, leave_the_end_to_a_turn_of_its_own) {
  auto out = spawn();
  on_the_executor([&] {
    out.close();
    EXPECT_TRUE(script->is_alive);
    EXPECT_EQ(send_burst(out, text("x")).error().reason, WriteRefusalReason::closed);
  });
  ASSERT_TRUE(run_out(*context));
  EXPECT_EQ(script->calls, 0U);
}

/// Submits the next write when it is let go of.
class Resubmits {
 public:
  struct State {
    WriteHandoff out;
    unsigned left = 0;
    unsigned depth = 0;
    unsigned deepest = 0;
  };

  explicit Resubmits(std::shared_ptr<State> state) : state_(std::move(state)) {}
  Resubmits(Resubmits&&) noexcept = default;
  Resubmits& operator=(Resubmits&&) noexcept = default;
  ~Resubmits() {
    if (state_ == nullptr || state_->left == 0) return;
    --state_->left;
    state_->deepest = std::max(state_->deepest, ++state_->depth);
    EXPECT_TRUE(send_burst(state_->out,
                           Bytes::from_owner(Resubmits(state_), std::as_bytes(std::span("x", 1)))));
    --state_->depth;
  }

 private:
  std::shared_ptr<State> state_;
};

TEST_F(DispatchedBursts, of_owners_that_submit_when_they_are_let_go_of_do_not_pile_up) {
  constexpr unsigned kWrites = 10'000;
  auto state = std::make_shared<Resubmits::State>(
      Resubmits::State{WriteHandoff(EagerStream(context->get_executor(), script)), kWrites});
  on_the_executor([&] { const Resubmits first(state); });
  ASSERT_TRUE(run_out(*context));
  EXPECT_EQ(script->written.size(), kWrites);
  EXPECT_LE(state->deepest, 2U);
}

TEST_F(DispatchedBursts, go_out_at_once_on_a_strand) {
  const auto strand = net::make_strand(*context);
  auto out =
      WriteHandoff(ScriptedStream<net::strand<net::io_context::executor_type>>(strand, script));
  net::post(strand, [&] {
    ASSERT_TRUE(send_burst(out, text("a")));
    EXPECT_EQ(script->written, "a");
  });
  run_ready(*context);
  EXPECT_EQ(script->calls, 1U);
}

}  // namespace
}  // namespace bytes_handoff::test
