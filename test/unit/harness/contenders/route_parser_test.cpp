#include "contenders/route_parser.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace stream_harness {
namespace {

using Found = RouteParser::Found;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

struct Routed {
  std::vector<std::string> frames;
  bool marker = false;
  std::string rest;
};

// Feeds the input in chunks, as a proxy would: unrouted bytes stay, units are taken from the front.
Routed route(std::string_view input, std::size_t chunk) {
  RouteParser parser(63);
  Routed routed;
  while (!input.empty()) {
    routed.rest += input.substr(0, chunk);
    input.remove_prefix(std::min(chunk, input.size()));
    for (;;) {
      if (routed.marker) break;
      const auto unit = parser.next(bytes_of(routed.rest));
      if (unit.found == Found::kNeedMore) break;
      EXPECT_NE(unit.found, Found::kTooLong);
      if (unit.found == Found::kFrame) routed.frames.push_back(routed.rest.substr(0, unit.bytes));
      if (unit.found == Found::kMarker) {
        EXPECT_EQ(routed.rest.substr(0, unit.bytes), "TUNNEL\n");
        routed.marker = true;
      }
      routed.rest.erase(0, unit.bytes);
    }
  }
  return routed;
}

TEST(RouteParser, FindsFramesAndTheMarkerAtEveryCut) {
  const std::string input =
      "GET /a\n\nTUNA\nTUNNELS\nTUNNE\nxTUNNEL\nTUNNEL \nTUNNEL\r\nTUNNEL\nab\nc";
  const std::vector<std::string> frames{"GET /a\n", "\n",        "TUNA\n",    "TUNNELS\n",
                                        "TUNNE\n",  "xTUNNEL\n", "TUNNEL \n", "TUNNEL\r\n"};
  for (std::size_t chunk = 1; chunk <= input.size(); ++chunk) {
    const Routed routed = route(input, chunk);
    EXPECT_EQ(routed.frames, frames);
    EXPECT_TRUE(routed.marker);
    EXPECT_EQ(routed.rest, "ab\nc");
  }
}

TEST(RouteParser, WhatFollowsTheLastNewlineStays) {
  const Routed routed = route("one\nTUNNE", 3);
  EXPECT_EQ(routed.frames, std::vector<std::string>{"one\n"});
  EXPECT_FALSE(routed.marker);
  EXPECT_EQ(routed.rest, "TUNNE");
}

TEST(RouteParser, AtTheEndWhatFollowsTheLastNewlineIsAUnit) {
  RouteParser parser(63);
  EXPECT_EQ(parser.next(bytes_of("TUNNE")).found, Found::kNeedMore);
  const auto rest = parser.next_at_end(bytes_of("TUNNE"));
  EXPECT_EQ(rest.found, Found::kFrame);
  EXPECT_EQ(rest.bytes, 5u);
  EXPECT_EQ(parser.next_at_end({}).found, Found::kNeedMore);
  EXPECT_EQ(parser.next_at_end(bytes_of("TUNNEL\n")).found, Found::kMarker);
  EXPECT_EQ(parser.next_at_end(bytes_of("a\nb")).bytes, 2u);
}

// Bytes that were scanned are not looked at again: a newline that is put among them afterwards is
// not found, one behind them is.
TEST(RouteParser, TheScanGoesOnWhereItStopped) {
  RouteParser parser(63);
  std::string window = "aaaa";
  EXPECT_EQ(parser.next(bytes_of(window)).found, Found::kNeedMore);
  window = "a\naa";
  EXPECT_EQ(parser.next(bytes_of(window)).found, Found::kNeedMore);
  window += "b\n";
  const auto unit = parser.next(bytes_of(window));
  EXPECT_EQ(unit.found, Found::kFrame);
  EXPECT_EQ(unit.bytes, 6u);
}

TEST(RouteParser, AnUnfinishedFrameMayGrowToTheLimit) {
  RouteParser parser(63);
  EXPECT_EQ(parser.unfinished_limit(), std::size_t{1} << 20);
  std::string window(parser.unfinished_limit(), 'a');
  EXPECT_EQ(parser.next(bytes_of(window)).found, Found::kNeedMore);
  window += 'a';
  EXPECT_EQ(parser.next(bytes_of(window)).found, Found::kTooLong);
  EXPECT_NE(unfinished_frame_error(parser.unfinished_limit()).find("1048576"), std::string::npos);
}

TEST(RouteParser, TheLimitDoesNotDependOnTheChunks) {
  RouteParser parser(63);
  std::string window(parser.unfinished_limit() - 1, 'a');
  window += '\n';
  EXPECT_EQ(parser.next(bytes_of(window)).found, Found::kFrame);
  window = std::string(parser.unfinished_limit(), 'a') + "\n";
  EXPECT_EQ(parser.next(bytes_of(window)).found, Found::kTooLong);
}

TEST(RouteParser, TheLimitHasRoomForTheLongestConfiguredFrame) {
  const std::size_t frame_len = std::size_t{3} << 20;
  RouteParser parser(frame_len);
  EXPECT_EQ(parser.unfinished_limit(), frame_len + 1);
  std::string window(frame_len, 'a');
  EXPECT_EQ(parser.next(bytes_of(window)).found, Found::kNeedMore);
  window += '\n';
  const auto unit = parser.next(bytes_of(window));
  EXPECT_EQ(unit.found, Found::kFrame);
  EXPECT_EQ(unit.bytes, frame_len + 1);
}

}  // namespace
}  // namespace stream_harness
