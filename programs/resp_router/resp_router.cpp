// Redis clients in front, Redis servers behind. Keys are hashed over the servers. All clients share
// one connection to each server, with one `WriteHandoff`. Replies come back in the order of the
// requests. Small ones leave together, copied into one block; others as slices of what was read.
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <bytes_handoff.hpp>
#include <deque>
#include <stdexcept>

#include "resp_router/options.hpp"
#include "resp_router/redis_server.hpp"
#include "resp_router/reply_order.hpp"
#include "resp_router/requests.hpp"
#include "resp_router/write_turn.hpp"
#include "support/as_tuple.hpp"
#include "support/service.hpp"
#include "support/stall_clock.hpp"

namespace programs {
namespace {

using bytes_handoff::Bytes;
using bytes_handoff::HandoffBuffer;
using bytes_handoff::WriteHandoff;
using std::chrono::nanoseconds;

constexpr auto kToken = programs::as_tuple(use_awaitable);
const bytes_handoff::LingerLimits kLinger{.silence = std::chrono::seconds(1)};
constexpr std::size_t kMuchUnread = 256 * 1024;  // no further request is taken meanwhile

class Client final : public ReplyTaker,
                     public WritesInTurns,
                     public std::enable_shared_from_this<Client> {
 public:
  Client(Connection& connection, const RouterOptions& options, WriteTurn& turn)
      : socket(std::make_shared<tcp::socket>(std::move(connection.client))),
        in({.max_size = options.server.limits.buffer_size()}),
        out(socket, {.max_items = SIZE_MAX,
                     .max_pending_bytes = options.max_unread,
                     .stall_timeout = options.client_limit}),
        turn_(turn) {}

  void fill(std::uint64_t place, std::uint32_t part, Bytes& reply,
            const std::vector<RespValue>& values) override {
    if (order.fill(place, part, reply, values)) turn_.add(shared_from_this());
  }
  void write(Gathered& gathered) override {
    order.take(gathered);
    const auto sent = out.try_write(gathered.slices());
    if (!sent && sent.error().reason != bytes_handoff::WriteRefusalReason::closed) {
      problem = "it does not read its replies: " + sent.error().message();
      out.abort();
    }
    if (freed_ != nullptr && order.size() <= wanted_) freed_->cancel();
  }
  // Replies of several servers come one behind the other.
  [[nodiscard]] bool can_wait() const override { return order.missing() != 0; }
  void answer(Bytes reply) { fill(order.add(), 0, reply, {}); }

  /// Until no more than `most` requests wait for their replies.
  awaitable<void> until_at_most(std::size_t most) {
    while (order.size() > most) {
      steady_timer freed(socket->get_executor(), steady_timer::time_point::max());
      freed_ = &freed;
      wanted_ = most;
      co_await freed.async_wait(kToken);
      freed_ = nullptr;
    }
  }

  void look_at_clock(nanoseconds passed, nanoseconds limit) {
    if (!clock_.look(is_reading && !in.empty(), reads, passed, limit)) return;
    problem = "its request did not end in time";
    out.abort();
  }

  const std::shared_ptr<tcp::socket> socket;
  HandoffBuffer in;
  const WriteHandoff out;
  ReplyOrder order;
  std::string problem;  // why the connection ends, if not in order
  bool is_reading = false;
  std::uint64_t reads = 0;

 private:
  WriteTurn& turn_;
  steady_timer* freed_ = nullptr;  // until no more than `wanted_` wait
  std::size_t wanted_ = 0;
  StallClock clock_;
};

class Router {
 public:
  explicit Router(const RouterOptions& options) : options_(options) {
    for (const auto& at : options.servers) {
      servers_.emplace_back(service_, turn_, options_.server, at);
    }
  }

  int run() {
    for (auto& server : servers_) asio::co_spawn(service_.context(), server.run(), asio::detached);
    asio::co_spawn(service_.context(), watch(), asio::detached);
    service_.on_drained([this] {
      for (RedisServer& server : servers_) server.end();
      clock_.cancel();
      is_ending_ = true;
    });
    return service_.run(
        [this](ConnectionPointer connection) { return serve(std::move(connection)); });
  }

  [[nodiscard]] Statistics statistics() const {
    Statistics all = service_.statistics();
    all.insert(
        all.end(),
        {{"requests", requests_}, {"split_requests", split_}, {"refused_requests", refused_}});
    RedisServer::add_to(all, servers_);
    return all;
  }

 private:
  awaitable<void> serve(ConnectionPointer connection) {
    const auto client = std::make_shared<Client>(*connection, options_, turn_);
    clients_.push_back(client);
    RespFramer framer(RespFramer::Of::requests, options_.server.limits);
    asio::error_code end;
    for (bool is_open = true; is_open && !end;) {
      if (client->out.pending_bytes() > kMuchUnread) co_await client->out.async_flush(kToken);
      if (connection->stop.is_told()) break;
      client->is_reading = true;
      const auto [error, n] = co_await client->in.async_wait_frame(
          *client->socket, framer, client->out, connection->stop.token());
      client->is_reading = false;
      ++client->reads;
      end = n == 0 && !error ? asio::error::eof : error;
      if (!end) is_open = co_await take_all(client, framer);
    }
    if (!framer.problem().empty()) {
      client->problem = framer.problem();
      client->answer(error_reply(framer.problem()));
    } else if (end && end != asio::error::eof && end != asio::error::operation_aborted) {
      client->out.abort();
      throw std::runtime_error(client->problem.empty() ? end.message() : client->problem);
    }
    co_await client->until_at_most(0);
    co_await client->out.async_close(kToken);
    // It may still send: the last replies must not be lost by a reset.
    if (end != asio::error::eof) co_await async_linger(*client->socket, kLinger, kToken);
    if (!client->problem.empty()) throw std::runtime_error(client->problem);
  }

  // All requests that have been read. Whether more may follow.
  awaitable<bool> take_all(const std::shared_ptr<Client>& client, RespFramer& framer) {
    RespFramer words(RespFramer::Of::requests, options_.server.limits);
    for (Bytes& request : client->in.frames(framer)) {
      if (client->order.size() >= options_.max_in_flight) {
        co_await client->until_at_most(options_.max_in_flight / 2);
      }
      const bool is_inline = framer.values().empty();
      if (is_inline && !inline_to_array(request, words)) {
        client->problem = "Protocol error: unbalanced quotes in request";
        client->answer(error_reply(client->problem));
        co_return false;
      }
      const std::vector<RespValue>& values = is_inline ? words.values() : framer.values();
      if (values.size() < 2) continue;  // nothing is asked
      ++requests_;
      const Route route = route_of(request.view(), values);
      if (route == Route::one_key) {
        RedisServer& server = servers_[server_of(values[2].text(request.view()), servers_.size())];
        const std::span<Bytes> rest(&request, 1);
        if (!server.try_send(client, client->order.add(), 0, rest)) co_await server.send_rest(rest);
      } else if (is_split(route)) {
        co_await send_parts(client, request, values, route);
      } else {
        if (route == Route::unknown || route == Route::too_few) ++refused_;
        client->answer(answer_here(request, values, route));
        if (route == Route::quit) co_return false;
      }
    }
    co_return true;
  }

  awaitable<void> send_parts(const std::shared_ptr<Client>& client, const Bytes& request,
                             const std::vector<RespValue>& values, Route route) {
    ++split_;
    auto parts = split_request(request, values, route, servers_.size());
    const bool is_whole = parts.size() == 1;
    const auto place =
        client->order.add(is_whole ? nullptr : std::make_unique<JoinedReply>(route, parts));
    for (std::uint32_t i = 0; i < parts.size(); ++i) {
      RedisServer& server = servers_[parts[i].server];
      const std::span<Bytes> rest = parts[i].slices;
      if (!server.try_send(client, place, i, rest)) co_await server.send_rest(rest);
    }
  }

  // Ends what takes too long: replies of servers, and requests whose end does not come.
  awaitable<void> watch() {
    const nanoseconds passed = std::min(options_.server.limit, options_.client_limit) / 4;
    while (!is_ending_) {
      for (RedisServer& server : servers_) server.look_at_clock(passed);
      std::erase_if(clients_, [](const auto& client) { return client.expired(); });
      for (const auto& client : clients_) {
        client.lock()->look_at_clock(passed, options_.client_limit);
      }
      clock_.expires_after(passed);
      co_await clock_.async_wait(kToken);
    }
  }

  const RouterOptions& options_;
  Service service_{"resp_router", options_.service};
  WriteTurn turn_{service_.context()};
  std::deque<RedisServer> servers_;
  std::vector<std::weak_ptr<Client>> clients_;
  steady_timer clock_{service_.context()};
  bool is_ending_ = false;
  std::uint64_t requests_ = 0, split_ = 0, refused_ = 0;
};

int run(int argc, char** argv) {
  RouterOptions options;
  CommandLine line("resp_router", "Routes the requests of Redis clients to several Redis servers.");
  options.declare(line);
  if (const auto status = line.read(argc, argv)) return *status;
  Router router(options);
  const int status = router.run();
  if (status == 0) print(router.statistics());
  return status;
}

}  // namespace
}  // namespace programs

int main(int argc, char** argv) { return programs::run(argc, argv); }
