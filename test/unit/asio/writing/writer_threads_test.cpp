#include <array>
#include <atomic>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "bytes_handoff/write_handoff.hpp"
#include "support/queue/writer_fixture.hpp"
#include "support/streams/socket_pairs.hpp"

namespace bytes_handoff::test {
namespace {

constexpr unsigned kThreads = 4;
constexpr unsigned kWritesEach = 400;

/// A context with one thread of its own.
class OwnThread {
 public:
  OwnThread() : work_(context.get_executor()), thread_([this] { context.run(); }) {}
  OwnThread(const OwnThread&) = delete;
  OwnThread& operator=(const OwnThread&) = delete;
  ~OwnThread() {
    work_.reset();
    thread_.join();
  }

  net::io_context context{1};

 private:
  net::executor_work_guard<net::io_context::executor_type> work_;
  std::thread thread_;
};

/// Collects on the thread of a context, and is asked from another one.
template <class Stream>
class RemoteCollector {
 public:
  RemoteCollector(net::io_context& context, Stream& stream) : context_(context) {
    on_its_thread([&] { collector_.emplace(stream); });
  }
  /// Everything up to the end of the stream.
  [[nodiscard]] std::string text() {
    bool is_over = false;
    std::string text;
    while (!is_over) {
      on_its_thread([&] {
        is_over = collector_->is_over();
        text = is_over ? collector_->text() : std::string();
      });
    }
    return text;
  }

 private:
  template <class Function>
  void on_its_thread(Function function) {
    std::promise<void> done;
    net::post(context_, [&] {
      function();
      done.set_value();
    });
    done.get_future().wait();
  }

  net::io_context& context_;
  std::optional<Collector<Stream>> collector_;
};

[[nodiscard]] std::string frame(unsigned thread, unsigned number) {
  return std::to_string(thread) + ":" + std::to_string(number) + "\n";
}

/// Each producer's frames are whole and in its order; returns how many there are in all.
std::size_t count_frames(const std::string& text) {
  std::array<unsigned, kThreads> next{};
  std::size_t frames = 0;
  for (std::size_t at = 0; at < text.size(); ++frames) {
    const std::size_t end = text.find('\n', at);
    const std::size_t colon = text.find(':', at);
    const auto thread = static_cast<std::size_t>(std::stoul(text.substr(at, colon - at)));
    const auto number = std::stoul(text.substr(colon + 1, end - colon - 1));
    EXPECT_GE(number, next.at(thread));
    next.at(thread) = static_cast<unsigned>(number) + 1;
    at = end + 1;
  }
  return frames;
}

/// One thread's writes to a queue, by every operation, on a context of its own.
class Producer {
 public:
  Producer(WriteHandoff& out, unsigned id) : out_(out), id_(id) {}

  /// Returns how many were admitted.
  std::size_t run() {
    for (unsigned i = 0; i < kWritesEach; ++i) {
      if (i % 3 == 0) {
        if (auto ticket = try_send(out_, frame(id_, i))) {
          ++admitted_;
          tickets_.push_back(std::move(*ticket));
        }
      } else {
        wait_for_room(i);
      }
    }
    wait_for_tickets();
    EXPECT_LE(out_.pending_items(), 8U);
    // The last handler may have run before the thread that posted it has left the post.
    EXPECT_TRUE(run_out(own_));
    return admitted_;
  }

 private:
  void wait_for_room(unsigned i) {
    net::cancellation_signal signal;
    bool called = false;
    Bytes bytes = text(frame(id_, i));
    out_.async_write(
        bytes,
        net::bind_cancellation_slot(
            signal.slot(), net::bind_executor(own_, [&](net_error_code error, const WriteTicket&) {
              called = true;
              admitted_ += error ? 0U : 1U;
              EXPECT_EQ(bytes.empty(), !error);
            })));
    if (i % 5 == 0) {
      signal.emit(net::cancellation_type::total);
    }
    ASSERT_TRUE(run_until(own_, [&] { return called; }));
  }

  void wait_for_tickets() {
    std::size_t waited = 0;
    for (WriteTicket& ticket : tickets_) {
      ticket.async_wait(net::bind_executor(own_, [&](net_error_code error, std::size_t) {
        EXPECT_FALSE(error) << error.message();
        ++waited;
      }));
    }
    ASSERT_TRUE(run_until(own_, [&] { return waited == tickets_.size(); }));
  }

  WriteHandoff& out_;
  const unsigned id_;
  net::io_context own_{1};
  std::vector<WriteTicket> tickets_;
  std::size_t admitted_ = 0;
};

template <class Pair>
class WriterThreads : public testing::Test {};
using ThreadedPairs = testing::Types<TcpPair, DuplexPair>;
TYPED_TEST_SUITE(WriterThreads, ThreadedPairs);

TYPED_TEST(WriterThreads, one_handle_serves_four_threads_with_every_operation) {
  OwnThread streams;
  auto [first, far] = TypeParam::make(streams.context);
  auto out = WriteHandoff(std::move(first), limits(8, 64));
  RemoteCollector<typename TypeParam::Stream> peer(streams.context, far);
  std::atomic<std::size_t> admitted{0};
  std::vector<std::thread> producers;
  for (unsigned id = 0; id < kThreads; ++id) {
    producers.emplace_back(
        [&, id, handle = out]() mutable { admitted += Producer(handle, id).run(); });
  }
  for (std::thread& producer : producers) {
    producer.join();
  }
  out.async_close(net::use_future).get();
  EXPECT_EQ(count_frames(peer.text()), admitted.load());
  EXPECT_GT(admitted.load(), kThreads * kWritesEach / 3);
  EXPECT_EQ(out.pending_bytes(), 0U);
  EXPECT_LE(out.statistics().high_water_items, 8U);
  EXPECT_LE(out.statistics().high_water_bytes, 64U);
}

TYPED_TEST(WriterThreads, dispatched_writes_take_turns_with_those_of_other_threads) {
  OwnThread streams;
  auto [first, far] = TypeParam::make(streams.context);
  auto out = WriteHandoff(std::move(first), limits(8, 64));
  RemoteCollector<typename TypeParam::Stream> peer(streams.context, far);
  std::atomic<std::size_t> admitted{0};
  const auto write = [&](unsigned id, unsigned i) {
    std::array burst{text(frame(id, i))};
    admitted += out.try_write(burst).has_value() ? 1U : 0U;
  };
  std::vector<std::thread> producers;
  for (unsigned id = 1; id < kThreads; ++id) {
    producers.emplace_back([&, id] {
      for (unsigned i = 0; i < kWritesEach; ++i) {
        write(id, i);
        std::this_thread::yield();
      }
    });
  }
  // On the stream's own thread, from inside of whose calls the stream is written to.
  for (unsigned i = 0; i < kWritesEach; ++i) {
    net::post(streams.context, [&, i] { write(0, i); });
  }
  for (std::thread& producer : producers) {
    producer.join();
  }
  std::promise<void> all_done;
  net::post(streams.context, [&] { all_done.set_value(); });
  all_done.get_future().wait();
  out.async_close(net::use_future).get();
  EXPECT_EQ(count_frames(peer.text()), admitted.load());
  EXPECT_GT(admitted.load(), 0U);
}

TYPED_TEST(WriterThreads, nobody_barges_past_a_full_budget_write) {
  constexpr unsigned kProducers = 8;
  constexpr std::size_t kBudget = 64;
  OwnThread streams;
  auto [first, far] = TypeParam::make(streams.context);
  auto out = WriteHandoff(std::move(first), limits(64, kBudget));
  RemoteCollector<typename TypeParam::Stream> peer(streams.context, far);
  std::atomic<bool> is_in_line{false};
  std::atomic<bool> is_admitted{false};
  std::atomic<std::size_t> admitted{0};
  std::vector<std::thread> producers;
  for (unsigned id = 0; id < kProducers; ++id) {
    producers.emplace_back([&, handle = out]() mutable {
      while (!is_admitted) {
        // Whether it began before the large write stood in line is told by what it writes.
        const char* const bytes = is_in_line ? "afterwd." : "before_.";
        admitted += try_send(handle, bytes).has_value() ? 1U : 0U;
        std::this_thread::yield();
      }
    });
  }
  while (admitted < 100) {
    std::this_thread::yield();
  }
  std::promise<bool> result;
  Bytes full = text(std::string(kBudget, 'F'));
  out.async_write(full, [&](net_error_code error, const WriteTicket&) {
    is_admitted = true;
    result.set_value(!error);
  });
  is_in_line = true;
  EXPECT_TRUE(result.get_future().get());
  for (std::thread& producer : producers) {
    producer.join();
  }
  out.async_close(net::use_future).get();
  const std::string received = peer.text();
  EXPECT_EQ(received.size(), admitted * 8 + kBudget);
  EXPECT_EQ(received.substr(0, received.find('F')).find("afterwd."), std::string::npos);
}

TEST(WriterThreadsEnd, abort_from_anywhere_settles_every_write) {
  for (int round = 0; round < 20; ++round) {
    OwnThread streams;
    auto pair = UnixPair::make(streams.context);
    auto out = WriteHandoff(std::move(pair.first), limits(4, 1000));
    std::atomic<unsigned> told{0};
    std::vector<std::thread> producers;
    for (unsigned id = 0; id < kThreads; ++id) {
      producers.emplace_back([&, id, handle = out]() mutable {
        for (unsigned i = 0; i < 50; ++i) {
          write_owned(handle, text(std::string(500, 'x')), [&](net_error_code) { ++told; });
        }
        if (id == 0) {
          handle.abort();
        }
      });
    }
    for (std::thread& producer : producers) {
      producer.join();
    }
    std::promise<net_error_code> ended;
    out.async_closed([&](net_error_code error) { ended.set_value(error); });
    EXPECT_EQ(ended.get_future().get(), Errc::aborted);
    EXPECT_EQ(out.pending_items(), 0U);
    std::promise<void> flushed;  // everything posted before has run
    net::post(streams.context, [&] { flushed.set_value(); });
    flushed.get_future().wait();
    EXPECT_EQ(told.load(), kThreads * 50);
  }
}

TEST(WriterThreadsEnd, handles_dropped_on_many_threads_close_once_and_in_order) {
  OwnThread streams;
  auto pair = UnixPair::make(streams.context);
  RemoteCollector<UnixPair::Stream> peer(streams.context, pair.second);
  std::vector<std::thread> producers;
  std::atomic<unsigned> admitted{0};
  std::optional<WriteHandoff> out = WriteHandoff(std::move(pair.first), limits(8, 1000));
  for (unsigned id = 0; id < kThreads; ++id) {
    producers.emplace_back([&admitted, id, handle = *out]() mutable {
      for (unsigned i = 0; i < kWritesEach; ++i) {
        admitted += try_send(handle, frame(id, i)).has_value() ? 1U : 0U;
      }
    });
  }
  out.reset();
  for (std::thread& producer : producers) {
    producer.join();
  }
  producers.clear();
  EXPECT_EQ(count_frames(peer.text()), admitted.load());
}

}  // namespace
}  // namespace bytes_handoff::test
