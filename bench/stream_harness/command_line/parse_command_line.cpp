#include "command_line/parse_command_line.hpp"

#include <algorithm>
#include <string>

#include "command_line/flag_reader.hpp"
#include "command_line/machine.hpp"
#include "command_line/strict_number.hpp"
#include "workload/payload_cursor.hpp"

namespace stream_harness {
namespace {

using bytes_handoff::expected;
using bytes_handoff::unexpected;

// What one call of the kernel takes, with room to spare.
constexpr std::size_t kMostBytesACall = std::size_t{1} << 30;

// The kernel has no more threads than this, whatever it is set to.
constexpr std::uint64_t kMostThreads = std::uint64_t{1} << 22;

// Less than any connection takes, whatever its transport.
constexpr std::uint64_t kLeastConnectionBytes = 1024;

// A second, which is what a connection has that is to be stopped: closing it does not end a pause.
constexpr std::uint64_t kMostGatherMicros = 1'000'000;

// Fits a count of nanoseconds.
constexpr std::uint64_t kMostIdleMillis = 9'000'000'000'000;

void read_sizes(FlagReader& read, Options& options) {
  read.number("--worker-threads", options.worker_threads, 1);
  read.number("--connections", options.connections, 1);
  read.number("--route-frames", options.route_frames, 1);
  read.number("--frame-len", options.frame_len, kLeastFrameLen);
  read.number("--tunnel-bytes", options.tunnel_bytes, 1);
  read.number("--read-reserve", options.read_reserve, 1);
  read.number("--read-block", options.read_block, 0);
  read.at_most("--read-block", options.read_block, kMostBytesACall);
  std::uint64_t gather_micros = 0;
  read.number("--gather-micros", gather_micros, 0);
  read.at_most("--gather-micros", gather_micros, kMostGatherMicros);
  if (gather_micros != 0 && options.implementation != Implementation::kHandoff) {
    read.fail("--gather-micros", "only --implementation handoff can gather");
  }
  options.gather_for = std::chrono::microseconds(gather_micros);
  options.input_fragment = options.scenario == Scenario::kFragmented ? 64 : options.read_reserve;
  read.number("--input-fragment", options.input_fragment, 1);
  read.number("--duplex-capacity", options.duplex_capacity, 1);
  read.number("--iterations", options.iterations, 1);
  read.seconds("--duration-seconds", options.duration);
}

void read_write_budget(FlagReader& read, Options& options) {
  options.write_pending_bytes = 0;
  read.number("--write-pending-bytes", options.write_pending_bytes, 0);
  if (read.failed()) return;
  if (options.write_pending_bytes == 0) {
    const auto twice = checked_multiply(std::max(options.read_reserve, options.read_block), 2);
    if (!twice)
      return read.fail("--read-reserve", "twice that (the write budget) must fit 64 bits");
    options.write_pending_bytes = *twice;
  } else if (options.write_pending_bytes < options.read_reserve) {
    read.fail("--write-pending-bytes", "must be 0 or at least --read-reserve, which is " +
                                           std::to_string(options.read_reserve));
  }
}

// Two floors and as much again: with less, no connection moves a byte.
constexpr std::uint64_t kLeastMemoryBudget = 4096;

void read_memory_budget(FlagReader& read, Options& options, std::uint64_t memory) {
  if (!read.given("--memory-budget")) return;
  read.number("--memory-budget", options.memory_budget, kLeastMemoryBudget);
  read.at_most("--memory-budget", options.memory_budget, memory,
               ", which is the memory of this machine");
  if (options.role != Role::kTcpService) {
    read.fail("--memory-budget", "only --role tcp-service has one");
  } else if (options.implementation != Implementation::kHandoff) {
    read.fail("--memory-budget", "only --implementation handoff has one");
  }
}

// A port that the kernel picks is told to nobody but the readers of the ready file.
void check_peer_port(FlagReader& read, const Options& options) {
  constexpr const char* kRule = "its port must not be 0, since the other role has to know it";
  if (options.sink_addr.port == 0) read.fail("--sink-addr", kRule);
  if (options.role == Role::kTcpDriver && options.service_addr.port == 0) {
    read.fail("--service-addr", kRule);
  }
}

void read_roles(FlagReader& read, Options& options) {
  read.choice("--role", options.role, {Role::kIntegrated, Role::kTcpService, Role::kTcpDriver});
  read.choice("--transport", options.transport,
              {Transport::kDuplex, Transport::kTcp, Transport::kCached});
  read.address("--service-addr", options.service_addr);
  read.address("--sink-addr", options.sink_addr);
  std::uint64_t idle_millis = static_cast<std::uint64_t>(options.idle_timeout.count());
  read.number("--idle-timeout-millis", idle_millis, 1);
  read.at_most("--idle-timeout-millis", idle_millis, kMostIdleMillis);
  options.idle_timeout = std::chrono::milliseconds(idle_millis);

  if (options.role == Role::kIntegrated) return;
  if (read.given("--transport") && options.transport != Transport::kTcp) {
    read.fail("--transport",
              "the split roles mean tcp; --role is " + std::string(to_text(options.role)));
  }
  options.transport = Transport::kTcp;
  check_peer_port(read, options);
}

void check_transport(FlagReader& read, const Options& options) {
  if (!needs_sockets(options.implementation) || options.transport == Transport::kTcp) return;
  read.fail("--implementation",
            "needs --transport tcp, since the kernel moves bytes between "
            "sockets only; --transport is " +
                std::string(to_text(options.transport)));
}

struct Size {
  std::string_view flag;
  std::uint64_t value;
};

// Blames the largest of the sizes that were given: the defaults alone fit.
void fail_largest(FlagReader& read, std::initializer_list<Size> sizes, std::string_view rule) {
  const Size* largest = nullptr;
  for (const Size& size : sizes) {
    if (read.given(size.flag) && (largest == nullptr || size.value > largest->value)) {
      largest = &size;
    }
  }
  if (largest != nullptr) read.fail(largest->flag, rule);
}

void check_sums(FlagReader& read, const Options& options) {
  if (read.failed()) return;
  const Size frames{"--route-frames", options.route_frames};
  const Size frame{"--frame-len", options.frame_len};
  const Size tunnel{"--tunnel-bytes", options.tunnel_bytes};
  const Size connections{"--connections", options.connections};
  const Size iterations{"--iterations", options.iterations};

  const auto payload = checked_payload_bytes(options.payload_shape());
  if (!payload) {
    return fail_largest(read, {frames, frame, tunnel},
                        "--route-frames * (--frame-len + 1) + 7 + --tunnel-bytes must fit 64 bits");
  }
  const auto wave = checked_multiply(*payload, options.connections);
  if (!wave) {
    return fail_largest(read, {frames, frame, tunnel, connections},
                        "the bytes of all --connections must fit 64 bits");
  }
  if (!checked_multiply(*wave, options.iterations)) {
    fail_largest(read, {frames, frame, tunnel, connections, iterations},
                 "the bytes of all --iterations must fit 64 bits");
  }
}

// With zeros, for each connection, before a byte is read. The others have memory for what they
// read.
bool fills_its_buffer(const Options& options) {
  return options.role != Role::kTcpDriver && options.implementation != Implementation::kHandoff &&
         options.implementation != Implementation::kHandoffCoroutine &&
         options.implementation != Implementation::kSplice;
}

// What one value alone asks for. After the sums: these fit.
void check_sizes(FlagReader& read, const Options& options, std::uint64_t memory) {
  if (read.failed()) return;
  const std::string whole = ", which is the memory of this machine";
  read.at_most("--read-reserve", options.read_reserve, kMostBytesACall);
  if (options.bytes_per_connection() > kMostBytesACall) {
    read.at_most("--input-fragment", options.input_fragment, kMostBytesACall,
                 " where a payload is longer");
  }
  if (options.transport == Transport::kDuplex) {
    read.at_most("--duplex-capacity", options.duplex_capacity, memory, whole);
  }
  if (looks_for_frames(options.implementation) && options.role != Role::kTcpDriver) {
    read.at_most("--frame-len", options.frame_len, memory, whole + ": a proxy holds a frame");
  }
  const std::uint64_t threads =
      options.role == Role::kTcpService
          ? options.worker_threads
          : std::min<std::uint64_t>(options.worker_threads, options.connections);
  read.at_most("--worker-threads", threads, kMostThreads);
}

// What all connections of a wave take at once, at the least. Of a service nobody knows how many
// there will be.
void check_memory(FlagReader& read, const Options& options, std::uint64_t memory) {
  if (read.failed() || options.role == Role::kTcpService) return;
  const auto rule = [memory](std::string_view what) {
    return std::string(what) + " must fit the memory of this machine, " + std::to_string(memory) +
           " bytes";
  };
  const Size frames{"--route-frames", options.route_frames};
  const Size frame{"--frame-len", options.frame_len};
  const PayloadShape shape = options.payload_shape();
  if (options.transport == Transport::kCached && tunnel_begin(shape) > memory) {
    return fail_largest(read, {frames, frame}, rule("all frames of a payload"));
  }
  const std::uint64_t read_bytes =
      options.read_block != 0 ? options.read_block : options.read_reserve;
  const std::uint64_t proxy = fills_its_buffer(options) ? read_bytes : 0;
  const std::uint64_t client = options.transport == Transport::kCached
                                   ? 0
                                   : payload_block_bytes(shape, options.input_fragment);
  const auto wave = checked_multiply(kLeastConnectionBytes + proxy + client, options.connections);
  if (wave && *wave <= memory) return;
  fail_largest(read,
               {{"--connections", options.connections},
                {"--read-block", options.read_block},
                {"--read-reserve", options.read_reserve},
                {"--input-fragment", options.input_fragment},
                frame},
               rule("the buffers of all --connections"));
}

}  // namespace

expected<Options, EarlyExit> parse_command_line(int argc, const char* const* argv) {
  auto values = read_flags(argc, argv);
  if (!values) return unexpected<EarlyExit>(values.error());

  Options options;
  options.worker_threads = available_processors();
  FlagReader read(*values);
  read.choice("--implementation", options.implementation, kImplementations);
  read.choice("--scenario", options.scenario, {Scenario::kFragmented, Scenario::kCoalesced});
  read.choice("--completion", options.completion,
              {Completion::kTicket, Completion::kFireAndForget});
  read_sizes(read, options);
  read_write_budget(read, options);
  read_roles(read, options);
  check_transport(read, options);
  check_sums(read, options);
  const std::uint64_t memory = memory_bytes();
  read_memory_budget(read, options, memory);
  check_sizes(read, options, memory);
  check_memory(read, options, memory);
  options.ready_file = values->find("--ready-file").value_or("");
  if (read.given("--ready-file") && options.ready_file.empty()) {
    read.fail("--ready-file", "must not be empty");
  }
  options.verify = values->is_set("--verify");
  options.check_only = values->is_set("--check");
  if (read.failed()) return unexpected<EarlyExit>(argument_error(read.error()));
  return options;
}

}  // namespace stream_harness
