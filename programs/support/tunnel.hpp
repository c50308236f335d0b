#pragma once

#include <asio/error_code.hpp>
#include <bytes_handoff/handoff_buffer.hpp>
#include <bytes_handoff/tunnel.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <tuple>

#include "support/asio_names.hpp"
#include "support/command_line.hpp"
#include "support/deadline.hpp"
#include "support/service.hpp"

namespace programs {

struct TunnelLimits {
  std::chrono::nanoseconds idle{std::chrono::seconds(300)};
  std::chrono::nanoseconds half_close{std::chrono::seconds(60)};

  /// `--idle-deadline` and `--half-close-deadline`.
  void declare(CommandLine& line);
};

/// What all tunnels of a program have done.
struct TunnelCounts {
  std::uint64_t whole = 0;     ///< that ended in order, both ways
  std::uint64_t cut = 0;       ///< that a side has cut
  std::uint64_t idle = 0;      ///< that a deadline has ended
  std::uint64_t told = 0;      ///< that ended because the program was told to end
  std::uint64_t bytes_in = 0;  ///< from clients to servers
  std::uint64_t bytes_out = 0;

  /// Counts one that is over. Returns why it ended; empty if both sides ended in order.
  [[nodiscard]] std::string add(const asio::error_code& error,
                                const bytes_handoff::TunnelResult& result);
  void add_to(Statistics& statistics) const;
};

/// A socket, and what was read from it and not passed on.
struct TunnelSide {
  tcp::socket& socket;
  bytes_handoff::HandoffBuffer& buffer;
};

/// Passes on what both sides have and all that comes, until both have ended.
///
/// If it is stopped, what was read is passed on. Then both connections are reset, since a cut
/// must not look whole.
[[nodiscard]] awaitable<std::tuple<asio::error_code, bytes_handoff::TunnelResult>> tunnel(
    TunnelSide client, TunnelSide server, const TunnelLimits& limits, Stop& stop);

/// Writes the text to the client, and ends its connection in order. Input is dropped until it has
/// ended, too, for some seconds at most: otherwise it may not get the text. Errors are not told.
[[nodiscard]] awaitable<void> answer(Connection& connection, std::string text);

}  // namespace programs
