#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "command_line/host_port.hpp"
#include "workload/payload_shape.hpp"

namespace stream_harness {

enum class Transport { kDuplex, kTcp, kCached };
enum class Role { kIntegrated, kTcpService, kTcpDriver };
enum class Implementation {
  kHandoff,
  kManualVec,
  kRawCopy,
  kHandoffCoroutine,
  kAsioQueue,
  kSplice
};
enum class Scenario { kFragmented, kCoalesced };
enum class Completion { kTicket, kFireAndForget };

/// All contenders, in the order of the help.
inline constexpr std::array kImplementations{
    Implementation::kHandoff,          Implementation::kManualVec, Implementation::kRawCopy,
    Implementation::kHandoffCoroutine, Implementation::kAsioQueue, Implementation::kSplice};

/// Whether it moves bytes between TCP sockets only.
[[nodiscard]] constexpr bool needs_sockets(Implementation value) noexcept {
  return value == Implementation::kSplice;
}

/// Whether it ends a connection whose frame is too long. The others forward what comes.
[[nodiscard]] constexpr bool looks_for_frames(Implementation value) noexcept {
  return value != Implementation::kRawCopy && value != Implementation::kSplice;
}

/// Whether it takes bytes behind the last newline, at the end, for a frame that was cut, and fails.
/// The others forward them.
[[nodiscard]] constexpr bool fails_on_a_cut_frame(Implementation value) noexcept {
  return value == Implementation::kHandoffCoroutine;
}

/// The values as they are written on the command line and in the report.
[[nodiscard]] std::string_view to_text(Transport value) noexcept;
[[nodiscard]] std::string_view to_text(Role value) noexcept;
[[nodiscard]] std::string_view to_text(Implementation value) noexcept;
[[nodiscard]] std::string_view to_text(Scenario value) noexcept;
[[nodiscard]] std::string_view to_text(Completion value) noexcept;

/// What a run is asked to do. From `parse_command_line` every value obeys the rules of its flag,
/// and the sizes below that are sums or products of others fit into 64 bits.
struct Options {
  Transport transport = Transport::kDuplex;
  Role role = Role::kIntegrated;
  Implementation implementation = Implementation::kHandoff;
  Scenario scenario = Scenario::kFragmented;
  Completion completion = Completion::kTicket;
  std::size_t worker_threads = 1;
  std::uint64_t connections = 64;
  std::uint64_t route_frames = 64;
  std::size_t frame_len = 63;  ///< bytes before the newline
  std::uint64_t tunnel_bytes = 65536;
  std::size_t input_fragment = 64;
  std::size_t read_reserve = 16384;
  std::size_t read_block = 0;               ///< 0: each contender's own
  std::chrono::microseconds gather_for{0};  ///< of the handoff proxy's reads
  std::size_t write_pending_bytes = 32768;  ///< the effective budget, never 0
  std::size_t memory_budget = 0;            ///< of a service's connections together; 0: none
  std::size_t duplex_capacity = 262144;
  std::uint64_t iterations = 1;
  std::chrono::nanoseconds duration{0};
  HostPort service_addr{"127.0.0.1", 39000, false};
  HostPort sink_addr{"127.0.0.1", 39001, false};
  std::string ready_file;  ///< empty: none
  std::chrono::milliseconds idle_timeout{2000};
  bool verify = false;
  bool check_only = false;  ///< the flags are right, and nothing is to run

  [[nodiscard]] PayloadShape payload_shape() const noexcept {
    return {route_frames, frame_len, tunnel_bytes};
  }

  /// The length of every connection's payload: frames, marker and tunnel.
  [[nodiscard]] std::uint64_t bytes_per_connection() const noexcept;
};

}  // namespace stream_harness
