// A log, its publishers and its subscribers on many threads.
#include <gmock/gmock.h>

#include <array>
#include <atomic>
#include <barrier>
#include <charconv>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "bytes_handoff/fan_out.hpp"
#include "support/asio.hpp"
#include "support/fan_out/subscribed_queue.hpp"
#include "support/queue/writer_fixture.hpp"
#include "support/stepping/count.hpp"

namespace bytes_handoff::test {
namespace {

/// A context with a thread of its own.
class Worker {
 public:
  Worker() : thread_([this] { context.run(); }) {}
  ~Worker() { stop(); }

  void stop() {
    work_.reset();
    if (thread_.joinable()) {
      thread_.join();
    }
  }

  net::io_context context{1};

 private:
  net::executor_work_guard<net::io_context::executor_type> work_{context.get_executor()};
  std::thread thread_;
};

/// Publications "<publisher>:<number>\n".
void publish_numbers(const FanOut& log, int publisher, int count) {
  for (int i = 0; i != count; ++i) {
    Bytes bytes = text(std::to_string(publisher) + ":" + std::to_string(i) + "\n");
    ASSERT_TRUE(log.publish(bytes));
  }
}

/// How many lines `written` has; each publisher's are in their order.
std::size_t expect_in_order(const std::string& written) {
  std::array<int, 10> last{};
  last.fill(-1);
  std::size_t lines = 0;
  for (std::size_t at = 0; at < written.size(); ++lines) {
    const std::size_t end = written.find('\n', at);
    const auto publisher = static_cast<std::size_t>(written[at] - '0');
    int number = 0;
    std::from_chars(written.data() + at + 2, written.data() + end, number);
    EXPECT_LT(last.at(publisher), number);
    last.at(publisher) = number;
    at = end + 1;
  }
  return lines;
}

template <class Stream>
struct Peer {
  std::shared_ptr<StreamScript> script = std::make_shared<StreamScript>();
  WriteHandoff out;
  Subscription subscription;
};

TEST(FanOutThreads, publishers_on_two_threads_reach_subscribers_on_two_contexts) {
  const int count = static_cast<int>(count_or(2000));
  std::array<Worker, 2> workers;
  std::vector<Peer<IoStream>> peers(20);
  {
    const FanOut log({.max_bytes = 10'000'000, .max_entries = 100'000});
    for (std::size_t i = 0; i != peers.size(); ++i) {
      Peer<IoStream>& peer = peers[i];
      peer.out = WriteHandoff(IoStream(workers.at(i % 2).context.get_executor(), peer.script),
                              limits(64, 4096));
      peer.subscription = log.subscribe(peer.out);
    }
    std::jthread other([&] { publish_numbers(log, 1, count); });
    publish_numbers(log, 2, count);
    other.join();
    log.close();
  }
  for (Worker& worker : workers) {
    worker.stop();
  }
  for (const auto& peer : peers) {
    EXPECT_EQ(expect_in_order(peer.script->written), static_cast<std::size_t>(2 * count));
    EXPECT_EQ(peer.subscription.missed(), 0U);
    EXPECT_EQ(peer.script->ends, 1U) << "the queue is closed behind the rest";
  }
}

TEST(FanOutThreads, a_full_log_drops_what_each_subscriber_is_told_of) {
  const int count = static_cast<int>(count_or(5000));
  std::array<Worker, 2> workers;
  std::vector<Peer<IoStream>> peers(10);
  {
    const FanOut log({.max_bytes = 200, .max_entries = 20});
    for (std::size_t i = 0; i != peers.size(); ++i) {
      Peer<IoStream>& peer = peers[i];
      peer.out = WriteHandoff(IoStream(workers.at(i % 2).context.get_executor(), peer.script),
                              limits(4, 100));
      peer.subscription = log.subscribe(peer.out, {.conflate = i % 3 == 0});
    }
    std::jthread other([&] { publish_numbers(log, 1, count); });
    publish_numbers(log, 2, count);
    other.join();
    log.close();
  }
  for (Worker& worker : workers) {
    worker.stop();
  }
  for (const auto& peer : peers) {
    EXPECT_EQ(expect_in_order(peer.script->written) + peer.subscription.missed() +
                  peer.subscription.conflated(),
              static_cast<std::size_t>(2 * count));
  }
}

TEST(FanOutStrand, takes_its_turns_on_the_strand_of_the_stream) {
  net::io_context context(1);
  const FanOut log;
  auto script = std::make_shared<StreamScript>();
  script->hold_from = 0;
  const auto strand = net::make_strand(context.get_executor());
  WriteHandoff out(ScriptedStream<net::strand<net::io_context::executor_type>>(strand, script),
                   limits(1, 1000));
  std::vector<bool> is_on_strand;
  const Subscription subscription =
      log.subscribe(out, {.skip_beyond = {.entries = 1}, .gap_note = [&](std::uint64_t /*missed*/) {
                            is_on_strand.push_back(strand.running_in_this_thread());
                            return text("gap");
                          }});
  for (const char* each : {"a", "b", "c", "d"}) {
    ASSERT_TRUE(publish(log, each));
    run_ready(context);
  }
  script->hold_from = kNever;
  script->complete({}, 1);
  run_ready(context);
  EXPECT_FALSE(is_on_strand.empty());
  EXPECT_THAT(is_on_strand, testing::Each(true));
}

TEST(FanOutThreads, strands_of_one_context_with_two_threads_are_lanes_of_their_own) {
  using Strand = net::strand<net::io_context::executor_type>;
  using StrandStream = ScriptedStream<Strand>;
  const int count = static_cast<int>(count_or(1000));
  net::io_context context(2);
  std::vector<Peer<StrandStream>> peers(10);
  {
    const FanOut log({.max_bytes = 10'000'000, .max_entries = 100'000});
    for (auto& peer : peers) {
      peer.out = WriteHandoff(StrandStream(net::make_strand(context.get_executor()), peer.script),
                              limits(16, 4096));
      peer.subscription = log.subscribe(peer.out);
    }
    auto work = std::make_optional(net::make_work_guard(context));
    std::jthread first([&] { context.run(); });
    std::jthread second([&] { context.run(); });
    publish_numbers(log, 1, count);
    log.close();
    work.reset();
  }
  context.run();
  for (const auto& peer : peers) {
    EXPECT_EQ(expect_in_order(peer.script->written), static_cast<std::size_t>(count));
  }
}

TEST(FanOutThreads, joining_leaving_and_ending_are_safe_at_any_moment) {
  const int rounds = static_cast<int>(count_or(300));
  std::array<Worker, 2> workers;
  const FanOut log({.max_bytes = 2000, .max_entries = 100});
  std::atomic<bool> is_over{false};
  std::jthread publisher([&] {
    for (int i = 0; !is_over; ++i) {
      Bytes bytes = text(std::to_string(i));
      ASSERT_TRUE(log.publish(bytes, static_cast<std::uint64_t>(i % 3)));
    }
  });
  const auto join_and_leave = [&](unsigned seed) {
    for (int i = 0; i != rounds; ++i) {
      auto script = std::make_shared<StreamScript>();
      const unsigned what = (seed + static_cast<unsigned>(i)) % 6;
      WriteHandoff out(IoStream(workers.at(what % 2).context.get_executor(), script),
                       limits(2, 20));
      Subscription subscription =
          log.subscribe(out, {.conflate = what % 3 == 0, .hard_limit = {.entries = 50}});
      if (what < 2) {
        subscription.leave();
      } else if (what == 2) {
        out.abort();
      } else if (what == 3) {
        out.close();
      } else if (what == 4) {
        out = WriteHandoff();
      }
    }
  };
  std::jthread first(join_and_leave, 0U);
  std::jthread second(join_and_leave, 3U);
  first.join();
  second.join();
  is_over = true;
}

TEST(FanOutThreads, a_context_may_be_destroyed_while_others_publish) {
  const FanOut log({.max_bytes = 2000, .max_entries = 100});
  std::atomic<bool> is_over{false};
  std::jthread publisher([&] {
    while (!is_over) {
      Bytes bytes = text("x");
      ASSERT_TRUE(log.publish(bytes));
    }
  });
  const int rounds = static_cast<int>(count_or(100));
  for (int i = 0; i != rounds; ++i) {
    auto context = std::make_unique<net::io_context>(1);
    std::vector<Peer<IoStream>> peers(4);
    for (auto& peer : peers) {
      if (i % 2 == 0) {
        peer.script->hold_from = 3;
      }
      peer.out = WriteHandoff(IoStream(context->get_executor(), peer.script), limits(2, 20));
      peer.subscription = log.subscribe(peer.out);
    }
    for (int left = 20; left != 0; --left) {
      context->restart();
      context->poll_one();
    }
    context.reset();
    for (const auto& peer : peers) {
      EXPECT_FALSE(peer.subscription.is_active());
    }
  }
  is_over = true;
}

}  // namespace
}  // namespace bytes_handoff::test
