#include "connect_proxy/request_head.hpp"

#include <gtest/gtest.h>

#include <string>

#include "support/programs/scan_pieces.hpp"

namespace connect_proxy {
namespace {

using bytes_handoff::FrameScan;
using bytes_handoff::test::scan_in_pieces;

constexpr std::size_t kMostHead = 1000;

std::error_code scan_error(const std::string& bytes, std::size_t max_head = kMostHead) {
  HeadFramer framer(max_head);
  return framer.scan(std::as_bytes(std::span(bytes))).error_code();
}

HeadErrc parse_error(const std::string& head) {
  const auto parsed = parse_head(head + "\r\n\r\n");
  return parsed ? HeadErrc{} : parsed.error();
}

// What is sent on for a GET of this target with these lines of fields.
std::string forwarded(const std::string& target, const std::string& fields = "Host: x\r\n",
                      const std::string& version = "HTTP/1.1") {
  const auto parsed = parse_head("GET " + target + " " + version + "\r\n" + fields + "\r\n");
  return parsed ? parsed->forwarded : "refused: " + make_error_code(parsed.error()).message();
}

TEST(HeadFramer, FindsTheEndWhereverInputIsCut) {
  const std::string head = "GET http://a/ HTTP/1.1\r\nHost: a\r\nX: \tb \xe4\r\n\r\n";
  for (std::size_t piece = 1; piece <= head.size(); ++piece) {
    HeadFramer framer(kMostHead);
    const FrameScan scan = scan_in_pieces(framer, head + "\x16\0rest", [&] { return piece; });
    EXPECT_EQ(scan.size(), head.size()) << "pieces of " << piece;
  }
}

TEST(HeadFramer, RefusesBytesThatNoHeadHas) {
  EXPECT_EQ(scan_error("\x16\x03"), HeadErrc::control_character);
  EXPECT_EQ(scan_error(std::string("GET \0", 5)), HeadErrc::control_character);
  EXPECT_EQ(scan_error("GET \x7f"), HeadErrc::control_character);
  EXPECT_EQ(scan_error("GET /\n"), HeadErrc::bare_line_end);
  EXPECT_EQ(scan_error("GET /\rx"), HeadErrc::bare_line_end);
  EXPECT_EQ(scan_error("\n"), HeadErrc::bare_line_end);
  EXPECT_EQ(scan_error("GET /\r"), std::error_code());
}

TEST(HeadFramer, LimitsTheHead) {
  const std::string head = "GET http://a/ HTTP/1.1\r\n\r\n";
  EXPECT_EQ(scan_error(head, head.size()), std::error_code());
  EXPECT_EQ(scan_error(head, head.size() - 1), HeadErrc::too_long);
  EXPECT_EQ(scan_error(std::string(kMostHead + 1, 'a')), HeadErrc::too_long);
  EXPECT_EQ(scan_error(std::string(kMostHead, 'a')), std::error_code());
}

TEST(RequestHead, IsOfConnect) {
  const auto head = parse_head("CONNECT WWW.Example.com.:443 HTTP/1.1\r\nHost: any\r\n\r\n");
  ASSERT_TRUE(head);
  EXPECT_TRUE(head->is_connect);
  EXPECT_EQ(head->host, "www.example.com");
  EXPECT_EQ(head->port, 443);
  const auto ipv6 = parse_head("CONNECT [2001:DB8::1]:1 HTTP/1.0\r\n\r\n");
  ASSERT_TRUE(ipv6);
  EXPECT_TRUE(ipv6->is_ipv6);
  EXPECT_EQ(ipv6->host, "2001:db8::1");
}

TEST(RequestHead, HasATargetThatConnectCanHave) {
  for (const char* const target :
       {"a", "a:", ":1", "a:0", "a:65536", "a:-1", "a:1x", "u@a:1", "http://a:1", "a:1/", "[a:1",
        "[g::]:1", "::1:1", "a b:1", "*", "/", ".:1", "a..b:1"}) {
    const std::string line = std::string("CONNECT ") + target + " HTTP/1.1\r\nHost: x";
    const HeadErrc error = parse_error(line);
    EXPECT_TRUE(error == HeadErrc::malformed_target || error == HeadErrc::malformed_line) << target;
  }
}

TEST(RequestHead, IsSentOnInOriginForm) {
  const std::string end = "Via: 1.1 connect_proxy\r\nConnection: close\r\n\r\n";
  EXPECT_EQ(forwarded("http://a"), "GET / HTTP/1.1\r\nHost: a\r\n" + end);
  EXPECT_EQ(forwarded("HTTP://A:8080/p?q=http://b"),
            "GET /p?q=http://b HTTP/1.1\r\nHost: A:8080\r\n" + end);
  EXPECT_EQ(forwarded("http://a?q"), "GET /?q HTTP/1.1\r\nHost: a\r\n" + end);
  EXPECT_EQ(forwarded("http://[::1]:80/"), "GET / HTTP/1.1\r\nHost: [::1]:80\r\n" + end);
  EXPECT_EQ(forwarded("http://a/", "", "HTTP/1.0"),
            "GET / HTTP/1.0\r\nHost: a\r\nVia: 1.0 connect_proxy\r\nConnection: close\r\n\r\n");
  const auto options = parse_head("OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(options->forwarded.starts_with("OPTIONS * HTTP/1.1\r\n"));
}

TEST(RequestHead, LosesTheFieldsOfItsConnection) {
  const std::string sent =
      forwarded("http://a/",
                "hOst: other\r\nAccept: */*\r\nProxy-Connection: keep-alive\r\n"
                "Connection: X-Mine, keep-alive\r\nX-MINE: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\n"
                "Upgrade: h2c\r\nProxy-Authorization: Basic x\r\nContent-Length: 3\r\n");
  EXPECT_EQ(sent,
            "GET / HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nContent-Length: 3\r\n"
            "Via: 1.1 connect_proxy\r\nConnection: close\r\n\r\n");
}

TEST(RequestHead, HasATargetThatIsAbsolute) {
  for (const char* const target :
       {"/", "a", "https://a/", "http:/a", "http://", "http://u@a/", "http://a:0/", "http://a:x/",
        "http://a:/", "http://a/#f", "http://[::1/", "ftp://a/", "*"}) {
    EXPECT_EQ(parse_error(std::string("GET ") + target + " HTTP/1.1\r\nHost: x"),
              HeadErrc::malformed_target)
        << target;
  }
}

TEST(RequestHead, HasAFirstLine) {
  for (const char* const line :
       {"", "GET", "GET http://a/", "GET  http://a/ HTTP/1.1", "GET http://a/ HTTP/1.1 ",
        "GET http://a/ x HTTP/1.1", " GET http://a/ HTTP/1.1", "G[T http://a/ HTTP/1.1",
        "GET http://a/ http/1.1"}) {
    EXPECT_EQ(parse_error(line), HeadErrc::malformed_line) << line;
  }
  for (const char* const version : {"HTTP/2.0", "HTTP/1.2", "HTTP/", "HTTP/1.10"}) {
    EXPECT_EQ(parse_error(std::string("GET http://a/ ") + version), HeadErrc::unknown_version)
        << version;
  }
}

TEST(RequestHead, HasFieldsThatMeanOneThing) {
  const std::string line = "GET http://a/ HTTP/1.1\r\n";
  EXPECT_EQ(parse_error(line + "Host: a\r\n x"), HeadErrc::folded_field);
  EXPECT_EQ(parse_error(line + "Host : a"), HeadErrc::malformed_field);
  EXPECT_EQ(parse_error(line + "Host"), HeadErrc::malformed_field);
  EXPECT_EQ(parse_error(line + ": a"), HeadErrc::malformed_field);
  EXPECT_EQ(parse_error(line + "Accept: a"), HeadErrc::wrong_host);
  EXPECT_EQ(parse_error(line + "Host: a\r\nHOST: b"), HeadErrc::wrong_host);
  const std::string host = line + "Host: a\r\n";
  EXPECT_EQ(parse_error(host + "Content-Length: 1\r\nContent-Length: 1"),
            HeadErrc::ambiguous_length);
  EXPECT_EQ(parse_error(host + "Content-Length: 1\r\nTransfer-Encoding: chunked"),
            HeadErrc::ambiguous_length);
  EXPECT_EQ(parse_error(host + "Connection: x, Content-Length"), HeadErrc::forbidden_hop_field);
  EXPECT_EQ(parse_error(host + "Connection: transfer-encoding"), HeadErrc::forbidden_hop_field);
  EXPECT_EQ(parse_error(host + "Connection: ,, x ,"), HeadErrc{});
}

TEST(HeadErrcStatus, IsOfHttp) {
  EXPECT_EQ(status_of(HeadErrc::too_long), 431);
  EXPECT_EQ(status_of(HeadErrc::unknown_version), 505);
  EXPECT_EQ(status_of(HeadErrc::malformed_target), 400);
}

}  // namespace
}  // namespace connect_proxy
