#include "command_line/flags.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <array>
#include <vector>

namespace stream_harness {
namespace {

using bytes_handoff::expected;
using bytes_handoff::unexpected;

struct FlagHelp {
  const char* group;
  const char* flag;
  const char* value;  // nullptr: the flag takes none
  const char* text;
};

constexpr const char* kHelpFlag = "--help";
constexpr const char* kWhat = "What runs";
constexpr const char* kShape = "Shape of the load";
constexpr const char* kSplit = "Split roles";

constexpr std::array kFlags{
    FlagHelp{kWhat, "--transport", "duplex|tcp|cached",
             "in-memory streams; loopback TCP; the proxy alone, between a payload that is made "
             "beforehand and a count (default: duplex)"},
    FlagHelp{kWhat, "--role", "integrated|tcp-service|tcp-driver",
             "everything in one process; the proxy alone; clients and sinks alone "
             "(default: integrated)"},
    FlagHelp{kWhat, "--implementation",
             "handoff|manual_vec|raw_copy|handoff_coroutine|asio_queue|splice",
             "how the proxy moves bytes: through the library; a hand-written vector parser; an "
             "unparsed copy loop; README's coroutine; a dynamic buffer and an unbounded deque of "
             "strings; "
             "the kernel from socket to socket, with --transport tcp (default: handoff)"},
    FlagHelp{kWhat, "--scenario", "fragmented|coalesced",
             "sets the default of --input-fragment: 64, or --read-reserve (default: fragmented)"},
    FlagHelp{
        kWhat, "--completion", "ticket|fire_and_forget",
        "whether the proxies with a write queue, handoff and asio_queue, wait until what they have "
        "read is written before they read on (default: ticket)"},
    FlagHelp{kWhat, "--verify", nullptr,
             "the sink compares every byte with what was sent, not only the count"},
    FlagHelp{kWhat, "--check", nullptr,
             "run nothing; the exit status says whether the other flags are right"},
    FlagHelp{
        kShape, "--worker-threads", "N",
        "threads at most, each with its own connections; a connection is one thread's from its "
        "start to its end, so in a run in waves no more of them run than --connections, and "
        "worker_threads_running in the report says how many (default: the processors this "
        "process may run on)"},
    FlagHelp{kShape, "--connections", "N", "connections in a wave (default: 64)"},
    FlagHelp{kShape, "--route-frames", "N", "frames in front of the tunnel (default: 64)"},
    FlagHelp{kShape, "--frame-len", "N",
             "bytes of a frame before its newline, at least 16 (default: 63)"},
    FlagHelp{kShape, "--tunnel-bytes", "N", "bytes after the marker (default: 65536)"},
    FlagHelp{kShape, "--input-fragment", "N",
             "bytes of one client write, whatever the frames are; only the last has fewer; with "
             "--transport cached, of one read at most (default: by "
             "scenario)"},
    FlagHelp{
        kShape, "--read-reserve", "N",
        "bytes that a proxy's read is offered at least, where --read-block is 0 (default: 16384)"},
    FlagHelp{kShape, "--read-block", "N",
             "bytes that every read of a proxy is offered, the same for all implementations; of a "
             "splice, its length; 0 means what each has by itself (default: 0)"},
    FlagHelp{kShape, "--gather-micros", "N",
             "microseconds for which the handoff proxy leaves its client alone after a read that "
             "few bytes came with; 0 means not at all (default: 0)"},
    FlagHelp{kShape, "--write-pending-bytes", "N",
             "byte budget of the handoff proxy's write queue, at least --read-reserve; 0 means "
             "twice the larger of --read-reserve and --read-block (default: 0)"},
    FlagHelp{kShape, "--memory-budget", "BYTES",
             "a service's bound on the memory of all its connections, with --implementation "
             "handoff; its report ends with what the budget has seen (default: none)"},
    FlagHelp{kShape, "--duplex-capacity", "N",
             "bytes that an in-memory stream holds each way (default: 262144)"},
    FlagHelp{kShape, "--iterations", "N", "waves of connections, at least this many (default: 1)"},
    FlagHelp{kShape, "--duration-seconds", "X",
             "start waves until this has passed, fractions allowed; the driver starts one when the "
             "clients of the one before have sent all, and two run at most (default: 0)"},
    FlagHelp{kSplit, "--service-addr", "HOST:PORT",
             "where the service accepts, IPv4 or [IPv6] (link-local: [IPv6%SCOPE]); for the "
             "service, port 0 is one that is free "
             "(default: 127.0.0.1:39000)"},
    FlagHelp{kSplit, "--sink-addr", "HOST:PORT",
             "where the sinks accept, IPv4 or [IPv6] (default: 127.0.0.1:39001)"},
    FlagHelp{kSplit, "--ready-file", "PATH",
             "the service writes its HOST:PORT there once it accepts, in one step"},
    FlagHelp{kSplit, "--idle-timeout-millis", "N",
             "the service ends when, after its first connection, none was open for this long; the "
             "driver gives up what has not come to a sink by then (default: 2000)"},
};

constexpr const char* kDescription =
    "Moves bytes from clients through a routing proxy to sinks and reports throughput, CPU use and "
    "latency as key=value lines.\nA client sends newline-terminated frames, the line TUNNEL, then "
    "opaque bytes.";

const FlagHelp* find_flag(std::string_view word) {
  const auto* found = std::find_if(kFlags.begin(), kFlags.end(),
                                   [word](const FlagHelp& f) { return word == f.flag; });
  return found == kFlags.end() ? nullptr : found;
}

// `--flag=value` becomes two words, so that an empty value is seen as one, and the next word is not
// taken for it. The error is that of a flag whose value is missing, or that takes none.
expected<std::vector<std::string>, EarlyExit> split_words(int argc, const char* const* argv) {
  std::vector<std::string> words;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto equals = word.starts_with("--") ? word.find('=') : std::string::npos;
    const std::string name = word.substr(0, equals);
    const FlagHelp* flag = find_flag(name);
    words.push_back(name);
    if (flag == nullptr && name != kHelpFlag) continue;  // refused as a whole, whatever its value
    if (flag != nullptr && flag->value != nullptr) {
      if (equals != std::string::npos) {
        words.push_back(word.substr(equals + 1));
      } else if (i + 1 < argc && find_flag(argv[i + 1]) == nullptr) {
        words.emplace_back(argv[++i]);
      } else {
        return unexpected<EarlyExit>(
            argument_error(name + ": its value is missing: " + flag->value));
      }
    } else if (equals != std::string::npos) {
      return unexpected<EarlyExit>(argument_error(name + ": takes no value"));
    }
  }
  return words;
}

// All flags, declared to the parser of a library, which compares each new one with all before it:
// that takes longer than reading a command line, so it is done once.
class FlagParser {
 public:
  FlagParser() {
    app_.get_formatter()->column_width(38);
    app_.set_help_flag(kHelpFlag, "print this help and exit")->group("Help");
    app_.allow_extras();
    for (const FlagHelp& flag : kFlags) {
      declare(flag);
    }
  }

  expected<FlagValues, EarlyExit> parse(std::vector<std::string> words) {
    values_ = {};
    std::reverse(words.begin(), words.end());  // the order that the parser wants
    try {
      app_.parse(std::move(words));
    } catch (const CLI::CallForHelp&) {
      return unexpected<EarlyExit>({app_.help(), true, 0});
    } catch (const CLI::ParseError& error) {
      return unexpected<EarlyExit>(argument_error(printable(error.what())));
    }
    const auto extras = app_.remaining();
    if (!extras.empty()) {
      return unexpected<EarlyExit>(
          argument_error("'" + printable(extras.front()) + "': not a flag; --help lists them"));
    }
    return values_;
  }

 private:
  void declare(const FlagHelp& flag) {
    const std::string name = flag.flag;
    if (flag.value == nullptr) {
      app_.add_flag_callback(
              name, [this, name] { values_.set(name, ""); }, flag.text)
          ->group(flag.group);
      return;
    }
    app_.add_option_function<std::string>(
            name, [this, name](const std::string& text) { values_.set(name, text); }, flag.text)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
        ->type_name(flag.value)
        ->group(flag.group);
  }

  CLI::App app_{kDescription, "bench_stream_harness"};
  FlagValues values_;
};

}  // namespace

std::string printable(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      result += c;
    } else {
      result += "\\x";
      result += kHex[byte >> 4];
      result += kHex[byte & 15];
    }
  }
  return result;
}

EarlyExit argument_error(std::string_view message) {
  return {"bench_stream_harness: " + std::string(message) + "\n", false, 2};
}

expected<FlagValues, EarlyExit> read_flags(int argc, const char* const* argv) {
  thread_local FlagParser parser;
  auto words = split_words(argc, argv);
  if (!words) return unexpected<EarlyExit>(words.error());
  return parser.parse(std::move(*words));
}

}  // namespace stream_harness
