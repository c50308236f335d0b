#pragma once

#include <bytes_handoff/write_handoff.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "resp_router/gathered.hpp"
#include "resp_router/write_turn.hpp"
#include "support/asio_names.hpp"
#include "support/resp_framer.hpp"
#include "support/service.hpp"
#include "support/stall_clock.hpp"

namespace programs {

/// Who waits for replies.
class ReplyTaker {
 public:
  /// The reply to the request, or to its part, that was sent with this place. It may be moved from.
  virtual void fill(std::uint64_t place, std::uint32_t part, bytes_handoff::Bytes& reply,
                    const std::vector<RespValue>& values) = 0;

 protected:
  ~ReplyTaker() = default;
};

struct ServerOptions {
  RespLimits limits;
  std::size_t max_unwritten = std::size_t{4} * 1024 * 1024;
  std::chrono::nanoseconds limit{std::chrono::seconds(1)};

  /// `--max-unwritten` and `--server-limit`.
  void declare(CommandLine& line);
};

/// The one connection to a Redis server, which all clients share. It is made anew when it has
/// failed. All on the thread of the service.
class RedisServer final : public WritesInTurns {
 public:
  RedisServer(Service& service, WriteTurn& turn, const ServerOptions& options, tcp::endpoint at);

  /// Connects, again and again, until `end`. A server is up once it has answered a PING.
  awaitable<void> run();

  /// Sends the request in this turn. False, if there is no room for it: `send_rest` must follow
  /// before anything else is sent here, even by others.
  ///
  /// The reply comes in any case, in the order of these calls. It is an error reply if the server
  /// is down, or goes down meanwhile.
  [[nodiscard]] bool try_send(std::shared_ptr<ReplyTaker> taker, std::uint64_t place,
                              std::uint32_t part, std::span<bytes_handoff::Bytes> request);
  /// Waits for room. Not longer than the server may take for a reply.
  awaitable<void> send_rest(std::span<bytes_handoff::Bytes> rest);

  /// Ends the connection if no reply has come for too long. Called again and again.
  void look_at_clock(std::chrono::nanoseconds passed);
  /// Ends everything in order. Nobody may wait for a reply any more.
  void end();

  /// `failed_requests` and the like, of all servers.
  static void add_to(Statistics& statistics, const std::deque<RedisServer>& servers);

 private:
  struct Waiting {
    std::shared_ptr<ReplyTaker> taker;  // none: this server itself
    std::uint64_t place = 0;
    std::uint32_t part = 0;
  };
  struct Counts {
    std::uint64_t failed = 0;  // requests
    std::uint64_t waits = 0;
    std::uint64_t ends = 0;
  };

  void write(Gathered& of_others) override;
  void write_gathered();
  [[nodiscard]] awaitable<std::string> run_once();
  [[nodiscard]] awaitable<std::string> read(tcp::socket& socket);
  [[nodiscard]] bool pass_on(bytes_handoff::Bytes& reply, const std::vector<RespValue>& values);
  void refuse(const Waiting& waiting, std::string_view reason);

  static constexpr std::size_t kBlockBytes = std::size_t{16} * 1024;

  Service& service_;
  WriteTurn& turn_;
  const std::shared_ptr<WritesInTurns> self_{std::shared_ptr<void>(), this};  // not kept
  const ServerOptions& options_;
  tcp::endpoint at_;
  std::shared_ptr<tcp::socket> socket_;
  bytes_handoff::WriteHandoff out_;
  Gathered gathered_{kBlockBytes};  // requests of this turn
  std::size_t room_ = 0;            // for more of them, at least
  std::size_t in_line_ = 0;         // requests that wait for room
  std::deque<Waiting> waiting_;
  Counts counts_;
  bool is_up_ = false;
  bool is_ending_ = false;
  std::string problem_;  // that ended the connection, if it was found here
  std::uint64_t replies_ = 0;
  StallClock clock_;
  steady_timer retry_;
};

}  // namespace programs
