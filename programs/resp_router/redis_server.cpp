#include "resp_router/redis_server.hpp"

#include <bytes_handoff/handoff_buffer.hpp>
#include <tuple>
#include <utility>

#include "resp_router/requests.hpp"
#include "support/as_tuple.hpp"

namespace programs {

using bytes_handoff::Bytes;
using bytes_handoff::HandoffBuffer;
using bytes_handoff::WriteHandoff;
using std::chrono::nanoseconds;

namespace {

constexpr auto kToken = programs::as_tuple(use_awaitable);
constexpr std::chrono::milliseconds kRetry(200);

}  // namespace

void ServerOptions::declare(CommandLine& line) {
  line.number("--max-unwritten", max_unwritten, 4'096, std::size_t{1} << 30,
              "bytes of requests that a server has not taken; with more, clients wait");
  line.seconds("--server-limit", limit, std::chrono::milliseconds(10),
               "how long a server may send no reply");
}

RedisServer::RedisServer(Service& service, WriteTurn& turn, const ServerOptions& options,
                         tcp::endpoint at)
    : service_(service),
      turn_(turn),
      options_(options),
      at_(std::move(at)),
      retry_(service.context()) {}

awaitable<void> RedisServer::run() {
  while (!is_ending_) {
    std::string reason = co_await run_once();
    if (!problem_.empty()) reason = std::exchange(problem_, "");
    is_up_ = false;
    out_.abort();
    gathered_.clear();
    room_ = 0;
    for (; !waiting_.empty(); waiting_.pop_front()) refuse(waiting_.front(), reason);
    if (is_ending_) break;
    ++counts_.ends;
    service_.log().line(to_text(at_) + ": " + reason);
    retry_.expires_after(kRetry);
    co_await retry_.async_wait(kToken);
  }
}

// Until the connection ends. Why it did.
awaitable<std::string> RedisServer::run_once() {
  const auto socket = socket_ = std::make_shared<tcp::socket>(service_.context());
  asio::error_code error;
  socket->open(at_.protocol(), error);
  out_ = WriteHandoff(socket, {.max_items = SIZE_MAX,
                               .max_pending_bytes = options_.max_unwritten,
                               .max_waiters = SIZE_MAX,
                               .max_waiting_bytes = SIZE_MAX});
  if (error) co_return error.message();
  waiting_.emplace_back();  // for the answer to the PING; the connect is in its time, too
  clock_.start_anew();
  std::tie(error) = co_await socket->async_connect(at_, kToken);
  if (error) co_return "cannot connect: " + error.message();
  socket->set_option(tcp::no_delay(true), error);
  Bytes ping = Bytes::from_static("*1\r\n$4\r\nPING\r\n");
  if (const auto sent = out_.try_write(ping); !sent) co_return sent.error().message();
  co_return co_await read(*socket);
}

awaitable<std::string> RedisServer::read(tcp::socket& socket) {
  HandoffBuffer in({.max_size = options_.limits.buffer_size()});
  RespFramer framer(RespFramer::Of::replies, options_.limits);
  for (;;) {
    const auto [error, n] = co_await in.async_wait_frame(socket, framer, out_, kToken);
    if (!framer.problem().empty()) co_return std::string(framer.problem());
    if (error) co_return error.message();
    if (n == 0) co_return "ended the connection";
    for (Bytes& reply : in.frames(framer)) {
      if (waiting_.empty()) co_return "sent a reply that nobody waits for";
      if (!pass_on(reply, framer.values())) co_return "does not serve: PING is not answered PONG";
    }
  }
}

// Whether the server may go on.
bool RedisServer::pass_on(Bytes& reply, const std::vector<RespValue>& values) {
  const Waiting waiting = std::move(waiting_.front());
  waiting_.pop_front();
  ++replies_;
  if (waiting.taker) {
    waiting.taker->fill(waiting.place, waiting.part, reply, values);
  } else {
    is_up_ = reply == "+PONG\r\n";
  }
  return is_up_;
}

void RedisServer::refuse(const Waiting& waiting, std::string_view reason) {
  if (!waiting.taker) return;
  ++counts_.failed;
  Bytes reply = error_reply("server " + to_text(at_) + ": " + std::string(reason));
  waiting.taker->fill(waiting.place, waiting.part, reply, {RespValue{.type = '-'}});
}

bool RedisServer::try_send(std::shared_ptr<ReplyTaker> taker, std::uint64_t place,
                           std::uint32_t part, std::span<Bytes> request) {
  Waiting waiting{std::move(taker), place, part};
  if (!is_up_) {
    refuse(waiting, "is down");
    return true;
  }
  waiting_.push_back(std::move(waiting));
  std::size_t bytes = 0;
  for (const Bytes& slice : request) bytes += slice.size();
  if (in_line_ != 0 || bytes > room_) write_gathered();
  if (in_line_ != 0 || bytes > room_) {
    room_ = 0;  // until it is looked at again
    return false;
  }
  room_ -= bytes;
  for (Bytes& slice : request) gathered_.add(slice);
  turn_.add(self_);
  return true;
}

void RedisServer::write(Gathered& /*of_others*/) { write_gathered(); }

// Refused only where the connection has ended: then all who wait get an error.
void RedisServer::write_gathered() {
  if (const auto slices = gathered_.slices(); !slices.empty()) {
    static_cast<void>(out_.try_write(slices));
  }
  gathered_.clear();
  room_ = options_.max_unwritten - out_.pending_bytes();
}

awaitable<void> RedisServer::send_rest(std::span<Bytes> rest) {
  ++counts_.waits;
  ++in_line_;
  const WriteHandoff out = out_;  // of this connection, which may end meanwhile
  // Not stopped with the client: the place in line has its reply already.
  co_await out.async_send(rest, bytes_handoff::may_cut, kToken);
  --in_line_;
}

void RedisServer::look_at_clock(nanoseconds passed) {
  if (!clock_.look(!waiting_.empty(), replies_, passed, options_.limit)) return;
  problem_ = "sent no reply in time";
  out_.abort();
}

void RedisServer::end() {
  is_ending_ = true;
  if (is_up_) {
    // The server may keep its side open. Nothing is expected of it any more.
    out_.async_close([socket = socket_](const asio::error_code& /*error*/) {
      asio::error_code ignored;
      socket->close(ignored);
    });
  } else if (out_.valid()) {
    out_.abort();  // it connects, or waits for its first reply
  }
  retry_.cancel();
}

void RedisServer::add_to(Statistics& statistics, const std::deque<RedisServer>& servers) {
  Counts all;
  for (const RedisServer& server : servers) {
    all.failed += server.counts_.failed;
    all.waits += server.counts_.waits;
    all.ends += server.counts_.ends;
  }
  statistics.insert(statistics.end(), {{"failed_requests", all.failed},
                                       {"waits_for_room", all.waits},
                                       {"server_failures", all.ends}});
}

}  // namespace programs
