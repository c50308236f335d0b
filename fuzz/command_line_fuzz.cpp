// The harness's command line: any arguments are options that obey every rule and say what was
// asked for, or the usage text, or one line that names what is wrong.
#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <climits>
#include <iterator>
#include <limits>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "command_line/options.hpp"
#include "given_bytes.hpp"

namespace stream_harness {
namespace {

using bytes_handoff::test::GivenBytes;

using Arguments = std::vector<std::string>;

Arguments words_of(const char* text) {
  std::istringstream words(text);
  return {std::istream_iterator<std::string>(words), {}};
}

// What is new goes behind the rest: the inputs of the corpus choose by position.
const Arguments& flags() {
  static const Arguments all = words_of(
      "--transport --role --implementation --scenario --completion --worker-threads --connections "
      "--route-frames --frame-len --tunnel-bytes --input-fragment --read-reserve "
      "--write-pending-bytes --duplex-capacity --iterations --duration-seconds --service-addr "
      "--sink-addr --ready-file --idle-timeout-millis --verify --help --no-such-flag --read-block");
  return all;
}

const Arguments& values() {
  static const Arguments all = words_of(
      "duplex tcp integrated tcp-service tcp-driver handoff manual_vec raw_copy fragmented "
      "coalesced ticket fire_and_forget 0 1 15 16 064 100 16384 4000000000000000 "
      "9223372036854775807 "
      "9223372036854775808 18446744073709551615 18446744073709551616 9000000000000 9000000000001 "
      "0.25 9223372036.854775807 9223372036.854775808 127.0.0.1:0 127.0.0.1:65535 [::1]:1 "
      "[::1]:65536 nan -1 -- [a,b] asio_queue splice 1073741824 1073741825 cached");
  return all;
}

/// Bytes as they are, up to a zero, which no argument has.
std::string choose_text(GivenBytes& from) {
  std::string text;
  for (std::size_t n = from.between(0, 15); n != 0; --n) {
    const auto c = static_cast<char>(from.between(0, UCHAR_MAX));
    if (c != '\0') {
      text += c;
    }
  }
  return text;
}

std::string choose_value(GivenBytes& from) {
  const std::size_t choice = from.between(0, values().size());
  return choice < values().size() ? values()[choice] : choose_text(from);
}

Arguments choose_arguments(GivenBytes& from) {
  Arguments arguments{"bench_stream_harness"};
  while (!from.is_empty() && arguments.size() < 40) {
    const std::size_t form = from.between(0, 7);
    if (form == 0) {
      arguments.push_back(choose_text(from));
      continue;
    }
    const std::string& flag = flags()[from.between(0, flags().size() - 1)];
    if (form < 4) {
      arguments.push_back(flag + "=" + choose_value(from));
    } else {
      arguments.push_back(flag);
      if (flag != "--verify" && flag != "--help" && form != 7) {
        arguments.push_back(choose_value(from));
      }
    }
  }
  return arguments;
}

using Values = std::map<std::string_view, std::string_view>;

/// The last value of each flag, of arguments that were accepted.
Values last_values(const Arguments& arguments) {
  Values last;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string_view word = arguments[i];
    const std::size_t equals = word.find('=');
    if (equals != std::string_view::npos) {
      last[word.substr(0, equals)] = word.substr(equals + 1);
    } else {
      last[word] = word == "--verify" ? std::string_view() : arguments.at(++i);
    }
  }
  return last;
}

class Accepted {
 public:
  Accepted(const Arguments& arguments, const Options& options)
      : values_(last_values(arguments)), options_(options) {}

  void check() const {
    check_choices();
    check_numbers();
    check_sums();
    check_the_rest();
  }

 private:
  [[nodiscard]] std::optional<std::string_view> last(std::string_view flag) const {
    const auto found = values_.find(flag);
    return found == values_.end() ? std::nullopt : std::optional(found->second);
  }

  template <class Enum>
  void choice(std::string_view flag, Enum value, std::string_view otherwise) const {
    EXPECT_EQ(to_text(value), last(flag).value_or(otherwise));
  }

  void check_choices() const {
    EXPECT_TRUE(options_.implementation != Implementation::kSplice ||
                options_.transport == Transport::kTcp);
    const bool is_split = options_.role != Role::kIntegrated;
    choice("--transport", options_.transport, is_split ? "tcp" : "duplex");
    choice("--role", options_.role, "integrated");
    choice("--implementation", options_.implementation, "handoff");
    choice("--scenario", options_.scenario, "fragmented");
    choice("--completion", options_.completion, "ticket");
  }

  void number(std::string_view flag, std::uint64_t value, std::uint64_t least,
              std::uint64_t otherwise) const {
    EXPECT_GE(value, least) << flag;
    const auto text = last(flag);
    if (!text) {
      EXPECT_EQ(value, otherwise) << flag;
      return;
    }
    std::uint64_t expected = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), expected);
    EXPECT_TRUE(error == std::errc() && end == text->data() + text->size()) << flag;
    EXPECT_EQ(value, expected) << flag;
  }

  void check_numbers() const {
    const Options& o = options_;
    number("--worker-threads", o.worker_threads, 1, available_processors());
    number("--connections", o.connections, 1, 64);
    number("--route-frames", o.route_frames, 1, 64);
    number("--frame-len", o.frame_len, 16, 63);
    number("--tunnel-bytes", o.tunnel_bytes, 1, 65536);
    number("--read-reserve", o.read_reserve, 1, 16384);
    number("--read-block", o.read_block, 0, 0);
    EXPECT_LE(o.read_block, 1073741824u);
    const bool is_fragmented = o.scenario == Scenario::kFragmented;
    number("--input-fragment", o.input_fragment, 1, is_fragmented ? 64 : o.read_reserve);
    number("--duplex-capacity", o.duplex_capacity, 1, 262144);
    number("--iterations", o.iterations, 1, 1);
    number("--idle-timeout-millis", static_cast<std::uint64_t>(o.idle_timeout.count()), 1, 2000);
  }

  void check_sums() const {
    __extension__ using Wide = unsigned __int128;
    constexpr Wide kMost = std::numeric_limits<std::uint64_t>::max();
    const Options& o = options_;
    const Wide payload = Wide{o.route_frames} * (Wide{o.frame_len} + 1) + 7 + o.tunnel_bytes;
    ASSERT_LE(payload, kMost);
    EXPECT_EQ(o.bytes_per_connection(), static_cast<std::uint64_t>(payload));
    ASSERT_LE(payload * o.connections, kMost);
    EXPECT_LE(payload * o.connections * o.iterations, kMost);
    EXPECT_GE(o.write_pending_bytes, o.read_reserve);
    if (const auto text = last("--write-pending-bytes");
        !text || text->find_first_not_of('0') == std::string::npos) {
      EXPECT_EQ(Wide{o.write_pending_bytes}, Wide{std::max(o.read_reserve, o.read_block)} * 2);
    } else {
      number("--write-pending-bytes", o.write_pending_bytes, 1, 0);
    }
  }

  void check_the_rest() const {
    EXPECT_EQ(options_.ready_file, last("--ready-file").value_or(""));
    EXPECT_EQ(options_.verify, last("--verify").has_value());
    EXPECT_GE(options_.duration.count(), 0);
    EXPECT_TRUE(options_.sink_addr.port != 0 || options_.role == Role::kIntegrated);
    EXPECT_TRUE(options_.service_addr.port != 0 || options_.role != Role::kTcpDriver);
    EXPECT_TRUE(parse_host_port(to_text(options_.service_addr)));
    EXPECT_TRUE(parse_host_port(to_text(options_.sink_addr)));
  }

  Values values_;
  const Options& options_;
};

bool has_word(const Arguments& arguments, std::string_view word) {
  return std::any_of(arguments.begin() + 1, arguments.end(),
                     [&](const std::string& argument) { return argument.starts_with(word); });
}

void check_early_exit(const Arguments& arguments, const EarlyExit& exit) {
  if (exit.to_standard_output) {
    EXPECT_EQ(exit.exit_status, 0);
    EXPECT_TRUE(has_word(arguments, "--help"));
    return;
  }
  EXPECT_EQ(exit.exit_status, 2);
  constexpr std::string_view kProgram = "bench_stream_harness: ";
  ASSERT_TRUE(exit.text.starts_with(kProgram)) << exit.text;
  ASSERT_EQ(exit.text.back(), '\n');
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  EXPECT_EQ(std::count_if(exit.text.begin(), exit.text.end(), is_control), 1) << exit.text;
  const std::string_view line = std::string_view(exit.text).substr(kProgram.size());
  // It begins with the flag, or with the word that is none, and has the rule behind a colon.
  const bool names_a_flag =
      line.starts_with("--") && has_word(arguments, line.substr(0, line.find_first_of(" :=")));
  EXPECT_TRUE(names_a_flag || line.starts_with("'")) << exit.text;
  EXPECT_NE(line.find(": "), std::string_view::npos) << exit.text;
}

}  // namespace
}  // namespace stream_harness

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stream_harness;
  GivenBytes from({data, size});
  const Arguments arguments = choose_arguments(from);
  std::vector<const char*> argv;
  for (const std::string& argument : arguments) {
    argv.push_back(argument.c_str());
  }
  const auto options = parse_command_line(static_cast<int>(argv.size()), argv.data());
  if (options) {
    Accepted(arguments, *options).check();
  } else {
    check_early_exit(arguments, options.error());
  }
  return 0;
}
