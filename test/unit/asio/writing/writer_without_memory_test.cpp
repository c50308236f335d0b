// A stream's executor that has no memory to queue what the writer needs.

#include <chrono>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "bytes_handoff/write_handoff.hpp"
#include "support/hostile_executor.hpp"
#include "support/queue/unwritten.hpp"
#include "support/queue/writer_fixture.hpp"

namespace bytes_handoff::test {
namespace {

class WriterWithoutMemory : public WriterFixture {
 protected:
  using Stream = ScriptedStream<HostileExecutor<>>;

  WriteHandoff spawn_poor() {
    WriteHandoffConfig config;
    config.stalled_after = std::chrono::seconds(0);  // no timer, which would look at the end
    config.on_event = [this](const QueueEvent& event) { events.push_back(event); };
    return WriteHandoff(Stream(executor.get_executor(), script), config);
  }
  void expect_ended(const WriteHandoff& out, std::size_t items, std::size_t bytes) {
    ASSERT_EQ(events.size(), 1U) << "before the call returns";
    EXPECT_EQ(events[0].kind, QueueEventKind::ended);
    EXPECT_EQ(events[0].ended_by, EndedBy::no_memory);
    EXPECT_EQ(end_error(events[0]), net::error::no_memory);
    EXPECT_EQ(events[0].items, items);
    EXPECT_EQ(events[0].bytes, bytes);
    EXPECT_EQ(out.first_error(), net::error::no_memory);
  }

  HostileContext executor{Hostility::late};
  std::vector<QueueEvent> events;
};

TEST_F(WriterWithoutMemory, a_turn_that_cannot_be_queued_ends_the_queue) {
  WriteHandoff out = spawn_poor();
  Outcome<net_error_code> closed;
  Sentinel never;
  out.async_closed(net::bind_executor(context->get_executor(), closed.handler()));
  out.async_closed(never.handler());
  executor.set_poor(true);
  auto ticket = try_send(out, "abcd");
  ASSERT_TRUE(ticket) << "it was admitted before";
  expect_ended(out, 1, 4);
  EXPECT_TRUE(never.is_destroyed());
  run_ready(*context);
  EXPECT_EQ(closed.get(), net::error::no_memory);
  EXPECT_EQ(try_send(out, "late").error().first_error, net::error::no_memory);
  EXPECT_EQ(unwritten_of(out).value().entries.at(0).view(), "abcd");

  CountOutcome done;
  ticket->async_wait(net::bind_executor(context->get_executor(), done.handler()));
  EXPECT_THROW(ticket->async_wait([](const net_error_code&, std::size_t) { FAIL(); }),
               std::bad_alloc)
      << "it has no other executor than the stream's";
  run_ready(*context);
  done.expect(net::error::no_memory, 0);

  executor.set_poor(false);
  EXPECT_FALSE(executor.run_one());
  EXPECT_EQ(never.calls(), 0U);
  EXPECT_EQ(script->calls, 0U);
}

// The turn that could not be queued would have ended the stream.
TEST_F(WriterWithoutMemory, that_is_there_again_at_the_end_lets_go_of_the_stream) {
  auto stream = std::make_shared<Stream>(executor.get_executor(), script);
  const std::weak_ptr<Stream> held = stream;
  WriteHandoffConfig config;
  config.on_event = [this](const QueueEvent&) { executor.set_poor(false); };
  WriteHandoff out(std::move(stream), config);
  executor.set_poor(true);
  ASSERT_TRUE(try_send(out, "abcd")) << "it was admitted before";
  EXPECT_FALSE(held.expired());
  EXPECT_TRUE(executor.run_one());
  EXPECT_TRUE(held.expired());
  EXPECT_EQ(script->calls, 0U);
}

// The stream is busy, so no turn is due. But somebody must look at the time.
TEST_F(WriterWithoutMemory, a_look_at_the_time_that_cannot_be_queued_ends_the_queue) {
  script->hold_from = 0;
  WriteHandoff out = spawn_poor();
  auto first = try_send(out, "ab").value();
  while (executor.run_one()) {
  }
  ASSERT_TRUE(script->held);
  executor.set_poor(true);
  auto second = try_send(out, "cde").value();
  EXPECT_TRUE(out.is_open());
  CountOutcome of_first;
  CountOutcome of_second;
  Sentinel never;
  auto third = try_send(out, "f").value();
  first.async_wait(net::bind_executor(context->get_executor(), of_first.handler()));
  second.async_wait(net::bind_executor(context->get_executor(), of_second.handler()));
  third.async_wait(never.handler());
  out.close();
  expect_ended(out, 3, 6);
  EXPECT_TRUE(never.is_destroyed());
  run_ready(*context);
  of_first.expect(net::error::no_memory, 0);
  of_second.expect(make_error_code(Errc::closed), 0);
  EXPECT_TRUE(script->is_alive) << "its write is under way";

  executor.set_poor(false);
  script->complete({}, 2);
  while (executor.run_one()) {
  }
  EXPECT_EQ(never.calls(), 0U);
  EXPECT_EQ(script->calls, 1U);
  EXPECT_EQ(events.size(), 1U);
  EXPECT_TRUE(script->is_alive) << "nobody could ask it to end";
  for (WriteTicket* const ticket : {&first, &second, &third}) {
    *ticket = WriteTicket();
  }
  EXPECT_TRUE(script->is_alive) << "there is a handle";
  { const WriteHandoff last = std::move(out); }
  EXPECT_FALSE(script->is_alive);
}

}  // namespace
}  // namespace bytes_handoff::test
