#include "line_broadcast/commands.hpp"

#include <gtest/gtest.h>

#include <string>

namespace line_broadcast {
namespace {

TEST(BroadcastCommand, HasAWordAndATopic) {
  const auto sub = parse_command("SUB news\n");
  ASSERT_TRUE(sub);
  EXPECT_EQ(sub->word, Word::sub);
  EXPECT_EQ(sub->topic, "news");
  const auto unsub = parse_command("UNSUB a/b:c-d_e.1\n");
  ASSERT_TRUE(unsub);
  EXPECT_EQ(unsub->word, Word::unsub);
  EXPECT_EQ(unsub->topic, "a/b:c-d_e.1");
  const auto ping = parse_command("PING\n");
  ASSERT_TRUE(ping);
  EXPECT_EQ(ping->word, Word::ping);
  EXPECT_EQ(ping->topic, "");
}

TEST(BroadcastCommand, TellsWhatSubscribersGet) {
  for (const std::string published :
       {"news all is well\n", "news \n", "news\n", "news  two  spaces \n", "news a\r\n", "news\r\n",
        "news \r\r\n"}) {
    const std::string line = "PUB " + published;
    const auto pub = parse_command(line);
    ASSERT_TRUE(pub) << line;
    EXPECT_EQ(pub->word, Word::pub);
    EXPECT_EQ(pub->topic, "news");
    EXPECT_EQ(line.substr(pub->publication), published);
  }
}

TEST(BroadcastCommand, MayEndWithCrlf) {
  EXPECT_EQ(parse_command("PING\r\n").value().word, Word::ping);
  EXPECT_EQ(parse_command("SUB a\r\n").value().topic, "a");
  EXPECT_FALSE(parse_command("SUB a\r\r\n"));
  EXPECT_FALSE(parse_command("SUB a\n\n"));
  EXPECT_FALSE(parse_command("\rPING\n"));
}

TEST(BroadcastCommand, IsNothingElse) {
  for (const std::string line :
       {"\n", "\r\n", " \n", "ping\n", "PING \n", "PING a\n", "PINGS\n", "SUB\n", "PUB\n",
        "UNSUB\n", "SUBS a\n", " SUB a\n", "sub a\n", "GET / HTTP/1.1\r\n", "SUB\ta\n"}) {
    const auto command = parse_command(line);
    ASSERT_FALSE(command) << line;
    EXPECT_EQ(command.error(), "not PING, SUB topic, UNSUB topic or PUB topic text") << line;
  }
}

TEST(BroadcastCommand, HasNoTopicOfOtherCharacters) {
  for (const std::string topic : {"", " a", "a ", "a b", "a\tb", "a*", "\x80", "a\x01"}) {
    for (const std::string word : {"SUB ", "UNSUB "}) {
      const auto command = parse_command(word + topic + "\n");
      ASSERT_FALSE(command) << topic;
      EXPECT_EQ(command.error(), "that cannot be a topic") << topic;
    }
  }
  EXPECT_FALSE(parse_command("PUB  text\n"));
  EXPECT_FALSE(parse_command("PUB a* text\n"));
  EXPECT_FALSE(parse_command(std::string("SUB a\0b\n", 8)));
}

TEST(BroadcastTopic, IsNoWordOfTheServer) {
  EXPECT_FALSE(is_topic("PONG"));
  EXPECT_FALSE(is_topic("ERR"));
  EXPECT_FALSE(is_topic("missed"));
  EXPECT_TRUE(is_topic("pong"));
  EXPECT_TRUE(is_topic("ERRs"));
  EXPECT_TRUE(is_topic("misse"));
}

TEST(BroadcastTopic, HasALongestName) {
  EXPECT_TRUE(is_topic(std::string(kLongestTopic, 'a')));
  EXPECT_FALSE(is_topic(std::string(kLongestTopic + 1, 'a')));
}

}  // namespace
}  // namespace line_broadcast
