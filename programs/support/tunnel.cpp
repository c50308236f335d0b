#include "support/tunnel.hpp"

#include <bytes_handoff/linger.hpp>
#include <bytes_handoff/write_handoff.hpp>
#include <memory>
#include <utility>

namespace programs {
namespace {

using bytes_handoff::Bytes;
using bytes_handoff::TunnelCause;
using bytes_handoff::TunnelEnd;
using bytes_handoff::WriteHandoff;

// Of what is passed on last, in front of a reset or an end.
constexpr std::chrono::seconds kLastSilence{2};
constexpr std::chrono::seconds kLastLimit{10};

}  // namespace

void TunnelLimits::declare(CommandLine& line) {
  line.seconds("--idle-deadline", idle, std::chrono::milliseconds(1),
               "how long nothing may move in a tunnel");
  line.seconds("--half-close-deadline", half_close, std::chrono::milliseconds(1),
               "the same, once one side has ended");
}

std::string TunnelCounts::add(const asio::error_code& error,
                              const bytes_handoff::TunnelResult& result) {
  bytes_in += result.a_to_b.counts.passed_on;
  bytes_out += result.b_to_a.counts.passed_on;
  switch (result.cause) {
    case TunnelCause::none:
      ++whole;
      return {};
    case TunnelCause::cancelled:
      ++told;
      return "told to end";
    case TunnelCause::time:
      ++idle;
      return "nothing has moved for too long";
    default:
      break;
  }
  ++cut;
  const bool is_client =
      result.cause == TunnelCause::read_a || result.cause == TunnelCause::write_a;
  const bool is_read = result.cause == TunnelCause::read_a || result.cause == TunnelCause::read_b;
  return std::string(is_client ? "the client" : "the server") +
         (is_read ? " has cut its bytes: " : " takes no bytes: ") + error.message();
}

void TunnelCounts::add_to(Statistics& statistics) const {
  const Statistics own{{"tunnels_in_order", whole}, {"tunnels_cut", cut},
                       {"tunnels_idle", idle},      {"tunnels_told_to_end", told},
                       {"bytes_in", bytes_in},      {"bytes_out", bytes_out}};
  statistics.insert(statistics.end(), own.begin(), own.end());
  statistics.emplace_back("bytes_moved_by_kernel", bytes_handoff::relay_statistics().moved_bytes);
}

awaitable<std::tuple<asio::error_code, bytes_handoff::TunnelResult>> tunnel(
    TunnelSide client, TunnelSide server, const TunnelLimits& limits, Stop& stop) {
  bytes_handoff::TunnelOptions options;
  options.idle_timeout = limits.idle;
  options.half_close_timeout = limits.half_close;
  options.on_cancel = bytes_handoff::OnCancel::ends;
  options.may_close = true;
  options.close_timeout = kLastSilence;
  options.close_limit = kLastLimit;
  return bytes_handoff::async_tunnel(TunnelEnd(client.buffer, client.socket),
                                     TunnelEnd(server.buffer, server.socket), options,
                                     stop.token());
}

awaitable<void> answer(Connection& connection, std::string text) {
  const auto socket = std::make_shared<tcp::socket>(std::move(connection.client));
  bytes_handoff::WriteHandoffConfig config;
  config.max_pending_bytes = text.size() + 1;
  config.close_timeout = kLastSilence;
  config.close_limit = kLastLimit;
  const WriteHandoff queue(socket, config);
  Bytes bytes = Bytes::from_owner(std::move(text));
  (void)queue.try_write(bytes);  // refused only if the connection has ended
  const auto [error] = co_await queue.async_close(connection.stop.token());
  if (!error && !connection.stop.is_told()) {
    bytes_handoff::LingerLimits limits;
    limits.silence = kLastSilence;
    limits.whole = kLastLimit;
    co_await bytes_handoff::async_linger(*socket, limits, connection.stop.token());
  }
}

}  // namespace programs
