#pragma once

#include <asio/error_code.hpp>
#include <bytes_handoff/handoff_buffer.hpp>
#include <bytes_handoff/tunnel.hpp>
#include <chrono>
#include <cstdint>
#include <string>

#include "support/asio_names.hpp"
#include "support/command_line.hpp"
#include "support/log.hpp"
#include "support/service.hpp"

namespace programs {

struct TunnelLimits {
  std::chrono::nanoseconds idle{std::chrono::seconds(300)};
  std::chrono::nanoseconds half_close{std::chrono::seconds(60)};

  /// `--idle-deadline` and `--half-close-deadline`.
  void declare(CommandLine& line);
};

/// The tunnels of a program. They must all have ended before this is gone.
class Tunnels {
 public:
  Tunnels(const TunnelLimits& limits, Log& log) noexcept : limits_(limits), log_(log) {}

  /// Passes on what `from_client` has and all that comes, both ways, until both sides have ended.
  /// Then the connection is closed, and a line tells why it ended, unless that was in order.
  ///
  /// If the connection is told to stop, what was read is passed on. Then both sides are reset,
  /// since a cut must not look whole.
  ///
  /// A tunnel may be there for long, so no coroutine waits for it: its frames would take more
  /// memory than the tunnel.
  void start(ConnectionPointer connection, bytes_handoff::HandoffBuffer from_client,
             std::string server_name);

  /// What they have done.
  void add_to(Statistics& statistics) const;

 private:
  struct Tunnel;

  void on_end(const Tunnel& tunnel, const asio::error_code& error,
              const bytes_handoff::TunnelResult& result) noexcept;

  const TunnelLimits limits_;
  Log& log_;
  std::uint64_t whole_ = 0;     // that ended in order, both ways
  std::uint64_t cut_ = 0;       // that a side has cut
  std::uint64_t idle_ = 0;      // that a deadline has ended
  std::uint64_t told_ = 0;      // that ended because the program was told to end
  std::uint64_t bytes_in_ = 0;  // from clients to servers
  std::uint64_t bytes_out_ = 0;
};

/// Writes the text to the client, and ends its connection in order. Input is dropped until it has
/// ended, too, for some seconds at most: otherwise it may not get the text. Errors are not told.
[[nodiscard]] awaitable<void> answer(Connection& connection, std::string text);

}  // namespace programs
