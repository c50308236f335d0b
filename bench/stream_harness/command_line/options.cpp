#include "command_line/options.hpp"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "command_line/command_line.hpp"
#include "command_line/strict_number.hpp"
#include "workload/workload.hpp"

namespace stream_harness {
namespace {

using bytes_handoff::expected;
using bytes_handoff::unexpected;

// Reads the flags one after the other; the first that breaks its rule is kept, and the readers
// after it do nothing.
class FlagReader {
 public:
  explicit FlagReader(const FlagValues& values) : values_(values) {}

  void fail(std::string_view flag, std::string_view rule) {
    if (!error_.empty()) return;
    const auto given = values_.find(flag);
    const std::string value = given ? " '" + printable(*given) + "'" : std::string();
    error_ = std::string(flag) + value + ": " + std::string(rule);
  }

  [[nodiscard]] bool failed() const { return !error_.empty(); }
  [[nodiscard]] const std::string& error() const { return error_; }
  [[nodiscard]] bool given(std::string_view flag) const { return values_.find(flag).has_value(); }

  template <class Enum>
  void choice(std::string_view flag, Enum& target, std::initializer_list<Enum> all) {
    const auto text = values_.find(flag);
    if (!text) return;
    std::string rule = "must be one of";
    for (const Enum candidate : all) {
      if (to_text(candidate) == *text) {
        target = candidate;
        return;
      }
      rule += ' ';
      rule += to_text(candidate);
    }
    fail(flag, rule);
  }

  template <class Number>
  void number(std::string_view flag, Number& target, std::uint64_t least) {
    static_assert(sizeof(Number) == sizeof(std::uint64_t));
    const auto text = values_.find(flag);
    if (!text) return;
    const auto value = parse_whole_number(*text);
    if (!value) return fail(flag, "must be a whole number in plain decimal, below 2^64");
    if (*value < least) return fail(flag, "must be at least " + std::to_string(least));
    target = *value;
  }

  void at_most(std::string_view flag, std::uint64_t value, std::uint64_t most,
               std::string_view why = {}) {
    if (value > most) fail(flag, "must be at most " + std::to_string(most) + std::string(why));
  }

  void seconds(std::string_view flag, std::chrono::nanoseconds& target) {
    const auto text = values_.find(flag);
    if (!text) return;
    const auto value = parse_seconds(*text);
    if (!value) {
      return fail(flag, "must be a number of seconds in plain decimal, at most 9223372036");
    }
    target = *value;
  }

  void address(std::string_view flag, HostPort& target) {
    const auto text = values_.find(flag);
    if (!text) return;
    const auto value = parse_host_port(*text);
    if (!value) {
      return fail(flag,
                  "must be a numeric IPv4:PORT or [IPv6]:PORT, the port at most 65535; a "
                  "link-local IPv6 may have the %SCOPE of an interface of this machine");
    }
    target = *value;
  }

 private:
  const FlagValues& values_;
  std::string error_;
};

// What one call of the kernel takes, with room to spare.
constexpr std::size_t kMostBytesACall = std::size_t{1} << 30;

// The kernel has no more threads than this, whatever it is set to.
constexpr std::uint64_t kMostThreads = std::uint64_t{1} << 22;

// Less than any connection takes, whatever its transport.
constexpr std::uint64_t kLeastConnectionBytes = 1024;

// A second, which is what a connection has that is to be stopped: closing it does not end a pause.
constexpr std::uint64_t kMostGatherMicros = 1'000'000;

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
  if (gather_micros > kMostGatherMicros) {
    read.fail("--gather-micros", "must be at most " + std::to_string(kMostGatherMicros));
  }
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
  constexpr std::uint64_t kLongestMillis = 9'000'000'000'000;
  if (idle_millis > kLongestMillis) {
    read.fail("--idle-timeout-millis", "must be at most 9000000000000");
  }
  options.idle_timeout = std::chrono::milliseconds(idle_millis);

  if (options.role == Role::kIntegrated) return;
  if (read.given("--transport") && options.transport != Transport::kTcp) {
    read.fail("--transport",
              "the split roles mean tcp; --role is " + std::string(to_text(options.role)));
  }
  options.transport = Transport::kTcp;
  check_peer_port(read, options);
}

void check_splice(FlagReader& read, const Options& options) {
  if (options.implementation != Implementation::kSplice || options.transport == Transport::kTcp) {
    return;
  }
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

  const auto payload =
      checked_payload_bytes({options.route_frames, options.frame_len, options.tunnel_bytes});
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

bool looks_for_frames(const Options& options) {
  return options.implementation != Implementation::kRawCopy &&
         options.implementation != Implementation::kSplice;
}

// With zeros, for each connection, before a byte is read. The others have memory for what they
// read.
bool fills_its_buffer(const Options& options) {
  return options.role != Role::kTcpDriver && options.implementation != Implementation::kHandoff &&
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
  if (looks_for_frames(options) && options.role != Role::kTcpDriver) {
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
  const PayloadShape shape{options.route_frames, options.frame_len, options.tunnel_bytes};
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

std::uint64_t memory_bytes() {
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page = sysconf(_SC_PAGESIZE);
  std::uint64_t bytes = UINT64_MAX;
  if (pages > 0 && page > 0) {
    bytes = static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page);
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    bytes = std::min<std::uint64_t>(bytes, limit.rlim_cur);
  }
  return bytes;
}

}  // namespace

std::uint64_t Options::bytes_per_connection() const noexcept {
  return payload_bytes({route_frames, frame_len, tunnel_bytes});
}

expected<Options, EarlyExit> parse_command_line(int argc, const char* const* argv) {
  auto values = read_flags(argc, argv);
  if (!values) return unexpected<EarlyExit>(values.error());

  Options options;
  options.worker_threads = available_processors();
  FlagReader read(*values);
  read.choice("--implementation", options.implementation,
              {Implementation::kHandoff, Implementation::kManualVec, Implementation::kRawCopy,
               Implementation::kAsioQueue, Implementation::kSplice});
  read.choice("--scenario", options.scenario, {Scenario::kFragmented, Scenario::kCoalesced});
  read.choice("--completion", options.completion,
              {Completion::kTicket, Completion::kFireAndForget});
  read_sizes(read, options);
  read_write_budget(read, options);
  read_roles(read, options);
  check_splice(read, options);
  check_sums(read, options);
  const std::uint64_t memory = memory_bytes();
  check_sizes(read, options, memory);
  check_memory(read, options, memory);
  options.ready_file = values->find("--ready-file").value_or("");
  if (read.given("--ready-file") && options.ready_file.empty()) {
    read.fail("--ready-file", "must not be empty");
  }
  options.verify = values->is_set("--verify");
  if (read.failed()) return unexpected<EarlyExit>(argument_error(read.error()));
  return options;
}

std::size_t available_processors() {
  for (std::size_t bits = 1024; bits <= std::size_t{1} << 20; bits *= 2) {
    cpu_set_t* set = CPU_ALLOC(bits);
    if (set == nullptr) break;
    const std::size_t bytes = CPU_ALLOC_SIZE(bits);
    const bool known = sched_getaffinity(0, bytes, set) == 0;
    const int count = known ? CPU_COUNT_S(bytes, set) : 0;
    CPU_FREE(set);
    if (count > 0) return static_cast<std::size_t>(count);
  }
  return 1;
}

std::string_view to_text(Transport value) noexcept {
  switch (value) {
    case Transport::kDuplex:
      return "duplex";
    case Transport::kCached:
      return "cached";
    case Transport::kTcp:
      break;
  }
  return "tcp";
}

std::string_view to_text(Role value) noexcept {
  switch (value) {
    case Role::kIntegrated:
      return "integrated";
    case Role::kTcpService:
      return "tcp-service";
    case Role::kTcpDriver:
      break;
  }
  return "tcp-driver";
}

std::string_view to_text(Implementation value) noexcept {
  switch (value) {
    case Implementation::kHandoff:
      return "handoff";
    case Implementation::kManualVec:
      return "manual_vec";
    case Implementation::kAsioQueue:
      return "asio_queue";
    case Implementation::kSplice:
      return "splice";
    case Implementation::kRawCopy:
      break;
  }
  return "raw_copy";
}

std::string_view to_text(Scenario value) noexcept {
  return value == Scenario::kFragmented ? "fragmented" : "coalesced";
}

std::string_view to_text(Completion value) noexcept {
  return value == Completion::kTicket ? "ticket" : "fire_and_forget";
}

}  // namespace stream_harness
