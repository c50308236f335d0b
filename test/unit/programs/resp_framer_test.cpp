#include "support/resp_framer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "bytes_handoff/handoff_buffer.hpp"
#include "support/streams/buffer_feed.hpp"

namespace programs {
namespace {

using bytes_handoff::Bytes;
using bytes_handoff::Errc;
using bytes_handoff::HandoffBuffer;
using Of = RespFramer::Of;
using testing::ElementsAre;

/// What a framer finds in an input that comes in pieces.
struct Found {
  std::vector<std::string> frames;
  std::vector<std::vector<std::string>> texts;  // of each frame's values
  std::error_code error;
  std::uint64_t position = 0;
  std::string problem;

  friend bool operator==(const Found&, const Found&) = default;
};

class Finder {
 public:
  explicit Finder(Of what, const RespLimits& limits = {}) : framer_(what, limits) {}

  void give(std::string_view piece) {
    bytes_handoff::test::feed(buffer_, piece);
    auto frames = buffer_.frames(framer_);
    for (const Bytes& frame : frames) {
      found_.frames.emplace_back(frame.view());
      std::vector<std::string>& texts = found_.texts.emplace_back();
      for (const RespValue& value : framer_.values()) {
        texts.push_back(value.type +
                        (value.is_nil ? "nil" : std::string(value.text(frame.view()))));
      }
    }
    if (const auto error = frames.error()) {
      found_.error = error.code;
      found_.position = error.position;
      found_.problem = framer_.problem();
    }
  }

  [[nodiscard]] const Found& found() const { return found_; }

 private:
  HandoffBuffer buffer_;
  RespFramer framer_;
  Found found_;
};

[[nodiscard]] Found find_whole(Of what, std::string_view input, const RespLimits& limits = {}) {
  Finder finder(what, limits);
  finder.give(input);
  return finder.found();
}

void expect_same_at_every_cut(Of what, std::string_view input, const RespLimits& limits = {}) {
  const Found whole = find_whole(what, input, limits);
  for (std::size_t first = 0; first <= input.size(); ++first) {
    for (std::size_t second = first; second <= input.size(); ++second) {
      Finder finder(what, limits);
      finder.give(input.substr(0, first));
      finder.give(input.substr(first, second - first));
      finder.give(input.substr(second));
      ASSERT_EQ(finder.found(), whole) << "cut at " << first << " and " << second;
    }
  }
  Finder bytewise(what, limits);
  for (const char c : input) bytewise.give({&c, 1});
  EXPECT_EQ(bytewise.found(), whole) << "byte by byte";
}

constexpr std::string_view kRequests =
    "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\n\r\n\r\n\r\nPING\r\n*1\r\n$0\r\n\r\n*0\r\n\r\n*-1\r\nGET "
    "k\n";
constexpr std::string_view kReplies =
    "+OK\r\n-ERR no\r\n:-12\r\n$-1\r\n$3\r\nab\n\r\n*-1\r\n*0\r\n*2\r\n*2\r\n:1\r\n$1\r\nx\r\n"
    "$-1\r\n$0\r\n\r\n";

TEST(RespFramer, FindsRequestsAndTheirWords) {
  const Found found = find_whole(Of::requests, kRequests);
  EXPECT_THAT(found.frames,
              ElementsAre("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\n\r\n\r\n\r\n", "PING\r\n",
                          "*1\r\n$0\r\n\r\n", "*0\r\n", "\r\n", "*-1\r\n", "GET k\n"));
  EXPECT_THAT(found.texts, ElementsAre(ElementsAre("*", "$SET", "$k", "$\r\n\r\n"), ElementsAre(),
                                       ElementsAre("*", "$"), ElementsAre("*"), ElementsAre(),
                                       ElementsAre("*nil"), ElementsAre()));
  EXPECT_FALSE(found.error);
}

TEST(RespFramer, FindsRepliesAndTheirValues) {
  const Found found = find_whole(Of::replies, kReplies);
  EXPECT_THAT(
      found.texts,
      ElementsAre(ElementsAre("+OK"), ElementsAre("-ERR no"), ElementsAre(":-12"),
                  ElementsAre("$nil"), ElementsAre("$ab\n"), ElementsAre("*nil"), ElementsAre("*"),
                  ElementsAre("*", "*", ":1", "$x", "$nil"), ElementsAre("$")));
  EXPECT_EQ(found.frames[7], "*2\r\n*2\r\n:1\r\n$1\r\nx\r\n$-1\r\n");
  EXPECT_FALSE(found.error);
}

TEST(RespFramer, CutsChangeNothing) {
  expect_same_at_every_cut(Of::requests, kRequests);
  expect_same_at_every_cut(Of::replies, kReplies);
}

TEST(RespFramer, ValuesLieBehindOneAnother) {
  RespFramer framer(Of::replies);
  const std::string_view reply = "*3\r\n$2\r\nab\r\n:7\r\n$-1\r\n";
  ASSERT_TRUE(framer.scan(std::as_bytes(std::span(reply))).is_complete());
  const auto& values = framer.values();
  ASSERT_EQ(values.size(), 4U);
  for (std::size_t i = 1; i < values.size(); ++i) {
    EXPECT_EQ(values[i].first, values[i - 1].last());
  }
  EXPECT_EQ(values.back().last(), reply.size());
}

struct Wrong {
  Of what;
  std::string_view input;
  Errc error;
  std::string_view problem;
};

TEST(RespFramer, RefusesWhatIsNoFrameAtEveryCut) {
  constexpr Wrong kWrong[] = {
      {Of::requests, "*1\r\n:1\r\n", Errc::malformed_frame, "Protocol error: expected '$'"},
      {Of::requests, "*1\r\n*1\r\n", Errc::malformed_frame,
       "Protocol error: expected '$', got '*'"},
      {Of::requests, "*1\r\n$-1\r\n", Errc::malformed_frame, "Protocol error: invalid bulk length"},
      {Of::requests, "*1\r\n$1x", Errc::malformed_frame, "Protocol error: invalid bulk length"},
      {Of::requests, "*1\r\n$\r\n", Errc::malformed_frame, "Protocol error: invalid bulk length"},
      {Of::requests, "*x\r\n", Errc::malformed_frame, "Protocol error: invalid multibulk length"},
      {Of::requests, "*1\rx", Errc::malformed_frame, "Protocol error: invalid multibulk length"},
      {Of::requests, "*1111111111111111111\r\n", Errc::malformed_frame,
       "Protocol error: invalid multibulk length"},
      {Of::requests, "*1\r\n$2\r\nabc\r\n", Errc::malformed_frame,
       "Protocol error: a bulk is longer than its length"},
      {Of::replies, "+OK\n", Errc::malformed_frame,
       "Protocol error: a line of a reply ends with CRLF"},
      {Of::replies, "HTTP/1.1 400\r\n", Errc::malformed_frame,
       "Protocol error: a reply begins with + - : $ or *"},
      {Of::replies, "$-2\r\n", Errc::malformed_frame, "Protocol error: invalid bulk length"},
      {Of::replies, "*-2\r\n", Errc::malformed_frame, "Protocol error: invalid multibulk length"},
  };
  for (const Wrong& wrong : kWrong) {
    const std::string input =
        std::string(wrong.what == Of::requests ? "PING\r\n" : "+OK\r\n") + std::string(wrong.input);
    const Found found = find_whole(wrong.what, input);
    EXPECT_EQ(found.error, make_error_code(wrong.error)) << wrong.input;
    EXPECT_EQ(found.problem, wrong.problem) << wrong.input;
    EXPECT_EQ(found.frames.size(), 1U) << wrong.input;
    EXPECT_EQ(found.position, found.frames[0].size()) << wrong.input;
    expect_same_at_every_cut(wrong.what, input);
  }
}

TEST(RespFramer, LimitsHoldToTheByte) {
  const std::string frame = "*2\r\n$4\r\nECHO\r\n$5\r\nhello\r\n";
  for (const std::size_t limit : {frame.size(), frame.size() - 1}) {
    const Found found = find_whole(Of::requests, frame, {.max_frame = limit});
    EXPECT_EQ(found.frames.size(), limit == frame.size() ? 1U : 0U);
    expect_same_at_every_cut(Of::requests, frame, {.max_frame = limit});
  }
  for (const std::size_t values : {3U, 2U}) {
    const Found found = find_whole(Of::requests, frame, {.max_values = values});
    EXPECT_EQ(found.frames.size(), values == 3 ? 1U : 0U);
  }
  for (const std::size_t line : {5U, 4U}) {
    EXPECT_EQ(find_whole(Of::requests, "PING\r\n", {.max_line = line}).frames.size(),
              line == 5 ? 1U : 0U);
  }
}

TEST(RespFramer, RefusesALongBulkBeforeItComes) {
  const Found found = find_whole(Of::replies, "$1001\r\n", {.max_frame = 1000});
  EXPECT_EQ(found.error, make_error_code(Errc::frame_too_long));
  EXPECT_EQ(find_whole(Of::replies, "$999999999999999999\r\n").error,
            make_error_code(Errc::frame_too_long));
  EXPECT_EQ(find_whole(Of::replies, "*999999999999999999\r\n").error,
            make_error_code(Errc::frame_too_long));
}

TEST(RespFramer, RefusesALineThatNeverEnds) {
  const std::string line(100, 'x');
  EXPECT_EQ(find_whole(Of::requests, line, {.max_line = 99}).error,
            make_error_code(Errc::frame_too_long));
  EXPECT_FALSE(find_whole(Of::requests, line, {.max_line = 100}).error);
}

TEST(RespFramer, AsksForAllOfABulkAtOnce) {
  RespFramer framer(Of::replies);
  const std::string_view begin = "*2\r\n:1\r\n$1000\r\nab";
  const auto scan = framer.scan(std::as_bytes(std::span(begin)));
  ASSERT_FALSE(scan.is_complete() || scan.is_error());
  EXPECT_EQ(scan.needed(), begin.size() - 2 + 1000 + 2);
}

TEST(SplitInline, ReadsWordsAndQuotes) {
  const auto words = split_inline("  set \"a\\x41\\n\\\"\" 'b\\'\\n'  c\"d\" \"\"\r\n");
  ASSERT_TRUE(words);
  EXPECT_THAT(*words, ElementsAre("set", "aA\n\"", "b'\\n", "cd", ""));
  EXPECT_THAT(*split_inline(" \r\n"), ElementsAre());
}

TEST(SplitInline, RefusesQuotesThatDoNotFit) {
  EXPECT_FALSE(split_inline("get \"a"));
  EXPECT_FALSE(split_inline("get 'a'b"));
  EXPECT_FALSE(split_inline("get \"a\\"));
}

TEST(MakeRequest, CanBeFoundAgain) {
  const std::vector<std::string> words = {"SET", "", "a\r\n"};
  const Found found = find_whole(Of::requests, make_request(words));
  ASSERT_EQ(found.texts.size(), 1U);
  EXPECT_THAT(found.texts[0], ElementsAre("*", "$SET", "$", "$a\r\n"));
}

}  // namespace
}  // namespace programs
