#include "support/tunnel.hpp"

#include <asio/experimental/as_tuple.hpp>
#include <asio/use_awaitable.hpp>
#include <bytes_handoff/linger.hpp>
#include <bytes_handoff/tunnel.hpp>
#include <bytes_handoff/write_handoff.hpp>
#include <memory>
#include <utility>

namespace programs {
namespace {

using asio::awaitable;
using asio::experimental::as_tuple;
using asio::ip::tcp;
using bytes_handoff::Bytes;
using bytes_handoff::HandoffBuffer;
using bytes_handoff::RelaySide;
using bytes_handoff::TunnelEnd;
using bytes_handoff::TunnelResult;
using bytes_handoff::WriteHandoff;
using bytes_handoff::WriteHandoffConfig;

constexpr std::chrono::seconds kLastSilence{2};
constexpr std::chrono::seconds kLastLimit{10};

// Of a queue that has the end of a connection in hand, with room for these bytes.
WriteHandoffConfig last_config(std::size_t bytes) {
  WriteHandoffConfig config;
  config.max_pending_bytes = bytes + 1;
  config.close_timeout = kLastSilence;
  config.close_limit = kLastLimit;
  return config;
}

void pass_on_and_reset(HandoffBuffer& from, tcp::socket to) {
  Bytes rest = from.freeze_all();
  const WriteHandoff queue(std::move(to), last_config(rest.size()));
  if (!rest.empty()) {
    (void)queue.try_write(rest);  // refused only if the connection has ended
  }
  queue.abort(bytes_handoff::after_written);
}

// Whose error it was that ended the tunnel.
std::string reason(const asio::error_code& error, const TunnelResult& result) {
  if (error == bytes_handoff::Errc::timed_out) {
    return "nothing has moved for too long";
  }
  const bool is_up = result.a_to_b.error == error;
  const bool is_input = (is_up ? result.a_to_b : result.b_to_a).counts.failed == RelaySide::in;
  return std::string(is_up == is_input ? "the client" : "the server") +
         (is_input ? " has cut its bytes: " : " takes no bytes: ") + error.message();
}

}  // namespace

void TunnelLimits::declare(CommandLine& line) {
  line.seconds("--idle-deadline", idle, std::chrono::milliseconds(1),
               "how long nothing may move in a tunnel");
  line.seconds("--half-close-deadline", half_close, std::chrono::milliseconds(1),
               "the same, once one side has ended");
}

void TunnelCounts::add_to(Statistics& statistics) const {
  const Statistics own{{"tunnels_in_order", whole}, {"tunnels_cut", cut},
                       {"tunnels_idle", idle},      {"tunnels_told_to_end", told},
                       {"bytes_in", bytes_in},      {"bytes_out", bytes_out}};
  statistics.insert(statistics.end(), own.begin(), own.end());
  statistics.emplace_back("bytes_moved_by_kernel", bytes_handoff::relay_statistics().moved_bytes);
}

awaitable<std::string> tunnel(TunnelSide client, TunnelSide server, TunnelLimits limits,
                              TunnelCounts& counts) {
  bytes_handoff::TunnelOptions options;
  options.idle_timeout = limits.idle;
  options.half_close_timeout = limits.half_close;
  const auto [error, result] = co_await bytes_handoff::async_tunnel(
      TunnelEnd(client.buffer, client.socket), TunnelEnd(server.buffer, server.socket), options,
      as_tuple(asio::use_awaitable));
  counts.bytes_in += result.a_to_b.counts.passed_on;
  counts.bytes_out += result.b_to_a.counts.passed_on;
  if (!error) {
    ++counts.whole;
    co_return std::string();
  }
  if (error == asio::error::operation_aborted) {
    ++counts.told;
    pass_on_and_reset(client.buffer, std::move(server.socket));
    pass_on_and_reset(server.buffer, std::move(client.socket));
    co_return "told to end";
  }
  ++(error == bytes_handoff::Errc::timed_out ? counts.idle : counts.cut);
  co_return reason(error, result);
}

awaitable<void> answer(tcp::socket socket, std::string text) {
  const auto shared = std::make_shared<tcp::socket>(std::move(socket));
  const WriteHandoff queue(shared, last_config(text.size()));
  Bytes bytes = Bytes::from_owner(std::move(text));
  (void)queue.try_write(bytes);  // refused only if the connection has ended
  const auto [error] = co_await queue.async_close(as_tuple(asio::use_awaitable));
  if (!error) {
    bytes_handoff::LingerLimits limits;
    limits.silence = kLastSilence;
    limits.whole = kLastLimit;
    co_await bytes_handoff::async_linger(*shared, limits, as_tuple(asio::use_awaitable));
  }
}

}  // namespace programs
