// Relays between streams of two executors, and progress that another thread asks for.

#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "bytes_handoff/relay.hpp"
#include "support/asio.hpp"
#include "support/pattern.hpp"
#include "support/streams/buffer_feed.hpp"

namespace bytes_handoff::test {
namespace {

using Tcp = net::ip::tcp::socket;

/// A context with one thread of its own.
class WorkerOfRelay {
 public:
  WorkerOfRelay() : work_(context.get_executor()), thread_([this] { context.run(); }) {}
  WorkerOfRelay(const WorkerOfRelay&) = delete;
  WorkerOfRelay& operator=(const WorkerOfRelay&) = delete;
  ~WorkerOfRelay() {
    work_.reset();
    thread_.join();
  }

  net::io_context context{1};

 private:
  net::executor_work_guard<net::io_context::executor_type> work_;
  std::thread thread_;
};

template <class Function>
void run_on(const net::any_io_executor& executor, Function function) {
  std::promise<void> done;
  net::post(executor, [&] {
    function();
    done.set_value();
  });
  done.get_future().wait();
}

struct RemoteEnd {
  net_error_code error;
  RelayCounts counts;
};

/// Two connections. Their near ends are on executors of their own; two threads have the far ends.
class TwoConnections {
 public:
  TwoConnections(net::any_io_executor of_in, net::any_io_executor of_out)
      : of_in_(std::move(of_in)), of_out_(std::move(of_out)) {
    connect(in, client_);
    connect(out, sink_);
  }

  enum class Then { kEnd, kBeSilent };
  void start_peers(const std::string& text, std::size_t from, Then then) {
    feeder_ = std::thread([this, &text, from, then] {
      net_error_code error;
      net::write(client_, net::buffer(text) + from, error);
      if (then == Then::kEnd) {
        client_.shutdown(Tcp::shutdown_send, error);
      }
    });
    drain_ = std::thread([this] { net::read(sink_, net::dynamic_buffer(received), end); });
  }
  void finish() {
    run_on(of_in_, [this] { in.close(); });
    run_on(of_out_, [this] {
      net_error_code ignored;
      out.shutdown(Tcp::shutdown_send, ignored);
    });
    drain_.join();
    feeder_.join();
    run_on(of_out_, [this] { out.close(); });
  }

 private:
  void connect(Tcp& near, Tcp& far) {
    net::ip::tcp::acceptor acceptor(far_context_, {net::ip::address_v4::loopback(), 0});
    near.connect(acceptor.local_endpoint());
    far = acceptor.accept();
  }

  net::any_io_executor of_in_;
  net::any_io_executor of_out_;
  net::io_context far_context_{1};
  Tcp client_{far_context_};
  Tcp sink_{far_context_};
  std::thread feeder_;
  std::thread drain_;

 public:
  Tcp in{of_in_};
  Tcp out{of_out_};
  std::string received;
  net_error_code end;
};

class RelayThreads : public testing::TestWithParam<RelayBy> {
 protected:
  using Executor = net::any_io_executor;
  enum class To { kStream, kQueue };

  static constexpr std::size_t kBytes = 1'000'000;

  /// What a relay needs, and how it ends.
  struct Relay {
    HandoffBuffer buffer;
    RelayProgress progress;
    net::cancellation_signal cancel;
    std::promise<RemoteEnd> over;

    void start(TwoConnections& streams, const Executor& of_handler, To to) {
      auto handler = net::bind_executor(
          of_handler, net::bind_cancellation_slot(cancel.slot(),
                                                  [this](net_error_code error, RelayCounts counts) {
                                                    over.set_value({error, counts});
                                                  }));
      const RelayOptions options{.progress = &progress, .by = GetParam()};
      if (to == To::kStream) {
        async_relay(buffer, streams.in, streams.out, options, std::move(handler));
      } else {
        WriteHandoff queue(std::shared_ptr<Tcp>(std::shared_ptr<void>(), &streams.out),
                           {.max_pending_bytes = 200'000});
        async_relay(buffer, streams.in, queue, options, std::move(handler));
      }
    }
  };

  void run(const Executor& of_in, const Executor& of_out, const Executor& of_handler, To to) {
    TwoConnections streams(of_in, of_out);
    Relay relay;
    feed(relay.buffer, text.substr(0, 1000));
    relay.start(streams, of_handler, to);
    streams.start_peers(text, 1000, TwoConnections::Then::kEnd);
    auto over = relay.over.get_future();
    while (over.wait_for(std::chrono::milliseconds(1)) != std::future_status::ready) {
      const RelayCounts counts = relay.progress.counts();
      EXPECT_LE(counts.passed_on, counts.received);
    }
    const RemoteEnd result = over.get();
    EXPECT_FALSE(result.error) << result.error.message();
    EXPECT_EQ(result.counts, (RelayCounts{kBytes, kBytes, RelaySide::none}));
    EXPECT_EQ(relay.progress.counts(), result.counts);
    streams.finish();
    EXPECT_EQ(streams.end, net::error::eof);
    EXPECT_TRUE(streams.received == text);
  }

  /// Cancels it on the handler's executor when `at` bytes have passed.
  void cancel_at(std::size_t at, const Executor& of_in, const Executor& of_out,
                 const Executor& of_handler) {
    TwoConnections streams(of_in, of_out);
    Relay relay;
    run_on(of_handler, [&] { relay.start(streams, of_handler, To::kStream); });
    streams.start_peers(text, 0, TwoConnections::Then::kBeSilent);
    while (relay.progress.counts().passed_on < at) {
      std::this_thread::yield();
    }
    run_on(of_handler, [&] { relay.cancel.emit(net::cancellation_type::total); });
    const RemoteEnd result = relay.over.get_future().get();
    EXPECT_EQ(result.error, net::error::operation_aborted);
    streams.finish();
    EXPECT_EQ(streams.received.size(), result.counts.passed_on);
    EXPECT_TRUE(streams.received + std::string(relay.buffer.peek_view()) ==
                text.substr(0, result.counts.received));
  }

  const std::string text = pattern(kBytes);
};

INSTANTIATE_TEST_SUITE_P(By, RelayThreads, testing::Values(RelayBy::copy, RelayBy::kernel));

TEST_P(RelayThreads, between_two_contexts) {
  WorkerOfRelay a;
  WorkerOfRelay b;
  WorkerOfRelay c;
  for (const To to : {To::kStream, To::kQueue}) {
    run(a.context.get_executor(), b.context.get_executor(), c.context.get_executor(), to);
  }
}

TEST_P(RelayThreads, between_two_strands_with_handlers_on_a_pool) {
  net::thread_pool pool(2);
  for (const To to : {To::kStream, To::kQueue}) {
    net::io_context context;
    auto work = net::make_work_guard(context);
    std::thread first([&] { context.run(); });
    std::thread second([&] { context.run(); });
    run(net::make_strand(context), net::make_strand(context), pool.get_executor(), to);
    work.reset();
    first.join();
    second.join();
  }
}

TEST_P(RelayThreads, a_cancellation_at_any_time_loses_nothing) {
  WorkerOfRelay a;
  WorkerOfRelay b;
  WorkerOfRelay c;
  for (std::size_t round = 0; round < 9; ++round) {
    cancel_at(round * 100'000, a.context.get_executor(), b.context.get_executor(),
              c.context.get_executor());
  }
}

}  // namespace
}  // namespace bytes_handoff::test
