// What an ended queue gives back, and how it is written elsewhere.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/write_handoff.hpp"
#include "support/queue/unwritten.hpp"
#include "support/queue/writer_fixture.hpp"

namespace bytes_handoff::test {
namespace {

struct Given {
  net_error_code error;
  UnwrittenEntries unwritten;
};

class UnwrittenEntriesTest : public WriterFixture {
 protected:
  [[nodiscard]] static auto into(Outcome<Given>& outcome) {
    return [handler = outcome.handler()](net_error_code error, UnwrittenEntries unwritten) mutable {
      handler(Given{error, std::move(unwritten)});
    };
  }

  /// A queue that was aborted when its stream had taken `n` bytes of "abcd", "ef", "".
  [[nodiscard]] WriteHandoff ended_after(std::size_t n) {
    script = std::make_shared<StreamScript>();
    auto out = spawn_held();
    EXPECT_TRUE(try_send(out, "abcd"));
    EXPECT_TRUE(try_send(out, "ef"));
    EXPECT_TRUE(try_send(out, ""));
    run_ready(*context);
    stream_takes(n);
    out.abort();
    EXPECT_TRUE(run_out(*context));
    return out;
  }

  [[nodiscard]] std::string sent_again(std::size_t n, ReplayFrom from) {
    WriteHandoff ended = ended_after(n);
    UnwrittenEntries unwritten = unwritten_of(ended).value();
    script = std::make_shared<StreamScript>();
    auto next = spawn();
    CountOutcome done;
    auto ticket = replay(next, unwritten, from);
    EXPECT_TRUE(ticket.has_value());
    EXPECT_TRUE(unwritten.empty());
    EXPECT_EQ(unwritten.first_written, 0U);
    ticket->async_wait(done.handler());
    run_ready(*context);
    done.expect({}, script->written.size());
    return script->written;
  }
};

TEST_F(UnwrittenEntriesTest, are_whole_with_what_is_on_the_wire_of_the_first) {
  const std::vector<std::string> all = {"abcd", "ef", ""};
  for (const std::size_t n : {0U, 1U, 3U, 4U, 5U}) {
    WriteHandoff out = ended_after(n);
    const UnwrittenEntries unwritten = unwritten_of(out).value();
    std::vector<std::string> whole;
    for (const Bytes& entry : unwritten.entries) {
      whole.emplace_back(entry.view());
    }
    EXPECT_EQ(whole, std::vector<std::string>(all.begin() + (n < 4 ? 0 : 1), all.end())) << n;
    EXPECT_EQ(unwritten.first_written, n < 4 ? n : n - 4) << n;
  }
}

TEST_F(UnwrittenEntriesTest, are_waited_for_until_the_end_and_the_streams_last_return) {
  script->honours_cancellation = false;
  auto out = spawn_held();
  EXPECT_TRUE(try_send(out, "abcd"));
  Outcome<Given> given;
  Outcome<Given> later;
  out.async_unwritten(into(given));
  out.async_unwritten(into(later));
  run_ready(*context);
  EXPECT_FALSE(given.has_come());
  out.abort();
  run_ready(*context);
  EXPECT_FALSE(given.has_come()) << "the stream still has the write";
  stream_takes(3);
  EXPECT_FALSE(given.get().error);
  EXPECT_EQ(texts_of(given.get().unwritten), std::vector<std::string>{"d"});
  EXPECT_FALSE(later.get().error);
  EXPECT_TRUE(later.get().unwritten.empty()) << "once";
}

TEST_F(UnwrittenEntriesTest, of_a_queue_that_was_closed_in_order_are_none) {
  auto out = spawn();
  EXPECT_TRUE(try_send(out, "abcd"));
  Outcome<Given> given;
  out.async_unwritten(into(given));
  EXPECT_TRUE(out.is_open()) << "it closes nothing";
  out.close();
  ASSERT_TRUE(run_out(*context));
  EXPECT_FALSE(given.get().error);
  EXPECT_TRUE(given.get().unwritten.empty());
}

TEST_F(UnwrittenEntriesTest, come_to_who_waits_when_the_last_handle_goes) {
  Outcome<Given> given;
  script->fail_at = 0;
  script->error = net::error::connection_reset;
  {
    auto out = spawn();
    EXPECT_TRUE(try_send(out, "abcd"));
    out.async_unwritten(into(given));
  }
  ASSERT_TRUE(run_out(*context));
  EXPECT_EQ(texts_of(given.get().unwritten), std::vector<std::string>{"abcd"});
}

TEST_F(UnwrittenEntriesTest, are_not_lost_by_a_cancellation) {
  auto out = spawn_held();
  EXPECT_TRUE(try_send(out, "abcd"));
  for (const auto type : {net::cancellation_type::terminal, net::cancellation_type::partial,
                          net::cancellation_type::total}) {
    net::cancellation_signal signal;
    Outcome<Given> cancelled;
    out.async_unwritten(net::bind_cancellation_slot(signal.slot(), into(cancelled)));
    run_ready(*context);
    signal.emit(type);
    run_ready(*context);
    EXPECT_EQ(cancelled.get().error, net::error::operation_aborted);
  }
  out.abort();
  ASSERT_TRUE(run_out(*context));
  EXPECT_EQ(texts_of(unwritten_of(out).value()), std::vector<std::string>{"abcd"});
}

TEST_F(UnwrittenEntriesTest, are_not_lost_with_a_handler_that_is_destroyed_uninvoked) {
  WriteHandoff out = ended_after(1);
  {
    net::io_context never_run(1);
    Sentinel sentinel;
    out.async_unwritten(net::bind_executor(never_run.get_executor(), sentinel.handler()));
  }
  EXPECT_EQ(texts_of(unwritten_of(out).value()), (std::vector<std::string>{"bcd", "ef", ""}));
}

TEST_F(UnwrittenEntriesTest, are_sent_again_from_the_start_of_the_first_or_from_the_cut) {
  EXPECT_EQ(sent_again(3, ReplayFrom::entry_start), "abcdef");
  EXPECT_EQ(sent_again(3, ReplayFrom::cut), "def");
  EXPECT_EQ(sent_again(4, ReplayFrom::entry_start), "ef");
  EXPECT_EQ(sent_again(0, ReplayFrom::cut), "abcdef");
}

TEST_F(UnwrittenEntriesTest, that_are_refused_stay_as_they_are) {
  WriteHandoff ended = ended_after(1);
  UnwrittenEntries unwritten = unwritten_of(ended).value();
  script = std::make_shared<StreamScript>();
  auto full = spawn_held(limits(2, 100));
  for (const ReplayFrom from : {ReplayFrom::cut, ReplayFrom::entry_start}) {
    const auto refused = replay(full, unwritten, from);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().reason, WriteRefusalReason::can_never_fit);
    EXPECT_EQ(unwritten.entries.size(), 3U);
    EXPECT_EQ(unwritten.entries.front().view(), "abcd");
    EXPECT_EQ(unwritten.first_written, 1U);
  }
}

}  // namespace
}  // namespace bytes_handoff::test
