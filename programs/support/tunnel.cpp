#include "support/tunnel.hpp"

#include <asio/bind_cancellation_slot.hpp>
#include <bytes_handoff/linger.hpp>
#include <bytes_handoff/write_handoff.hpp>
#include <exception>
#include <memory>
#include <utility>

namespace programs {
namespace {

using bytes_handoff::Bytes;
using bytes_handoff::HandoffBuffer;
using bytes_handoff::TunnelCause;
using bytes_handoff::TunnelEnd;
using bytes_handoff::WriteHandoff;

// Of what is passed on last, in front of a reset or an end.
constexpr std::chrono::seconds kLastSilence{2};
constexpr std::chrono::seconds kLastLimit{10};

std::string reason(TunnelCause cause, const asio::error_code& error) {
  if (cause == TunnelCause::cancelled) {
    return "told to end";
  }
  if (cause == TunnelCause::time) {
    return "nothing has moved for too long";
  }
  const bool is_client = cause == TunnelCause::read_a || cause == TunnelCause::write_a;
  const bool is_read = cause == TunnelCause::read_a || cause == TunnelCause::read_b;
  return std::string(is_client ? "the client" : "the server") +
         (is_read ? " has cut its bytes: " : " takes no bytes: ") + error.message();
}

}  // namespace

void TunnelLimits::declare(CommandLine& line) {
  line.seconds("--idle-deadline", idle, std::chrono::milliseconds(1),
               "how long nothing may move in a tunnel");
  line.seconds("--half-close-deadline", half_close, std::chrono::milliseconds(1),
               "the same, once one side has ended");
}

struct Tunnels::Tunnel {
  ConnectionPointer connection;
  HandoffBuffer from_client;
  HandoffBuffer from_server;
  std::string server_name;
};

void Tunnels::start(ConnectionPointer connection, HandoffBuffer from_client,
                    std::string server_name) {
  connection->stop.throw_if_told();
  auto tunnel = std::make_unique<Tunnel>(Tunnel{std::move(connection), std::move(from_client),
                                                HandoffBuffer(), std::move(server_name)});
  bytes_handoff::TunnelOptions options;
  options.idle_timeout = limits_.idle;
  options.half_close_timeout = limits_.half_close;
  options.on_cancel = bytes_handoff::OnCancel::ends;
  options.may_close = true;
  options.close_timeout = kLastSilence;
  options.close_limit = kLastLimit;
  Tunnel& of = *tunnel;
  bytes_handoff::async_tunnel(
      TunnelEnd(of.from_client, of.connection->client),
      TunnelEnd(of.from_server, of.connection->second), options,
      asio::bind_cancellation_slot(
          of.connection->stop.slot(),
          [this, tunnel = std::move(tunnel)](const asio::error_code& error,
                                             const bytes_handoff::TunnelResult& result) {
            on_end(*tunnel, error, result);
          }));
}

void Tunnels::on_end(const Tunnel& tunnel, const asio::error_code& error,
                     const bytes_handoff::TunnelResult& result) noexcept {
  bytes_in_ += result.a_to_b.counts.passed_on;
  bytes_out_ += result.b_to_a.counts.passed_on;
  ++(result.cause == TunnelCause::none        ? whole_
     : result.cause == TunnelCause::cancelled ? told_
     : result.cause == TunnelCause::time      ? idle_
                                              : cut_);
  if (result.cause == TunnelCause::none) {
    return;
  }
  try {
    log_.line(tunnel.connection->name() + ": " + tunnel.server_name + ": " +
              reason(result.cause, error));
  } catch (const std::exception&) {  // no memory: it costs this line
    log_.leave_out();
  }
}

void Tunnels::add_to(Statistics& statistics) const {
  const Statistics own{{"tunnels_in_order", whole_}, {"tunnels_cut", cut_},
                       {"tunnels_idle", idle_},      {"tunnels_told_to_end", told_},
                       {"bytes_in", bytes_in_},      {"bytes_out", bytes_out_}};
  statistics.insert(statistics.end(), own.begin(), own.end());
  statistics.emplace_back("bytes_moved_by_kernel", bytes_handoff::relay_statistics().moved_bytes);
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
