// Relays between streams of two executors, and progress that another thread asks for.

#include <atomic>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "bytes_handoff/relay.hpp"
#include "support/asio.hpp"
#include "support/pattern.hpp"
#include "support/run_for.hpp"
#include "support/streams/buffer_feed.hpp"
#include "support/streams/socket_pairs.hpp"

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

struct RemoteEnd {
  net_error_code error;
  RelayCounts counts;
};

/// Two connections, whose far ends the test's thread has, blocking.
class RelayThreads : public testing::Test {
 protected:
  static constexpr std::size_t kBytes = 3'000'000;

  static std::pair<Tcp, Tcp> connect(net::any_io_executor near, net::io_context& far) {
    net::ip::tcp::acceptor acceptor(far, {net::ip::address_v4::loopback(), 0});
    Tcp first(near);
    first.connect(acceptor.local_endpoint());
    return {std::move(first), acceptor.accept()};
  }

  /// Relays `kBytes` from a stream of `of_in` to one of `of_out`, while two threads feed and drain.
  template <class ToOut>
  void run(net::any_io_executor of_in, net::any_io_executor of_out, net::any_io_executor of_handler,
           ToOut to_out) {
    auto [in, client] = connect(of_in, far);
    auto [out, sink] = connect(of_out, far);
    HandoffBuffer buffer;
    feed(buffer, text.substr(0, 1000));
    RelayProgress progress;
    std::promise<RemoteEnd> over;
    to_out(buffer, in, out, progress,
           net::bind_executor(of_handler, [&](net_error_code error, RelayCounts counts) {
             over.set_value({error, counts});
           }));
    std::thread feeder([&, &socket = client] {
      net::write(socket, net::buffer(text) + 1000);
      socket.shutdown(Tcp::shutdown_send);
    });
    std::string received;
    std::thread drain([&, &socket = sink] {
      net_error_code error;
      net::read(socket, net::dynamic_buffer(received), error);
      EXPECT_EQ(error, net::error::eof);
    });
    auto end = over.get_future();
    while (end.wait_for(std::chrono::milliseconds(0)) != std::future_status::ready) {
      const RelayCounts counts = progress.counts();
      EXPECT_LE(counts.passed_on, counts.received);
      std::this_thread::yield();
    }
    const RemoteEnd result = end.get();
    EXPECT_FALSE(result.error) << result.error.message();
    EXPECT_EQ(result.counts, (RelayCounts{kBytes, kBytes, RelaySide::none}));
    EXPECT_EQ(progress.counts(), result.counts);
    feeder.join();
    drain.join();
    EXPECT_TRUE(received == text);
    // The streams go where they are used.
    std::promise<void> gone;
    net::post(of_in, [&, &socket = in] {
      socket.close();
      net::post(of_out, [&, &other = out] {
        other.close();
        gone.set_value();
      });
    });
    gone.get_future().wait();
  }

  static auto to_stream() {
    return [](HandoffBuffer& buffer, Tcp& in, Tcp& out, RelayProgress& progress, auto handler) {
      async_relay(buffer, in, out, {.progress = &progress}, std::move(handler));
    };
  }
  static auto to_queue() {
    return [](HandoffBuffer& buffer, Tcp& in, Tcp& out, RelayProgress& progress, auto handler) {
      WriteHandoff queue(std::shared_ptr<Tcp>(std::shared_ptr<void>(), &out),
                         {.max_pending_bytes = 200'000});
      async_relay(buffer, in, queue, {.progress = &progress}, std::move(handler));
    };
  }

  const std::string text = pattern(kBytes);
  net::io_context far{1};
};

TEST_F(RelayThreads, between_two_contexts) {
  WorkerOfRelay a;
  WorkerOfRelay b;
  WorkerOfRelay c;
  run(a.context.get_executor(), b.context.get_executor(), c.context.get_executor(), to_stream());
  run(a.context.get_executor(), b.context.get_executor(), c.context.get_executor(), to_queue());
}

TEST_F(RelayThreads, between_two_strands_with_handlers_on_the_pool) {
  net::thread_pool pool(3);
  net::io_context context;
  auto work = net::make_work_guard(context);
  std::thread first([&] { context.run(); });
  std::thread second([&] { context.run(); });
  run(net::make_strand(context), net::make_strand(context), pool.get_executor(), to_stream());
  run(net::make_strand(context), net::make_strand(context), pool.get_executor(), to_queue());
  work.reset();
  first.join();
  second.join();
}

/// Cancelled from the handler's executor while both sides are busy.
TEST_F(RelayThreads, a_cancellation_at_any_time_loses_nothing) {
  WorkerOfRelay a;
  WorkerOfRelay b;
  WorkerOfRelay c;
  for (int round = 0; round < 20; ++round) {
    auto [in, client] = connect(a.context.get_executor(), far);
    auto [out, sink] = connect(b.context.get_executor(), far);
    HandoffBuffer buffer;
    RelayProgress progress;
    net::cancellation_signal cancel;
    std::promise<RemoteEnd> over;
    net::post(c.context, [&, &from = in, &to = out] {
      async_relay(
          buffer, from, to, {.progress = &progress},
          net::bind_executor(c.context.get_executor(),
                             net::bind_cancellation_slot(
                                 cancel.slot(), [&](net_error_code error, RelayCounts counts) {
                                   over.set_value({error, counts});
                                 })));
    });
    std::thread feeder([&, &socket = client] {
      net_error_code error;
      net::write(socket, net::buffer(text), error);
    });
    std::string received;
    std::thread drain([&, &socket = sink] {
      net_error_code error;
      net::read(socket, net::dynamic_buffer(received), error);
    });
    while (progress.counts().passed_on < static_cast<std::size_t>(round) * 100'000) {
      std::this_thread::yield();
    }
    net::post(c.context, [&] { cancel.emit(net::cancellation_type::total); });
    const RemoteEnd result = over.get_future().get();
    EXPECT_EQ(result.error, net::error::operation_aborted);
    EXPECT_EQ(result.counts.received - result.counts.passed_on, buffer.size());
    std::promise<void> gone;
    net::post(a.context, [&, &socket = in] {
      socket.close();
      net::post(b.context, [&, &other = out] {
        other.shutdown(Tcp::shutdown_send);
        gone.set_value();
      });
    });
    gone.get_future().wait();
    drain.join();
    feeder.join();
    EXPECT_EQ(received.size(), result.counts.passed_on);
    EXPECT_TRUE(received + std::string(buffer.peek_view()) ==
                text.substr(0, result.counts.received));
    std::promise<void> closed;
    net::post(b.context, [&, &other = out] {
      other.close();
      closed.set_value();
    });
    closed.get_future().wait();
  }
}

}  // namespace
}  // namespace bytes_handoff::test
