#include "command_line/parse_command_line.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "command_line/machine.hpp"

namespace stream_harness {
namespace {

using namespace std::chrono_literals;
using bytes_handoff::expected;
using testing::AllOf;
using testing::HasSubstr;

expected<Options, EarlyExit> parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "bench_stream_harness");
  return parse_command_line(static_cast<int>(arguments.size()), arguments.data());
}

std::string quoted(const char* value) { return std::string("'").append(value).append("'"); }

// Refused with status 2 and one line on standard error that has all the parts.
void expect_refused(const std::vector<const char*>& arguments,
                    const std::vector<std::string>& parts) {
  const auto options = parse(arguments);
  ASSERT_FALSE(options.has_value());
  const EarlyExit& exit = options.error();
  EXPECT_EQ(exit.exit_status, 2);
  EXPECT_FALSE(exit.to_standard_output);
  EXPECT_EQ(std::count(exit.text.begin(), exit.text.end(), '\n'), 1) << exit.text;
  EXPECT_EQ(exit.text.back(), '\n');
  for (const std::string& part : parts) EXPECT_THAT(exit.text, HasSubstr(part));
}

TEST(Options, DefaultsAreTheDocumentedOnes) {
  const auto options = parse({});
  ASSERT_TRUE(options.has_value());
  EXPECT_EQ(options->transport, Transport::kDuplex);
  EXPECT_EQ(options->role, Role::kIntegrated);
  EXPECT_EQ(options->implementation, Implementation::kHandoff);
  EXPECT_EQ(options->scenario, Scenario::kFragmented);
  EXPECT_EQ(options->completion, Completion::kTicket);
  EXPECT_EQ(options->worker_threads, available_processors());
  EXPECT_EQ(options->connections, 64u);
  EXPECT_EQ(options->route_frames, 64u);
  EXPECT_EQ(options->frame_len, 63u);
  EXPECT_EQ(options->tunnel_bytes, 65536u);
  EXPECT_EQ(options->input_fragment, 64u);
  EXPECT_EQ(options->read_reserve, 16384u);
  EXPECT_EQ(options->read_block, 0u);
  EXPECT_EQ(options->write_pending_bytes, 32768u);
  EXPECT_EQ(options->duplex_capacity, 262144u);
  EXPECT_EQ(options->iterations, 1u);
  EXPECT_EQ(options->duration, 0ns);
  EXPECT_EQ(to_text(options->service_addr), "127.0.0.1:39000");
  EXPECT_EQ(to_text(options->sink_addr), "127.0.0.1:39001");
  EXPECT_EQ(options->ready_file, "");
  EXPECT_EQ(options->idle_timeout, 2000ms);
  EXPECT_FALSE(options->verify);
  EXPECT_FALSE(options->check_only);
  EXPECT_EQ(options->bytes_per_connection(), 64u * 64 + 7 + 65536);
}

const std::vector<const char*> kEveryFlag = {"--transport",
                                             "tcp",
                                             "--implementation=raw_copy",
                                             "--scenario",
                                             "coalesced",
                                             "--completion=fire_and_forget",
                                             "--worker-threads",
                                             "3",
                                             "--connections=064",
                                             "--route-frames",
                                             "1",
                                             "--frame-len=16",
                                             "--tunnel-bytes",
                                             "1",
                                             "--read-reserve=100",
                                             "--read-block",
                                             "200",
                                             "--write-pending-bytes",
                                             "100",
                                             "--duplex-capacity=1",
                                             "--iterations",
                                             "7",
                                             "--duration-seconds=0.5",
                                             "--service-addr",
                                             "[::1]:0",
                                             "--sink-addr=10.0.0.1:65535",
                                             "--ready-file",
                                             "a=b",
                                             "--idle-timeout-millis=1",
                                             "--verify",
                                             "--check",
                                             "--role",
                                             "integrated"};

TEST(Options, ReadsEveryFlagInBothForms) {
  const auto options = parse(kEveryFlag);
  ASSERT_TRUE(options.has_value()) << options.error().text;
  EXPECT_EQ(options->transport, Transport::kTcp);
  EXPECT_EQ(options->implementation, Implementation::kRawCopy);
  EXPECT_EQ(options->scenario, Scenario::kCoalesced);
  EXPECT_EQ(options->completion, Completion::kFireAndForget);
  EXPECT_EQ(options->worker_threads, 3u);
  EXPECT_EQ(options->connections, 64u);
  EXPECT_EQ(options->route_frames, 1u);
  EXPECT_EQ(options->frame_len, 16u);
  EXPECT_EQ(options->tunnel_bytes, 1u);
  EXPECT_EQ(options->read_reserve, 100u);
  EXPECT_EQ(options->read_block, 200u);
  EXPECT_EQ(options->input_fragment, 100u);
  EXPECT_EQ(options->write_pending_bytes, 100u);
  EXPECT_EQ(options->duplex_capacity, 1u);
  EXPECT_EQ(options->iterations, 7u);
  EXPECT_EQ(options->duration, 500ms);
  EXPECT_EQ(to_text(options->service_addr), "[::1]:0");
  EXPECT_EQ(to_text(options->sink_addr), "10.0.0.1:65535");
  EXPECT_EQ(options->ready_file, "a=b");
  EXPECT_EQ(options->idle_timeout, 1ms);
  EXPECT_TRUE(options->verify);
  EXPECT_TRUE(options->check_only);
}

TEST(Options, TheLastOfARepeatedFlagCounts) {
  const auto options =
      parse({"--connections", "1", "--scenario=coalesced", "--connections=2", "--input-fragment",
             "9", "--connections", "3", "--scenario", "fragmented", "--verify", "--verify"});
  ASSERT_TRUE(options.has_value());
  EXPECT_EQ(options->connections, 3u);
  EXPECT_EQ(options->scenario, Scenario::kFragmented);
  EXPECT_EQ(options->input_fragment, 9u);
}

TEST(Options, TheScenarioSetsTheDefaultFragmentWhateverTheOrder) {
  const auto options = parse({"--scenario", "coalesced", "--read-reserve", "4096"});
  ASSERT_TRUE(options.has_value());
  EXPECT_EQ(options->input_fragment, 4096u);
  EXPECT_EQ(options->write_pending_bytes, 8192u);
}

TEST(Options, OnlyHandoffGathersAndForASecondAtMost) {
  const auto options = parse({"--gather-micros", "100"});
  ASSERT_TRUE(options.has_value());
  EXPECT_EQ(options->gather_for, std::chrono::microseconds(100));
  EXPECT_TRUE(parse({"--gather-micros", "1000000"}).has_value());
  expect_refused({"--gather-micros", "1000001"}, {"--gather-micros '1000001'", "1000000"});
  EXPECT_TRUE(parse({"--gather-micros", "0", "--implementation", "raw_copy"}).has_value());
  expect_refused({"--gather-micros", "1", "--implementation", "raw_copy"},
                 {"--gather-micros '1'", "--implementation handoff"});
}

TEST(Options, NumbersAreStrict) {
  const std::vector<const char*> flags{
      "--worker-threads",  "--connections",    "--route-frames",        "--frame-len",
      "--tunnel-bytes",    "--input-fragment", "--read-reserve",        "--write-pending-bytes",
      "--duplex-capacity", "--iterations",     "--idle-timeout-millis", "--duration-seconds",
      "--read-block",      "--gather-micros",  "--memory-budget"};
  for (const char* flag : flags) {
    for (const char* value :
         {"-1", "+5", "0x40", "nan", "inf", "12k", "", "1e3", "99999999999999999999999999"}) {
      expect_refused({flag, value}, {flag, quoted(value), "plain decimal"});
      const std::string joined = std::string(flag) + "=" + value;
      expect_refused({joined.c_str()}, {flag, quoted(value), "plain decimal"});
    }
  }
}

TEST(Options, EachLowerBoundIsEnforced) {
  for (const char* flag :
       {"--worker-threads", "--connections", "--route-frames", "--tunnel-bytes", "--input-fragment",
        "--read-reserve", "--duplex-capacity", "--iterations", "--idle-timeout-millis"}) {
    expect_refused({flag, "0"}, {flag, "'0'", "at least 1"});
  }
  expect_refused({"--frame-len", "15"}, {"--frame-len", "'15'", "at least 16"});
}

TEST(Options, TheWriteBudgetIsZeroOrHoldsARead) {
  EXPECT_TRUE(parse({"--read-reserve", "100", "--write-pending-bytes", "0"}).has_value());
  EXPECT_TRUE(parse({"--read-reserve", "100", "--write-pending-bytes", "100"}).has_value());
  expect_refused({"--read-reserve", "100", "--write-pending-bytes", "99"},
                 {"--write-pending-bytes", "'99'", "--read-reserve", "100"});
  expect_refused({"--read-reserve", "9223372036854775808"}, {"--read-reserve", "64 bits"});
}

TEST(Options, AMemoryBudgetIsAServicesOfHandoffAlone) {
  const auto service = parse({"--role", "tcp-service", "--memory-budget", "1048576"});
  ASSERT_TRUE(service.has_value());
  EXPECT_EQ(service->memory_budget, 1048576u);
  EXPECT_EQ(parse({"--role", "tcp-service"})->memory_budget, 0u);
  const auto refused = [](std::vector<const char*> words, const char* rule) {
    words.insert(words.end(), {"--memory-budget", "65536"});
    expect_refused(words, {"--memory-budget", "'65536'", rule});
  };
  refused({}, "--role tcp-service");
  refused({"--role", "tcp-driver"}, "--role tcp-service");
  for (const char* each : {"raw_copy", "splice", "handoff_coroutine"}) {
    refused({"--role", "tcp-service", "--implementation", each}, "--implementation handoff");
  }
  for (const char* value : {"0", "4095"}) {
    expect_refused({"--role", "tcp-service", "--memory-budget", value},
                   {"--memory-budget", quoted(value), "4096"});
  }
  expect_refused({"--role", "tcp-service", "--memory-budget", "18446744073709551615"},
                 {"--memory-budget", "memory of this machine"});
}

TEST(Options, AReadBlockIsItsOwnAndTheWriteBudgetHoldsIt) {
  const auto larger = parse({"--read-block", "100000", "--scenario", "coalesced"});
  ASSERT_TRUE(larger.has_value());
  EXPECT_EQ(larger->read_block, 100000u);
  EXPECT_EQ(larger->read_reserve, 16384u);
  EXPECT_EQ(larger->input_fragment, 16384u);
  EXPECT_EQ(larger->write_pending_bytes, 200000u);
  const auto smaller = parse({"--read-block=1"});
  ASSERT_TRUE(smaller.has_value());
  EXPECT_EQ(smaller->write_pending_bytes, 32768u);
  EXPECT_TRUE(parse({"--read-block", "1073741824"}).has_value());
  expect_refused({"--read-block", "1073741825"},
                 {"--read-block '1073741825'", "at most 1073741824"});
}

TEST(Options, SizesWhoseSumsOrProductsDoNotFitAreRefused) {
  expect_refused({"--tunnel-bytes", "18446744073709551615"}, {"--tunnel-bytes", "64 bits"});
  expect_refused({"--frame-len", "18446744073709551615"}, {"--frame-len", "64 bits"});
  expect_refused({"--route-frames", "18446744073709551615"}, {"--route-frames", "64 bits"});
  expect_refused({"--connections", "1000000000000000000"}, {"--connections", "64 bits"});
  expect_refused({"--iterations", "1000000000000000000"}, {"--iterations", "64 bits"});
  // Never a flag that was not given.
  expect_refused({"--tunnel-bytes", "9223372036854775808"},
                 {"--tunnel-bytes '9223372036854775808'", "--connections", "64 bits"});
  expect_refused({"--frame-len", "4000000000000000", "--iterations", "2"},
                 {"--frame-len '4000000000000000'", "--iterations", "64 bits"});
}

// One line for each flag, whatever else would have become of it: an exception, a run that is
// killed.
TEST(Options, SizesThatCannotBeHadAreRefused) {
  const char* const kHuge = "4611686018427387904";
  expect_refused({"--read-reserve", kHuge, "--connections", "1"},
                 {"--read-reserve '4611686018427387904'", "at most 1073741824"});
  expect_refused({"--read-reserve", "1073741825"}, {"--read-reserve", "at most 1073741824"});
  EXPECT_TRUE(parse({"--read-reserve", "1073741824"}).has_value());
  expect_refused({"--duplex-capacity", kHuge},
                 {"--duplex-capacity '4611686018427387904'", "memory of this machine"});
  expect_refused({"--frame-len", "1000000000000000", "--route-frames", "1"},
                 {"--frame-len '1000000000000000'", "memory of this machine", "a proxy holds"});
  expect_refused({"--worker-threads", "4194305", "--role", "tcp-service"},
                 {"--worker-threads '4194305'", "at most 4194304"});
  expect_refused({"--connections", "100000000000"},
                 {"--connections '100000000000'", "all --connections", "memory"});
  expect_refused(
      {"--implementation", "raw_copy", "--read-reserve", "1000000000", "--connections", "900000"},
      {"--read-reserve '1000000000'", "all --connections", "memory"});
  expect_refused({"--transport", "cached", "--route-frames", "100000000000000"},
                 {"--route-frames '100000000000000'", "memory"});
}

TEST(Options, AFragmentIsWhatOneCallTakesUnlessAllFitsIntoOne) {
  expect_refused({"--input-fragment", "1073741825", "--tunnel-bytes", "1073741824"},
                 {"--input-fragment '1073741825'", "at most 1073741824", "longer"});
  EXPECT_TRUE(parse({"--input-fragment", "18446744073709551615"}).has_value());
  EXPECT_TRUE(
      parse({"--input-fragment", "1073741824", "--tunnel-bytes", "1073741824"}).has_value());
}

TEST(Options, ThreadsThatNoConnectionIsForAreNoHarm) {
  EXPECT_TRUE(parse({"--worker-threads", "18446744073709551615"}).has_value());
}

TEST(Options, ALinkLocalAddressMayHaveTheScopeOfAnInterface) {
  const auto options = parse({"--service-addr", "[fe80::1%lo]:1", "--sink-addr", "[ff02::1%1]:2"});
  ASSERT_TRUE(options.has_value()) << options.error().text;
  EXPECT_EQ(to_text(options->service_addr), "[fe80::1%lo]:1");
  EXPECT_EQ(to_text(options->sink_addr), "[ff02::1%1]:2");
  for (const char* address :
       {"[fe80::1%no_such_if]:1", "[fe80::1%]:1", "[fe80::1%0]:1", "[fe80::1%4294967297]:1",
        "[fe80::1%lo%lo]:1", "[::1%lo]:1", "[1::2%1]:1", "127.0.0.1%lo:1", "[fe80::1%-1]:1"}) {
    expect_refused({"--service-addr", address},
                   {"--service-addr", quoted(address), "numeric", "interface"});
  }
}

TEST(Options, ChoicesNameTheirValues) {
  expect_refused({"--transport", "udp"}, {"--transport", "'udp'", "duplex tcp cached"});
  expect_refused({"--implementation", "Handoff"},
                 {"'Handoff'", "handoff manual_vec raw_copy handoff_coroutine asio_queue splice"});
  expect_refused({"--scenario", "all"}, {"'all'", "fragmented coalesced"});
  expect_refused({"--completion", ""}, {"--completion ''", "ticket fire_and_forget"});
  expect_refused({"--role", "both"}, {"'both'", "integrated tcp-service tcp-driver"});
}

TEST(Options, AddressesAreNumeric) {
  for (const char* address :
       {"localhost:1", "127.0.0.1", "127.0.0.1:", ":1", "::1:1", "[::1]", "[127.0.0.1]:1",
        "1.2.3:1", "1.2.3.4:65536", "1.2.3.4:-1", "", "[::1]x:1"}) {
    expect_refused({"--service-addr", address},
                   {"--service-addr", quoted(address), "numeric", "at most 65535"});
    expect_refused({"--sink-addr", address}, {"--sink-addr", quoted(address), "numeric"});
  }
}

TEST(Options, AnotherTransportAskedForWithASplitRoleIsRefused) {
  for (const char* transport : {"duplex", "cached"}) {
    const std::string joined = std::string("--transport=") + transport;
    for (const char* role : {"tcp-service", "tcp-driver"}) {
      expect_refused({"--role", role, "--transport", transport},
                     {"--transport", quoted(transport), role});
      expect_refused({joined.c_str(), "--role", role}, {"--transport", quoted(transport), role});
    }
  }
}

TEST(Options, SpliceIsForTcpAlone) {
  EXPECT_TRUE(parse({"--implementation", "splice", "--transport", "tcp"}).has_value());
  EXPECT_TRUE(parse({"--implementation=splice", "--role", "tcp-service"}).has_value());
  EXPECT_TRUE(parse({"--role", "tcp-driver", "--implementation", "splice"}).has_value());
  expect_refused({"--implementation", "splice"},
                 {"--implementation 'splice'", "--transport tcp", "is duplex"});
  expect_refused({"--transport", "duplex", "--implementation", "splice"},
                 {"--implementation 'splice'", "--transport tcp", "is duplex"});
  expect_refused({"--implementation", "splice", "--transport", "cached"},
                 {"--implementation 'splice'", "--transport tcp", "is cached"});
}

TEST(Options, ASplitRoleMeansTcpAndItsPeersPortIsKnown) {
  for (const char* role : {"tcp-service", "tcp-driver"}) {
    const auto options = parse({"--role", role});
    ASSERT_TRUE(options.has_value());
    EXPECT_EQ(to_text(options->role), role);
    EXPECT_EQ(options->transport, Transport::kTcp);
    EXPECT_TRUE(parse({"--role", role, "--transport", "tcp"}).has_value());
    expect_refused({"--role", role, "--sink-addr", "127.0.0.1:0"},
                   {"--sink-addr", "'127.0.0.1:0'", "must not be 0"});
  }
  EXPECT_TRUE(parse({"--role", "tcp-service", "--service-addr", "127.0.0.1:0"}).has_value());
  expect_refused({"--role", "tcp-driver", "--service-addr", "[::1]:0"},
                 {"--service-addr", "'[::1]:0'", "must not be 0"});
  EXPECT_TRUE(parse({"--sink-addr", "127.0.0.1:0"}).has_value());
}

TEST(Options, UnknownWordsAndMissingValuesAreRefused) {
  expect_refused({"--conections", "1"}, {"'--conections'", "not a flag"});
  expect_refused({"--conections=1"}, {"'--conections'", "not a flag"});
  expect_refused({"stray"}, {"'stray'", "not a flag"});
  expect_refused({"--no-such-flag=--role="}, {"'--no-such-flag'", "not a flag"});
  expect_refused({"--verify=1"}, {"--verify", "takes no value"});
  expect_refused({"--help=--role="}, {"--help", "takes no value"});
  expect_refused({"-v"}, {"'-v'", "not a flag"});
  expect_refused({"--connections"}, {"--connections", "missing"});
  expect_refused({"--connections", "--iterations", "3"}, {"--connections", "missing"});
}

TEST(Options, AWrongValueStaysOnOneLine) {
  expect_refused({"--connections", "1\n2"}, {"'1\\x0a2'"});
  expect_refused({"bad\nword"}, {"bad\\x0aword"});
}

TEST(Options, HelpGoesToStandardOutputAndNamesEveryFlag) {
  const auto options = parse({"--connections", "bogus", "--help"});
  ASSERT_FALSE(options.has_value());
  EXPECT_EQ(options.error().exit_status, 0);
  EXPECT_TRUE(options.error().to_standard_output);
  for (const char* flag : {"--transport",
                           "--role",
                           "--implementation",
                           "--scenario",
                           "--completion",
                           "--worker-threads",
                           "--connections",
                           "--route-frames",
                           "--frame-len",
                           "--tunnel-bytes",
                           "--input-fragment",
                           "--read-reserve",
                           "--read-block",
                           "--gather-micros",
                           "--write-pending-bytes",
                           "--memory-budget",
                           "--duplex-capacity",
                           "--iterations",
                           "--duration-seconds",
                           "--service-addr",
                           "--sink-addr",
                           "--ready-file",
                           "--idle-timeout-millis",
                           "--verify",
                           "--check",
                           "--help"}) {
    EXPECT_THAT(options.error().text, HasSubstr(flag));
  }
  EXPECT_THAT(options.error().text, HasSubstr("one thread's"));
}

}  // namespace
}  // namespace stream_harness
