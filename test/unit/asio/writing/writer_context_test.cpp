#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "bytes_handoff/write_handoff.hpp"
#include "support/queue/unwritten.hpp"
#include "support/queue/writer_fixture.hpp"
#include "support/sampled_types.hpp"
#include "support/streams/socket_pairs.hpp"

namespace bytes_handoff::test {
namespace {

using Reason = WriteRefusalReason;

class WriterContext : public WriterFixture {
 protected:
  /// One of everything that can wait, by handlers that may never be called.
  void let_everything_wait(WriteHandoff& out, WriteTicket& ticket) {
    ticket.async_wait(wait.handler());
    out.async_write(waiting, write.handler());
    out.async_write(several, write_several.handler());
    out.async_flush(flush.handler());
    out.async_closed(closed.handler());
    out.async_close(close.handler());
  }

  void expect_destroyed_uninvoked() {
    for (const Sentinel* sentinel : {&wait, &write, &write_several, &flush, &closed, &close}) {
      EXPECT_EQ(sentinel->calls(), 0U);
      EXPECT_TRUE(sentinel->is_destroyed());
    }
  }

  Bytes waiting = text("w");
  std::array<Bytes, 1> several{text("w")};
  Sentinel wait;
  Sentinel write;
  Sentinel write_several;
  Sentinel flush;
  Sentinel closed;
  Sentinel close;
};

TEST_F(WriterContext, that_is_destroyed_first_takes_what_waits_with_it_uninvoked) {
  auto out = spawn_held(limits(1, 8));
  auto ticket = try_send(out, "abc").value();
  ticket.async_wait(wait.handler());
  out.async_write(waiting, write.handler());
  out.async_write(several, write_several.handler());
  out.async_flush(flush.handler());
  out.async_closed(closed.handler());
  run_ready(*context);
  context.reset();
  EXPECT_TRUE(wait.is_destroyed() && write.is_destroyed() && write_several.is_destroyed() &&
              flush.is_destroyed() && closed.is_destroyed());
  EXPECT_EQ(wait.calls() + write.calls() + write_several.calls() + flush.calls() + closed.calls(),
            0U);
  EXPECT_FALSE(script->is_alive) << "the stream goes with its context";

  EXPECT_FALSE(out.is_open());
  EXPECT_EQ(out.pending_bytes(), 0U);
  EXPECT_EQ(out.pending_items(), 0U);
  auto late = try_send(out, "late");
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().reason, Reason::closed);
  EXPECT_EQ(waiting.view(), "w");
  EXPECT_EQ(several[0].view(), "w");
  EXPECT_TRUE(ticket.is_done());
  out.close();
  out.abort();
  const auto unwritten = unwritten_of(out);
  ASSERT_TRUE(unwritten.has_value());
  EXPECT_EQ(texts_of(*unwritten), std::vector<std::string>{"abc"});
}

TEST_F(WriterContext, that_is_destroyed_with_posted_turns_and_a_deadline_leaks_nothing) {
  auto out = spawn_held(limits(1, 8));
  auto ticket = try_send(out, "abc").value();
  let_everything_wait(out, ticket);  // the context has not run at all
  context.reset();
  expect_destroyed_uninvoked();
}

TEST_F(WriterContext, that_was_stopped_goes_on_when_it_is_restarted) {
  auto out = spawn();
  auto ticket = try_send(out, "abc").value();
  context->stop();
  EXPECT_TRUE(try_send(out, "def"));
  ticket.async_wait(wait.handler());
  EXPECT_EQ(context->run(), 0U);
  EXPECT_EQ(out.pending_bytes(), 6U);
  ASSERT_TRUE(run_out(*context));
  EXPECT_EQ(script->written, "abcdef");
  EXPECT_EQ(wait.calls(), 1U);
}

TEST_F(WriterContext, that_was_stopped_and_is_destroyed_without_a_handle_takes_all_with_it) {
  WriteTicket ticket;
  {
    auto out = spawn_held(limits(1, 8));
    ticket = try_send(out, "abc").value();
    let_everything_wait(out, ticket);
    context->stop();
  }
  context.reset();
  expect_destroyed_uninvoked();
  EXPECT_TRUE(ticket.is_done());
}

TEST_F(WriterContext, that_is_destroyed_tells_handlers_that_live_elsewhere) {
  net::io_context other(1);
  auto out = spawn_held(limits(1, 8));
  auto ticket = try_send(out, "abc").value();
  CountOutcome waited;
  WriteOutcome written;
  Outcome<net_error_code> flushed;
  Outcome<net_error_code> ended;
  ticket.async_wait(net::bind_executor(other, waited.handler()));
  out.async_write(written.from("w"), net::bind_executor(other, written.handler()));
  out.async_flush(net::bind_executor(other, flushed.handler()));
  out.async_closed(net::bind_executor(other, ended.handler()));
  run_ready(*context);
  context.reset();
  ASSERT_TRUE(run_out(other));
  waited.expect(Errc::closed, 0);
  ASSERT_FALSE(written.was_admitted());
  EXPECT_EQ(written.bytes().view(), "w");
  EXPECT_EQ(flushed.get(), Errc::closed);
  EXPECT_EQ(ended.get(), Errc::closed);
}

TEST_F(WriterContext, a_handle_that_outlives_it_serves_handlers_that_live_elsewhere) {
  net::io_context other(1);
  auto out = spawn();
  context.reset();
  WriteOutcome written;
  Outcome<net_error_code> flushed;
  Outcome<net_error_code> ended;
  Outcome<net_error_code> closing;
  out.async_write(written.from("w"), net::bind_executor(other, written.handler()));
  out.async_flush(net::bind_executor(other, flushed.handler()));
  out.async_closed(net::bind_executor(other, ended.handler()));
  out.async_close(net::bind_executor(other, closing.handler()));
  ASSERT_TRUE(run_out(other));
  EXPECT_EQ(written.bytes().view(), "w");
  EXPECT_EQ(flushed.get(), Errc::closed);
  EXPECT_EQ(ended.get(), Errc::closed);
  EXPECT_EQ(closing.get(), Errc::closed);
}

TEST_F(WriterContext, a_handle_may_outlive_it_where_the_stream_is_on_a_strand) {
  using StrandStream = ScriptedStream<net::strand<net::io_context::executor_type>>;
  auto out = WriteHandoff(StrandStream(net::make_strand(context->get_executor()), script), {});
  EXPECT_TRUE(try_send(out, "abc"));
  context.reset();
  EXPECT_FALSE(try_send(out, "late").has_value());
  EXPECT_FALSE(script->is_alive);
}

TEST_F(WriterContext, a_ticket_may_outlive_it_whose_writer_went_before) {
  auto out = spawn();
  auto ticket = try_send(out, "abc").value();
  { const WriteHandoff last = std::move(out); }
  ASSERT_TRUE(run_out(*context));
  EXPECT_FALSE(script->is_alive);
  context.reset();
  EXPECT_TRUE(ticket.is_done());
  EXPECT_FALSE(ticket.get_executor()) << "some executors must not outlive their context";
}

TEST_F(WriterContext, cancellation_signals_may_go_before_it) {
  auto out = spawn_held(limits(1, 8));
  auto ticket = try_send(out, "abc").value();
  {
    net::cancellation_signal of_write;
    net::cancellation_signal of_wait;
    out.async_write(waiting, net::bind_cancellation_slot(of_write.slot(), write.handler()));
    ticket.async_wait(net::bind_cancellation_slot(of_wait.slot(), wait.handler()));
    run_ready(*context);
  }
  context.reset();
  EXPECT_TRUE(write.is_destroyed());
  EXPECT_TRUE(wait.is_destroyed());
  EXPECT_EQ(write.calls() + wait.calls(), 0U);
}

TEST_F(WriterContext, a_handler_may_own_the_last_handle) {
  auto life = std::make_shared<int>(0);
  auto second_script = std::make_shared<StreamScript>();
  {
    auto out = std::make_shared<WriteHandoff>(spawn_held(limits(1, 8)));
    auto second = std::make_shared<WriteHandoff>(
        WriteHandoff(IoStream(context->get_executor(), second_script), {}));
    EXPECT_TRUE(try_send(*out, "abc"));
    out->async_closed([out, second, life](net_error_code) {});
    second->async_closed([out, second, life](net_error_code) {});
  }
  run_ready(*context);
  context.reset();
  EXPECT_EQ(life.use_count(), 1);
  EXPECT_FALSE(second_script->is_alive);
}

TEST_F(WriterContext, that_is_being_destroyed_makes_queues_and_duplexes_that_are_closed) {
  struct MakesThemAtTheEnd {
    MakesThemAtTheEnd(net::io_context& on, std::shared_ptr<StreamScript> with)
        : executor(on.get_executor()), script(std::move(with)) {}
    ~MakesThemAtTheEnd() {
      queue->emplace(WriteHandoff(IoStream(executor, script), {}));
      ends->emplace(make_duplex(executor, 8));
    }
    net::io_context::executor_type executor;
    std::shared_ptr<StreamScript> script;
    std::optional<WriteHandoff>* queue = nullptr;
    std::optional<std::pair<DuplexPair::Stream, DuplexPair::Stream>>* ends = nullptr;
  };
  auto first = spawn();
  std::optional<WriteHandoff> late;
  std::optional<std::pair<DuplexPair::Stream, DuplexPair::Stream>> ends;
  auto makes = std::make_unique<MakesThemAtTheEnd>(*context, std::make_shared<StreamScript>());
  makes->queue = &late;
  makes->ends = &ends;
  net::post(*context, [makes = std::move(makes)] {});
  context.reset();
  ASSERT_TRUE(late.has_value());
  EXPECT_FALSE(late->is_open());
  EXPECT_EQ(try_send(*late, "late").error().reason, Reason::closed);
  EXPECT_FALSE(late->get_executor());
  ASSERT_TRUE(ends.has_value());
  EXPECT_FALSE(ends->first.is_open());
}

template <class Pair>
class WriterContextOf : public testing::Test {};
using Pairs = SampledTypes<TcpPair, UnixPair, DuplexPair>;
TYPED_TEST_SUITE(WriterContextOf, Pairs);

TYPED_TEST(WriterContextOf, a_full_stream_may_be_destroyed_with_a_write_under_way) {
  auto context = std::make_unique<net::io_context>(1);
  auto pair = std::make_unique<std::pair<typename TypeParam::Stream, typename TypeParam::Stream>>(
      TypeParam::make(*context));
  auto out = WriteHandoff(std::move(pair->first), limits(8, 64 * 1024 * 1024));
  auto ticket = try_send(out, std::string(32 * 1024 * 1024, 'x')).value();
  Sentinel wait;
  ticket.async_wait(wait.handler());
  run_ready(*context);
  EXPECT_GT(out.pending_bytes(), 0U);
  pair.reset();
  context.reset();
  EXPECT_TRUE(wait.is_destroyed());
  EXPECT_EQ(wait.calls(), 0U);
  EXPECT_EQ(out.pending_bytes(), 0U);
  EXPECT_TRUE(unwritten_of(out).has_value());
}

}  // namespace
}  // namespace bytes_handoff::test
