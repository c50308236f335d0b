#include "sni_router/client_hello.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "support/programs/hello_bytes.hpp"
#include "support/programs/scan_pieces.hpp"

namespace sni_router {
namespace {

using bytes_handoff::FrameScan;
using bytes_handoff::test::scan_in_pieces;
using testing::ElementsAre;
using testing::IsEmpty;
using namespace sni_router::test;

constexpr std::size_t kMostHello = 4096;

std::string usual_hello() {
  return handshake(hello_body(extension(43, "xyz") + server_name_extension("A.Example.com") +
                              alpn_extension({"h2", "http/1.1"}) + extension(21, "")));
}

FrameScan scan_whole(HelloFramer& framer, const std::string& bytes) {
  return framer.scan(std::as_bytes(std::span(bytes)));
}

std::error_code error_of(const std::string& bytes, std::size_t max_hello = kMostHello) {
  HelloFramer framer(max_hello, false);
  return scan_whole(framer, bytes).error_code();
}

void expect_usual(const HelloFramer& framer) {
  EXPECT_EQ(framer.hello().server_name, "a.example.com");
  EXPECT_THAT(framer.hello().protocols, ElementsAre("h2", "http/1.1"));
}

TEST(ClientHello, HasServerNameAndProtocols) {
  HelloFramer framer(kMostHello, false);
  const std::string bytes = record(usual_hello());
  EXPECT_EQ(scan_whole(framer, bytes + "rest").size(), bytes.size());
  expect_usual(framer);
}

TEST(ClientHello, MayHaveNeither) {
  const auto without = parse_client_hello(hello_body(extension(43, "xyz")));
  ASSERT_TRUE(without);
  EXPECT_EQ(without->server_name, "");
  EXPECT_THAT(without->protocols, IsEmpty());
  std::string old = hello_body("");
  old.resize(old.size() - 2);  // as before TLS had extensions
  EXPECT_TRUE(parse_client_hello(old));
}

TEST(HelloFramer, FindsTheHelloWhereverInputIsCut) {
  const std::string bytes = record(usual_hello());
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    HelloFramer framer(kMostHello, false);
    std::size_t piece = cut;
    const FrameScan scan =
        scan_in_pieces(framer, bytes, [&] { return std::exchange(piece, bytes.size() - cut); });
    ASSERT_EQ(scan.size(), bytes.size()) << "cut at " << cut;
    expect_usual(framer);
  }
}

TEST(HelloFramer, FindsTheHelloInRecordsOfAnySize) {
  const std::string hello = usual_hello();
  for (std::size_t most = 1; most <= hello.size(); ++most) {
    const std::string bytes = records(hello, most);
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, bytes.size()}) {
      HelloFramer framer(kMostHello, false);
      const FrameScan scan = scan_in_pieces(framer, bytes, [&] { return piece; });
      ASSERT_EQ(scan.size(), bytes.size()) << "records of " << most << ", pieces of " << piece;
      expect_usual(framer);
    }
  }
}

TEST(HelloFramer, GivesTheSameAnswerAgain) {
  const std::string bytes = records(usual_hello(), 50);
  bytes_handoff::HandoffBuffer buffer;
  ASSERT_EQ(bytes_handoff::test::read_once(buffer, bytes), bytes.size());
  HelloFramer framer(kMostHello, false);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(bytes_handoff::detail::find_frame(buffer, framer).size(), bytes.size());
    expect_usual(framer);
  }
}

TEST(HelloFramer, ReadsAProxyHeaderInFront) {
  const std::string line = "PROXY TCP4 192.0.2.1 192.0.2.2 1234 443\r\n";
  const std::string bytes = line + record(usual_hello());
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    HelloFramer framer(kMostHello, true);
    const FrameScan scan = scan_in_pieces(framer, bytes, [&] { return piece; });
    ASSERT_EQ(scan.size(), bytes.size()) << "pieces of " << piece;
    EXPECT_EQ(framer.proxy_header_size(), line.size());
    EXPECT_EQ(framer.proxied_client(), "192.0.2.1:1234");
    expect_usual(framer);
  }
}

TEST(HelloFramer, WantsTheProxyHeaderThatIsToCome) {
  HelloFramer framer(kMostHello, true);
  EXPECT_EQ(scan_whole(framer, record(usual_hello())).error_code(), HelloErrc::no_proxy_header);
  EXPECT_EQ(error_of("PROXY UNKNOWN\r\n"), HelloErrc::not_tls);
}

TEST(HelloFramer, RefusesWhatIsNoTlsAtItsFirstByte) {
  EXPECT_EQ(error_of("G"), HelloErrc::not_tls);
  EXPECT_EQ(error_of("\x80\x2e"), HelloErrc::not_tls);  // SSL 2
  EXPECT_EQ(error_of("\x16\x02"), HelloErrc::not_tls);
  EXPECT_EQ(error_of(record("x", 23)), HelloErrc::not_tls);
  EXPECT_EQ(error_of("\x16\x03"), std::error_code());
}

TEST(HelloFramer, RefusesRecordsThatTlsDoesNotHave) {
  EXPECT_EQ(error_of(number(22, 1) + number(0x0301, 2) + number(16385, 2)),
            HelloErrc::record_too_long);
  EXPECT_EQ(error_of(number(22, 1) + number(0x0301, 2) + number(16384, 2)), std::error_code());
  EXPECT_EQ(error_of(record("")), HelloErrc::malformed);
  EXPECT_EQ(error_of(record(usual_hello().substr(0, 9)) + "\x15"), HelloErrc::malformed);
}

TEST(HelloFramer, RefusesAnotherHandshakeMessage) {
  EXPECT_EQ(error_of(record(handshake("x", 2))), HelloErrc::not_hello);
  EXPECT_EQ(error_of(record(usual_hello() + "x")), HelloErrc::malformed);
  std::string old = hello_body("");
  old.resize(old.size() - 2);  // before TLS had extensions: what follows could be taken for them
  EXPECT_EQ(error_of(record(handshake(old) + std::string(2, '\0'))), HelloErrc::malformed);
}

TEST(HelloFramer, LimitsTheHello) {
  const std::string hello = usual_hello();
  EXPECT_EQ(error_of(record(hello), hello.size()), std::error_code());
  EXPECT_EQ(error_of(record(hello), hello.size() - 1), HelloErrc::too_long);
  EXPECT_EQ(error_of(record(hello.substr(0, 4)), hello.size() - 1), HelloErrc::too_long);
}

TEST(HelloFramer, LimitsTheRecords) {
  const std::string hello = handshake(hello_body(extension(21, std::string(400, 'p'))));
  EXPECT_EQ(error_of(records(hello, 1)), HelloErrc::malformed);
  EXPECT_EQ(error_of(records(hello, 2)), std::error_code());
}

// The most of everything: a long header, 255 small records, and then a long one that is cut.
TEST(HelloFramer, NeedsNoMoreThanItsBufferHas) {
  const std::string header =
      std::string("\r\n\r\n\0\r\nQUIT\n\x20\0", 14) + vector(std::string(2032, 'x'), 2);
  const std::string hello = number(1, 1) + number(252, 3) + std::string(251, 'x');
  const std::string long_record = number(22, 1) + number(0x0301, 2) + number(16384, 2);
  HelloFramer framer(256, true);
  const std::string bytes = header + records(hello, 1) + long_record;
  const FrameScan scan = scan_whole(framer, bytes);
  EXPECT_EQ(scan.error_code(), std::error_code());
  EXPECT_EQ(scan.needed(), bytes.size() + 16384);
  EXPECT_LE(scan.needed(), framer.max_frame());
}

TEST(ClientHelloParts, MustFitIntoEachOther) {
  const std::string body = hello_body(server_name_extension("a.example") + alpn_extension({"h2"}));
  ASSERT_TRUE(parse_client_hello(body));
  for (std::size_t n = 0; n < body.size(); ++n) {
    const bool is_before_extensions = n == body.size() - 2 - (body.size() - hello_body("").size());
    EXPECT_EQ(parse_client_hello(body.substr(0, n)).has_value(), is_before_extensions) << n;
  }
  EXPECT_FALSE(parse_client_hello(body + "x"));
}

TEST(ClientHelloParts, HaveBounds) {
  const auto is_right = [](std::string_view extensions) {
    return parse_client_hello(hello_body(extensions)).has_value();
  };
  const std::string name = server_name_extension("a.example");
  EXPECT_FALSE(is_right(name + name));
  EXPECT_FALSE(is_right(alpn_extension({"h2"}) + alpn_extension({"h2"})));
  EXPECT_FALSE(is_right(alpn_extension({})));
  EXPECT_FALSE(is_right(alpn_extension({"h2", ""})));
  EXPECT_FALSE(is_right(extension(0, "")));
  EXPECT_FALSE(is_right(extension(0, vector("", 2))));
  EXPECT_FALSE(is_right(extension(0, vector(number(1, 1) + vector("a", 2), 2))));
  EXPECT_FALSE(is_right(extension(0, vector(number(0, 1) + vector("a", 2), 2) + "x")));
  const std::string entry = number(0, 1) + vector("a", 2);
  EXPECT_FALSE(is_right(extension(0, vector(entry + entry, 2))));
  EXPECT_TRUE(is_right(extension(0, vector(entry, 2))));
}

TEST(ClientHelloNames, AreThoseOfHosts) {
  const auto named = [](std::string_view name) {
    return parse_client_hello(hello_body(server_name_extension(name)));
  };
  EXPECT_EQ(named("A.b")->server_name, "a.b");
  EXPECT_EQ(named("a.b.")->server_name, "a.b");
  for (const std::string_view wrong :
       {std::string_view(), std::string_view("a\0b", 3), std::string_view("a b"),
        std::string_view(".a"), std::string_view("a..b"), std::string_view("a/b"),
        std::string_view("."), std::string_view("a\nb")}) {
    EXPECT_EQ(named(wrong).error(), HelloErrc::malformed_name) << wrong;
  }
  EXPECT_TRUE(named(std::string(255, 'a')));
  EXPECT_FALSE(named(std::string(256, 'a')));
}

TEST(ClientHelloAlerts, AreRecords) {
  EXPECT_EQ(alert_record(Alert::unrecognized_name), std::string("\x15\3\3\0\2\2\x70", 7));
  EXPECT_EQ(alert_of(HelloErrc::not_tls), std::nullopt);
  EXPECT_EQ(alert_of(HelloErrc::malformed), Alert::decode_error);
}

}  // namespace
}  // namespace sni_router
