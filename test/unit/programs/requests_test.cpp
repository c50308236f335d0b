#include "resp_router/requests.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace programs {
namespace {

using bytes_handoff::Bytes;
using testing::ElementsAre;
using testing::HasSubstr;
using Words = std::vector<std::string>;

struct Parsed {
  Bytes frame;
  std::vector<RespValue> values;
};

[[nodiscard]] Parsed parse(RespFramer::Of what, std::string_view text) {
  RespFramer framer(what);
  Parsed parsed{Bytes::copy_of(text), {}};
  EXPECT_TRUE(framer.scan(parsed.frame.span()).is_complete()) << text;
  parsed.values = framer.values();
  return parsed;
}

[[nodiscard]] Parsed request(const Words& words) {
  return parse(RespFramer::Of::requests, make_request(words));
}

[[nodiscard]] Route route(const Words& words) {
  const Parsed parsed = request(words);
  return route_of(parsed.frame.view(), parsed.values);
}

[[nodiscard]] std::string text_of(const std::vector<Bytes>& slices) {
  std::string text;
  for (const Bytes& slice : slices) text += slice.view();
  return text;
}

TEST(RouteOf, KnowsCommandsInAnyCase) {
  EXPECT_EQ(route({"GET", "k"}), Route::one_key);
  EXPECT_EQ(route({"get", "k"}), Route::one_key);
  EXPECT_EQ(route({"ZsCoRe", "k", "m"}), Route::one_key);
  EXPECT_EQ(route({"APPEND", "k", "v"}), Route::one_key);
  EXPECT_EQ(route({"mget", "a", "b"}), Route::values);
  EXPECT_EQ(route({"MSET", "a", "1"}), Route::all_ok);
  for (const char* name : {"DEL", "EXISTS", "UNLINK", "TOUCH"}) {
    EXPECT_EQ(route({name, "a", "b"}), Route::sum) << name;
  }
  EXPECT_EQ(route({"PING"}), Route::ping);
  EXPECT_EQ(route({"ECHO", "x"}), Route::echo);
  EXPECT_EQ(route({"QUIT"}), Route::quit);
}

TEST(RouteOf, RefusesWhatCannotBeRouted) {
  for (const char* name : {"MULTI", "SUBSCRIBE", "BLPOP", "RENAME", "EVAL", "KEYS", "", "GETT",
                           "GE", "ANAMETHATISLONGERTHANANY"}) {
    EXPECT_EQ(route({name, "k"}), Route::unknown) << name;
  }
}

TEST(RouteOf, CountsArguments) {
  EXPECT_EQ(route({"GET"}), Route::too_few);
  EXPECT_EQ(route({"MGET"}), Route::too_few);
  EXPECT_EQ(route({"MSET"}), Route::too_few);
  EXPECT_EQ(route({"MSET", "a", "1", "b"}), Route::too_few);
  EXPECT_EQ(route({"DEL"}), Route::too_few);
  EXPECT_EQ(route({"ECHO"}), Route::too_few);
  EXPECT_EQ(route({"PING", "a", "b"}), Route::too_few);
}

TEST(ServerOf, SpreadsKeysAndKeepsThem) {
  std::map<std::size_t, int> counts;
  for (int i = 0; i < 3000; ++i) ++counts[server_of("key:" + std::to_string(i), 3)];
  ASSERT_EQ(counts.size(), 3U);
  for (const auto& [server, count] : counts) EXPECT_GT(count, 800) << server;
  EXPECT_EQ(server_of("", 1), 0U);
  EXPECT_EQ(server_of("\xff\xfe", 7), server_of("\xff\xfe", 7));
}

/// `n` keys of each of two servers, in turns.
[[nodiscard]] Words keys_in_turns(std::size_t n) {
  Words of_server[2];
  for (int i = 0; of_server[0].size() < n || of_server[1].size() < n; ++i) {
    const std::string key = "k" + std::to_string(i);
    of_server[server_of(key, 2)].push_back(key);
  }
  Words keys;
  for (std::size_t i = 0; i < n; ++i) {
    keys.push_back(of_server[0][i]);
    keys.push_back(of_server[1][i]);
  }
  return keys;
}

TEST(SplitRequest, GivesEachServerARequestOfItsOwn) {
  for (const std::size_t n : {1U, 2U, 100U}) {
    Words words = keys_in_turns(n);
    words.insert(words.begin(), "mget");
    const Parsed whole = request(words);
    const auto parts = split_request(whole.frame, whole.values, Route::values, 2);
    ASSERT_EQ(parts.size(), 2U);
    for (const RequestPart& part : parts) {
      Words expected = {"mget"};
      for (const auto key : part.keys) expected.push_back(words[1 + key]);
      EXPECT_EQ(text_of(part.slices), make_request(expected));
      EXPECT_EQ(part.keys.size(), n);
      for (std::size_t i = 1; i < expected.size(); ++i) {
        EXPECT_EQ(server_of(expected[i], 2), part.server);
      }
    }
  }
}

TEST(SplitRequest, KeepsValuesWithTheirKeys) {
  const Words keys = keys_in_turns(2);
  const Parsed whole = request({"MSET", keys[0], "v0", keys[2], "v2", keys[1], "v1"});
  const auto parts = split_request(whole.frame, whole.values, Route::all_ok, 2);
  ASSERT_EQ(parts.size(), 2U);
  EXPECT_EQ(text_of(parts[0].slices), make_request(Words{"MSET", keys[0], "v0", keys[2], "v2"}));
  EXPECT_EQ(text_of(parts[1].slices), make_request(Words{"MSET", keys[1], "v1"}));
  // The name and its first two pairs are neighbours, and stay one slice.
  EXPECT_EQ(parts[0].slices.size(), 2U);
}

TEST(SplitRequest, LeavesARequestWholeWithKeysOfOneServer) {
  const Words keys = keys_in_turns(2);
  const Parsed whole = request({"DEL", keys[0], keys[2]});
  const auto parts = split_request(whole.frame, whole.values, Route::sum, 2);
  ASSERT_EQ(parts.size(), 1U);
  ASSERT_EQ(parts[0].slices.size(), 1U);
  EXPECT_EQ(parts[0].slices[0].data(), whole.frame.data());
}

class JoinedReplyTest : public testing::Test {
 protected:
  [[nodiscard]] static std::string join(Route route, const std::vector<std::string>& replies,
                                        std::size_t keys_each = 1) {
    std::vector<RequestPart> parts(replies.size());
    for (std::size_t i = 0; i < keys_each * parts.size(); ++i) {
      parts[i % parts.size()].keys.push_back(static_cast<std::uint32_t>(i));
    }
    JoinedReply joined(route, parts);
    for (std::size_t i = replies.size(); i-- != 0;) {
      const Parsed reply = parse(RespFramer::Of::replies, replies[i]);
      EXPECT_EQ(joined.add(i, reply.frame, reply.values), i == 0);
    }
    return text_of(joined.take());
  }
};

TEST_F(JoinedReplyTest, PutsValuesInTheOrderOfTheKeys) {
  EXPECT_EQ(join(Route::values, {"*2\r\n$1\r\na\r\n$-1\r\n", "*2\r\n$0\r\n\r\n$1\r\nb\r\n"}, 2),
            "*4\r\n$1\r\na\r\n$0\r\n\r\n$-1\r\n$1\r\nb\r\n");
}

TEST_F(JoinedReplyTest, JoinsMoreValuesThanAWriteHasSlices) {
  std::string part = "*100\r\n";
  std::string whole = "*200\r\n";
  for (int i = 0; i < 100; ++i) part += "$1\r\nx\r\n";
  for (int i = 0; i < 200; ++i) whole += "$1\r\nx\r\n";
  EXPECT_EQ(join(Route::values, {part, part}, 100), whole);
}

TEST_F(JoinedReplyTest, AddsNumbers) {
  EXPECT_EQ(join(Route::sum, {":2\r\n", ":0\r\n", ":5\r\n"}), ":7\r\n");
}

TEST_F(JoinedReplyTest, IsOkIfAllAre) {
  EXPECT_EQ(join(Route::all_ok, {"+OK\r\n", "+OK\r\n"}), "+OK\r\n");
}

TEST_F(JoinedReplyTest, IsTheErrorOfAnyPart) {
  EXPECT_EQ(join(Route::all_ok, {"+OK\r\n", "-OOM no memory\r\n"}), "-OOM no memory\r\n");
  EXPECT_EQ(join(Route::sum, {"-MOVED 1\r\n", ":1\r\n"}), "-MOVED 1\r\n");
  EXPECT_EQ(join(Route::values, {"*1\r\n:1\r\n", "-ERR x\r\n"}), "-ERR x\r\n");
}

TEST_F(JoinedReplyTest, RefusesRepliesOfAnotherShape) {
  EXPECT_THAT(join(Route::values, {"*2\r\n:1\r\n:2\r\n", "*1\r\n:1\r\n"}), HasSubstr("-ERR"));
  EXPECT_THAT(join(Route::values, {"*1\r\n*0\r\n", "*1\r\n:1\r\n"}), HasSubstr("-ERR"));
  EXPECT_THAT(join(Route::sum, {":-1\r\n", ":1\r\n"}), HasSubstr("-ERR"));
  EXPECT_THAT(join(Route::sum, {"+OK\r\n", ":1\r\n"}), HasSubstr("-ERR"));
  EXPECT_THAT(join(Route::all_ok, {"+QUEUED\r\n", "+OK\r\n"}), HasSubstr("-ERR"));
}

TEST(ErrorReply, IsOneLineWhateverIsInIt) { EXPECT_EQ(error_reply("a\r\nb"), "-ERR a??b\r\n"); }

}  // namespace
}  // namespace programs
