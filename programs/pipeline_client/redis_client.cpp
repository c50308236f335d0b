#include "pipeline_client/redis_client.hpp"

#include <algorithm>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/post.hpp>
#include <bytes_handoff/handoff_buffer.hpp>
#include <iterator>
#include <memory>
#include <tuple>
#include <utility>

#include "support/as_tuple.hpp"

namespace programs {

using bytes_handoff::Bytes;
using bytes_handoff::HandoffBuffer;
using bytes_handoff::WriteHandoff;

namespace {

constexpr auto kToken = programs::as_tuple(use_awaitable);
constexpr std::uint64_t kTicks = 8;  // of the limit of a request

}  // namespace

RedisClient::RedisClient(asio::io_context& context, Log& log, const RedisClientOptions& options)
    : context_(context), log_(log), options_(options), retry_(context), clock_(context) {}

std::size_t RedisClient::send(std::span<Bytes> requests, std::span<Done> done) {
  std::unique_lock lock(mutex_);
  std::size_t most = options_.max_waiting + (is_up_ ? options_.max_in_flight : 0);
  if (is_closing_) most = 0;
  std::size_t n = 0;
  for (; n < requests.size() && held_ + given_.size() < most &&
         requests[n].size() <= options_.max_unwritten;
       ++n) {
    given_.push_back({std::move(requests[n]), std::move(done[n])});
  }
  counts_.requests += n;
  counts_.refused += requests.size() - n;
  is_room_awaited_ |= n < requests.size();
  const bool is_first = n != 0 && given_.size() == n;
  lock.unlock();  // or the client's thread would wake to wait for it
  if (is_first) asio::post(context_, [this] { take_given(); });
  return n;
}

void RedisClient::take_given() {
  {
    const std::lock_guard lock(mutex_);
    taken_.swap(given_);
    held_ += taken_.size();
  }
  for (Request& request : taken_) {
    request.sent = tick_;
    waiting_.push_back(std::move(request));
  }
  taken_.clear();
  fill_queue();
}

void RedisClient::start() {
  asio::co_spawn(context_, run(), asio::detached);
  asio::co_spawn(context_, watch(), asio::detached);
}

void RedisClient::close() {
  {
    const std::lock_guard lock(mutex_);
    is_closing_ = true;
  }
  end_if_idle();
}

// Whether it was closed, and has no request.
bool RedisClient::is_done() const {
  const std::lock_guard lock(mutex_);
  return is_closing_ && given_.empty() && waiting_.empty() && in_flight_.empty();
}

void RedisClient::end_if_idle() {
  if (!is_done()) return;
  if (is_connecting_ || is_up_) is_ended_here_ = true;
  if (is_connecting_) out_.abort();
  if (is_up_) {
    // The server may keep its side open. Nothing is expected of it any more.
    out_.async_close([socket = socket_](const asio::error_code& /*error*/) {
      asio::error_code ignored;
      socket->close(ignored);
    });
  }
  retry_.cancel();
}

void RedisClient::wake() {
  room_changes_.fetch_add(1);
  room_changes_.notify_all();
}

awaitable<void> RedisClient::run() {
  for (;;) {
    const std::string reason = co_await run_once();
    co_await take_back_unwritten();
    if (!is_ended_here_) log_.line(to_text(options_.server) + ": " + reason);
    {
      const std::lock_guard lock(mutex_);
      counts_.failures += is_ended_here_ ? 0 : 1;
    }
    if (is_done()) break;
    retry_.expires_after(options_.retry);
    co_await retry_.async_wait(kToken);
  }
  is_over_ = true;
  clock_.cancel();
}

// Until the connection ends. Why it did.
awaitable<std::string> RedisClient::run_once() {
  const auto socket = socket_ = std::make_shared<tcp::socket>(context_);
  asio::error_code error;
  socket->open(options_.server.protocol(), error);
  out_ = WriteHandoff(socket, {.max_items = SIZE_MAX, .max_pending_bytes = options_.max_unwritten});
  is_connecting_ = true;
  stall_.start_anew();
  if (!error) std::tie(error) = co_await socket->async_connect(options_.server, kToken);
  is_connecting_ = false;
  if (error) co_return "cannot connect: " + error.message();
  socket->set_option(tcp::no_delay(true), error);
  {
    const std::lock_guard lock(mutex_);
    ++counts_.connections;
    is_up_ = true;
  }
  fill_queue();
  end_if_idle();
  wake();
  co_return co_await read(*socket);
}

// What waits goes behind what is in flight, as far as there is room.
void RedisClient::fill_queue() {
  if (!is_up_) return;
  const std::size_t most = std::min(waiting_.size(), options_.max_in_flight - in_flight_.size());
  std::size_t room = options_.max_unwritten - out_.pending_bytes();
  while (burst_.size() < most && waiting_[burst_.size()].bytes.size() <= room) {
    Bytes& bytes = waiting_[burst_.size()].bytes;
    room -= bytes.size();
    burst_.push_back(std::move(bytes));
  }
  if (burst_.empty()) return;
  if (out_.try_write(burst_)) {
    const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(burst_.size());
    std::move(waiting_.begin(), end, std::back_inserter(in_flight_));
    waiting_.erase(waiting_.begin(), end);
  } else {  // it has ended
    for (std::size_t i = 0; i < burst_.size(); ++i) waiting_[i].bytes = std::move(burst_[i]);
  }
  burst_.clear();
}

awaitable<std::string> RedisClient::read(tcp::socket& socket) {
  HandoffBuffer in({.max_size = options_.limits.buffer_size()});
  RespFramer framer(RespFramer::Of::replies, options_.limits);
  const WriteHandoff out = out_;
  std::vector<Bytes> replies;
  for (;;) {
    const auto [error, n] = co_await in.async_wait_frame(socket, framer, out, kToken);
    if (!framer.problem().empty()) co_return std::string(framer.problem());
    if (error) co_return error.message();
    if (n == 0) co_return "the server ended the connection";
    for (Bytes& reply : in.frames(framer)) replies.push_back(std::move(reply));
    if (!pass_on(replies)) co_return "the server sent a reply that nobody waits for";
  }
}

// False: there were more replies than requests.
bool RedisClient::pass_on(std::vector<Bytes>& replies) {
  std::vector<Done>& done = answered_;
  for (std::size_t i = 0; i < replies.size() && !in_flight_.empty(); ++i) {
    done.push_back(std::move(in_flight_.front().done));
    in_flight_.pop_front();
  }
  bool is_room_awaited = false;
  {
    const std::lock_guard lock(mutex_);
    counts_.replies += done.size();
    held_ -= done.size();
    is_room_awaited = std::exchange(is_room_awaited_, false);
  }
  fill_queue();
  end_if_idle();
  if (is_room_awaited) wake();
  for (std::size_t i = 0; i < done.size(); ++i) {
    if (done[i]) done[i]({}, replies[i]);
  }
  on_burst_over_();
  const bool has_all = done.size() == replies.size();
  replies.clear();
  done.clear();
  return has_all;
}

// What the ended queue had not written waits again, before all that waits. The rest is lost.
awaitable<void> RedisClient::take_back_unwritten() {
  {
    const std::lock_guard lock(mutex_);
    is_up_ = false;  // from here on requests wait
  }
  out_.abort();
  auto [error, unwritten] = co_await out_.async_unwritten(kToken);
  std::vector<Done> lost;
  // A request is one slice. The first of these may be cut: then the server has no whole one.
  std::vector<Bytes>& entries = unwritten.entries;
  const std::size_t waited = waiting_.size();
  for (; !entries.empty() && !in_flight_.empty(); entries.pop_back(), in_flight_.pop_back()) {
    Request& request = in_flight_.back();
    if (!request.done) continue;  // it is too late for it
    request.bytes = std::move(entries.back());
    waiting_.push_front(std::move(request));
  }
  for (Request& request : in_flight_) {
    if (request.done) lost.push_back(std::move(request.done));
  }
  in_flight_.clear();
  {
    const std::lock_guard lock(mutex_);
    counts_.replayed += waiting_.size() - waited;
    counts_.lost += lost.size();
    held_ = waiting_.size();
  }
  fail(lost, asio::error::connection_reset);
}

// Ends the wait of requests that are late, and a connection that sends nothing.
awaitable<void> RedisClient::watch() {
  const std::chrono::nanoseconds passed = options_.request_limit / kTicks;
  while (!is_over_) {
    clock_.expires_after(passed);
    co_await clock_.async_wait(kToken);
    std::vector<Done> late;
    ++tick_;
    take_late(in_flight_, late, true);
    take_late(waiting_, late, false);
    std::uint64_t replies = 0;
    {
      const std::lock_guard lock(mutex_);
      counts_.late += late.size();
      held_ = waiting_.size() + in_flight_.size();
      replies = counts_.replies;
    }
    const bool waits = is_connecting_ || !in_flight_.empty();
    if (stall_.look(waits, replies, passed, options_.server_limit)) out_.abort();
    end_if_idle();
    wake();
    fail(late, asio::error::timed_out);
  }
}

// Requests are in the order in which they were sent. Those in flight keep their place: their
// replies may still come.
void RedisClient::take_late(std::deque<Request>& from, std::vector<Done>& late, bool keeps_place) {
  auto request = from.begin();
  for (; request != from.end() && tick_ - request->sent > kTicks; ++request) {
    if (request->done) late.push_back(std::exchange(request->done, nullptr));
  }
  if (!keeps_place) from.erase(from.begin(), request);
}

void RedisClient::fail(std::vector<Done>& all, const asio::error_code& error) {
  for (Done& done : all) {
    Bytes none;
    done(error, none);
  }
  on_burst_over_();
}

Statistics RedisClient::statistics() const {
  const std::lock_guard lock(mutex_);
  return {{"requests", counts_.requests},        {"replies", counts_.replies},
          {"refused_requests", counts_.refused}, {"late_requests", counts_.late},
          {"lost_requests", counts_.lost},       {"replayed_requests", counts_.replayed},
          {"connections", counts_.connections},  {"failures", counts_.failures}};
}

}  // namespace programs
