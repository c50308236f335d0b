#pragma once

#include <asio/io_context.hpp>
#include <atomic>
#include <bytes_handoff/bytes.hpp>
#include <bytes_handoff/write_handoff.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "support/asio_names.hpp"
#include "support/log.hpp"
#include "support/resp_framer.hpp"
#include "support/service.hpp"
#include "support/stall_clock.hpp"

namespace programs {

struct RedisClientOptions {
  tcp::endpoint server{asio::ip::address_v4::loopback(), 6379};
  RespLimits limits;
  std::size_t max_in_flight = 10'000;
  std::size_t max_unwritten = std::size_t{1024} * 1024;
  std::size_t max_waiting = 10'000;
  std::chrono::nanoseconds request_limit{std::chrono::seconds(1)};
  std::chrono::nanoseconds server_limit{std::chrono::seconds(3)};
  std::chrono::nanoseconds retry{std::chrono::milliseconds(100)};
};

/// One connection to a Redis server, for requests of many threads at once.
///
/// The connection is made anew when it has ended. A request that was wholly written then fails: the
/// server may have done it, or not. One that was not is sent again, in its place: the server cannot
/// have done it. Meanwhile requests wait, up to a limit.
///
/// Threads: `send`, `room_changes`, `wake` and `statistics`, any thread. All others, and all
///     handlers, the one thread that runs the context.
class RedisClient {
 public:
  /// What `send` was asked for. An error reply of the server is a reply. Errors: `timed_out`;
  /// `connection_reset` if the connection ended behind the request.
  using Done = std::function<void(const asio::error_code& error, bytes_handoff::Bytes& reply)>;

  RedisClient(asio::io_context& context, Log& log, const RedisClientOptions& options);

  /// Sends whole requests, in their order. The `done` of each is called once, later. Returns how
  /// many it took.
  ///
  /// For the rest there is no room, now or ever, or the client was closed. They are unchanged.
  /// There is room for `max_waiting` requests, and with a connection for `max_in_flight` more. To
  /// wait for room, read `room_changes` before the call, and wait until it is another.
  [[nodiscard]] std::size_t send(std::span<bytes_handoff::Bytes> requests, std::span<Done> done);
  /// Counts moments from which on there may be more room. There are at least eight in each limit of
  /// a request.
  [[nodiscard]] const std::atomic<std::uint64_t>& room_changes() const { return room_changes_; }
  /// Ends all waits for more room.
  void wake();

  /// Is called behind each burst of `done`, such as those of one read. Set it before `start`.
  void on_burst_over(std::function<void()> then) { on_burst_over_ = std::move(then); }
  /// Starts to connect, and whatever else goes on.
  void start();
  /// Refuses further requests, and ends in order behind the last reply. Nothing is left to run
  /// then.
  void close();

  [[nodiscard]] Statistics statistics() const;

 private:
  struct Request {
    bytes_handoff::Bytes bytes;  // empty once the queue has them
    Done done;                   // none: it was told that it is too late
    std::uint64_t sent = 0;      // the tick
  };
  struct Counts {
    std::uint64_t requests = 0, replies = 0, refused = 0, late = 0, lost = 0, replayed = 0;
    std::uint64_t connections = 0, failures = 0;
  };

  awaitable<void> run();
  awaitable<void> watch();
  [[nodiscard]] awaitable<std::string> run_once();
  [[nodiscard]] awaitable<std::string> read(tcp::socket& socket);
  awaitable<void> take_back_unwritten();
  [[nodiscard]] bool pass_on(std::vector<bytes_handoff::Bytes>& replies);
  void take_late(std::deque<Request>& from, std::vector<Done>& late, bool keeps_place);
  void fail(std::vector<Done>& all, const asio::error_code& error);
  void take_given();
  void fill_queue();
  [[nodiscard]] bool is_done() const;
  void end_if_idle();

  asio::io_context& context_;
  Log& log_;
  const RedisClientOptions options_;
  steady_timer retry_;
  steady_timer clock_;
  StallClock stall_;
  bool is_connecting_ = false;
  bool is_ended_here_ = false;
  bool is_over_ = false;
  std::function<void()> on_burst_over_ = [] {};
  std::vector<Done> answered_;  // by one read; kept for its memory
  std::shared_ptr<tcp::socket> socket_;
  bytes_handoff::WriteHandoff out_;
  std::vector<Request> taken_;               // of what was given; kept for its memory
  std::vector<bytes_handoff::Bytes> burst_;  // for one write; likewise
  std::deque<Request> in_flight_;  // the queue has, or had, them: in the order of their replies
  std::deque<Request> waiting_;    // behind them
  std::uint64_t tick_ = 0;
  std::atomic<std::uint64_t> room_changes_{0};

  mutable std::mutex mutex_;  // of all that follows
  bool is_up_ = false;        // only the context's thread changes it
  bool is_closing_ = false;
  bool is_room_awaited_ = false;  // since something was refused
  std::vector<Request> given_;    // the context's thread is told once to take them
  std::size_t held_ = 0;          // requests that it has taken, and has not told the end of
  Counts counts_;
};

}  // namespace programs
