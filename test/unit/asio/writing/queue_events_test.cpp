// The name and the events of a queue in front of a stream: threads, reentrancy, ends.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bytes_handoff/memory.hpp"
#include "bytes_handoff/testing/duplex.hpp"
#include "bytes_handoff/testing/manual_clock.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "support/pattern.hpp"
#include "support/run_for.hpp"

namespace bytes_handoff::test {
namespace {

using namespace std::chrono_literals;

class QueueEvents : public testing::Test {
 protected:
  using Stream = BasicDuplexStream<ManualExecutor>;

  QueueEvents() {
    std::pair<Stream, Stream> streams = make_duplex(clock.executor(*context), 16);
    near.emplace(std::move(streams.first));
    far.emplace(std::move(streams.second));
  }

  WriteHandoffConfig heard(WriteHandoffConfig config = {}) {
    config.name = "upstream";
    config.on_event = [this](const QueueEvent& event) {
      events.push_back(event);
      errors.push_back(end_error(event));
      threads.push_back(std::this_thread::get_id());
      names.emplace_back(event.name);
      if (on_hear) {
        on_hear(event);
      }
    };
    return config;
  }
  bool send(const WriteHandoff& out, std::size_t size) {
    Bytes bytes = Bytes::copy_of(pattern(size));
    return out.try_write(bytes).has_value();
  }
  void take(std::size_t size) {
    std::string taken(size, ' ');
    ASSERT_EQ(far->read_some(net::buffer(taken)), size);
    run_ready(*context);
  }
  std::vector<QueueEventKind> told() {
    std::vector<QueueEventKind> kinds;
    for (const QueueEvent& event : std::exchange(events, {})) {
      kinds.push_back(event.kind);
      last = event;
    }
    return kinds;
  }

  std::vector<QueueEvent> events;
  std::vector<net_error_code> errors;
  std::vector<std::thread::id> threads;
  std::vector<std::string> names;
  QueueEvent last;
  std::function<void(const QueueEvent&)> on_hear;

  std::optional<net::io_context> context{std::in_place, 1};
  ManualClock clock;
  std::optional<Stream> near;
  std::optional<Stream> far;
};

using Kind = QueueEventKind;

TEST_F(QueueEvents, have_the_name_which_is_copied) {
  std::string name = "client 7";
  WriteHandoffConfig config = heard();
  config.name = name;
  WriteHandoff out(std::move(*near), config);
  name.assign(name.size(), 'x');
  EXPECT_EQ(out.name(), "client 7");
  out.abort();
  EXPECT_EQ(names, std::vector<std::string>{"client 7"});
}

TEST_F(QueueEvents, need_no_name) {
  WriteHandoff out(std::move(*near));
  EXPECT_EQ(out.name(), "");
}

TEST_F(QueueEvents, a_name_ends_at_its_first_null_character) {
  WriteHandoffConfig config;
  config.name = std::string_view("ab\0cd", 5);
  WriteHandoff out(std::move(*near), config);
  EXPECT_EQ(out.name(), "ab");
}

TEST_F(QueueEvents, the_name_is_in_messages) {
  WriteHandoffConfig config = heard({.max_items = 1});
  WriteHandoff out(std::move(*near), config);
  ASSERT_TRUE(send(out, 1));
  Bytes more = Bytes::copy_of("x");
  EXPECT_EQ(out.try_write(more).error().message(),
            "write to \"upstream\" refused: 2 items would be pending, the limit is 1 "
            "(`max_items`)");
  EXPECT_EQ(out.try_reserve(1).error().queue_name, "upstream");
  config.max_items = 0;
  try {
    WriteHandoff wrong(std::move(*far), config);
    FAIL() << "it was taken";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(),
                 "WriteHandoffConfig::max_items is 0: it must be at least 1 (queue \"upstream\")");
  }
}

TEST_F(QueueEvents, of_a_stall_come_from_the_clock_of_the_executor) {
  WriteHandoff out(std::move(*near), heard({.stalled_after = 8s}));
  ASSERT_TRUE(send(out, 40));
  run_ready(*context);
  clock.advance(11s);
  run_ready(*context);
  EXPECT_EQ(told(), std::vector{Kind::stalled});
  EXPECT_GE(last.silent, 8s);
  EXPECT_EQ(last.bytes, 40U);
  take(16);
  EXPECT_EQ(told(), std::vector{Kind::moving});
  clock.advance(11s);
  run_ready(*context);
  EXPECT_EQ(told(), std::vector{Kind::stalled}) << "again";
}

TEST_F(QueueEvents, are_told_on_the_thread_that_has_brought_them_about) {
  WriteHandoff out(std::move(*near), heard({.max_items = 1}));
  std::thread::id other;
  std::thread([&] {
    other = std::this_thread::get_id();
    EXPECT_TRUE(send(out, 1));
    EXPECT_FALSE(send(out, 1));
    EXPECT_EQ(events.size(), 1U) << "before the call returns";
  }).join();
  EXPECT_EQ(told(), std::vector{Kind::refusing});
  EXPECT_EQ(threads, std::vector{other});
}

TEST_F(QueueEvents, by_a_refused_commit_or_reservation_are_told_too) {
  WriteHandoff out(std::move(*near), heard({.max_items = 1}));
  auto permit = out.try_reserve(1);
  ASSERT_TRUE(permit);
  EXPECT_FALSE(out.try_reserve(1));
  EXPECT_EQ(told(), std::vector{Kind::refusing});
  Bytes large = Bytes::copy_of("ab");
  EXPECT_FALSE(permit->commit(large));
  EXPECT_EQ(told(), std::vector<Kind>()) << "no lack of room";
}

TEST_F(QueueEvents, of_waiters_come_with_the_operation) {
  WriteHandoff out(std::move(*near), heard({.max_items = 1}));
  ASSERT_TRUE(send(out, 40));
  run_ready(*context);
  Bytes bytes = Bytes::copy_of("x");
  bool is_done = false;
  out.async_write(bytes, [&](const net_error_code& error, WriteTicket) {
    EXPECT_FALSE(error);
    is_done = true;
  });
  EXPECT_EQ(told(), std::vector{Kind::waiting});
  for (const std::size_t size : {16U, 16U, 8U}) {
    take(size);
  }
  EXPECT_TRUE(is_done);
  EXPECT_EQ(told(), std::vector{Kind::nobody_waits});
}

TEST_F(QueueEvents, the_last_handle_is_told_from_an_abort) {
  std::optional<WriteHandoff> out(std::in_place, std::move(*near), heard());
  ASSERT_TRUE(send(*out, 4));
  out.reset();
  EXPECT_EQ(told(), std::vector<Kind>()) << "what was admitted is written first";
  run_ready(*context);
  EXPECT_EQ(told(), std::vector{Kind::ended});
  EXPECT_EQ(last.ended_by, EndedBy::last_handle);
  EXPECT_EQ(errors.back(), Errc::aborted);
}

TEST_F(QueueEvents, a_context_that_goes_ends_its_queues) {
  WriteHandoff out(std::move(*near), heard());
  ASSERT_TRUE(send(out, 40));
  run_ready(*context);
  near.reset();
  far.reset();
  context.reset();
  EXPECT_EQ(told(), std::vector{Kind::ended});
  EXPECT_EQ(last.ended_by, EndedBy::context);
  EXPECT_EQ(last.bytes, 24U);
  EXPECT_EQ(errors.back(), Errc::closed);
}

TEST_F(QueueEvents, the_hook_may_end_the_queue_and_drop_its_handles) {
  std::optional<WriteHandoff> out(std::in_place, std::move(*near), heard({.stalled_after = 1s}));
  on_hear = [&](const QueueEvent& event) {
    if (event.kind == Kind::stalled) {
      out->abort();
      EXPECT_FALSE(out->is_open());
      out.reset();
      EXPECT_EQ(events.size(), 1U) << "the end comes behind it";
    }
  };
  ASSERT_TRUE(send(*out, 40));
  run_ready(*context);
  clock.advance(2s);
  run_ready(*context);
  EXPECT_EQ(told(), (std::vector{Kind::stalled, Kind::ended}));
  EXPECT_EQ(last.ended_by, EndedBy::abort);
}

TEST_F(QueueEvents, the_hook_may_drop_the_handle_by_which_the_call_was_made) {
  std::optional<WriteHandoff> out(std::in_place, std::move(*near), heard({.max_items = 1}));
  on_hear = [&](const QueueEvent& /*any*/) { out.reset(); };
  out->abort();
  EXPECT_FALSE(out);
  EXPECT_EQ(told(), std::vector{Kind::ended});
  auto [another, peer] = make_duplex(clock.executor(*context), 16);
  out.emplace(std::move(another), heard({.max_items = 1}));
  ASSERT_TRUE(send(*out, 1));
  EXPECT_FALSE(send(*out, 1)) << "a handle on nothing, and the call goes on";
  EXPECT_EQ(told(), std::vector{Kind::refusing});
  run_ready(*context);
  EXPECT_EQ(told(), std::vector{Kind::ended});
  EXPECT_EQ(last.ended_by, EndedBy::last_handle);
}

TEST_F(QueueEvents, a_queue_that_its_budget_sheds_tells_both) {
  const MemoryBudget budget({.limit = 100'000, .shed_after = 10min});
  WriteHandoff stuck(std::move(*near), heard({.memory_budget = budget, .stalled_after = 0s}));
  ASSERT_TRUE(send(stuck, 60'000));
  run_ready(*context);
  while (!stuck.first_error()) {
    budget.shed(99'000);
    run_ready(*context);
    const auto next = clock.next_wait();
    ASSERT_TRUE(next) << "nothing is armed";
    clock.advance(*next);
    run_ready(*context);
  }
  EXPECT_EQ(told(), (std::vector{Kind::shed, Kind::ended}));
  EXPECT_EQ(last.ended_by, EndedBy::memory_budget);
  EXPECT_EQ(last.bytes, 60'000U - 16U);
  EXPECT_EQ(errors.front(), Errc::shed);
}

// Each tells, one at a time; what one has brought about may be told by another.
TEST_F(QueueEvents, of_several_threads_are_told_one_at_a_time) {
  std::atomic<int> inside = 0;
  on_hear = [&](const QueueEvent& /*any*/) {
    EXPECT_EQ(inside.fetch_add(1), 0);
    std::this_thread::yield();
    inside.fetch_sub(1);
  };
  WriteHandoff out(std::move(*near), heard({.max_items = 2}));
  std::vector<std::thread> writers;
  for (int i = 0; i != 3; ++i) {
    writers.emplace_back([&] {
      for (int n = 0; n != 300; ++n) {
        static_cast<void>(send(out, 1));
      }
    });
  }
  std::thread reader([&] {
    net_error_code error;
    std::string taken(16, ' ');
    for (int n = 0; n != 3000; ++n) {
      context->poll();
      context->restart();
      if (far->available() != 0) {
        far->read_some(net::buffer(taken), error);
      }
    }
  });
  for (std::thread& writer : writers) {
    writer.join();
  }
  reader.join();
  out.abort();
  run_ready(*context);
  const std::vector<Kind> kinds = told();
  ASSERT_FALSE(kinds.empty());
  for (std::size_t i = 0; i + 1 < kinds.size(); ++i) {
    EXPECT_EQ(kinds[i], i % 2 == 0 ? Kind::refusing : Kind::admitting) << "they take turns";
  }
  EXPECT_EQ(kinds.back(), Kind::ended);
}

}  // namespace
}  // namespace bytes_handoff::test
