#include "connect_proxy/allow_list.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "support/programs/text_file.hpp"

namespace connect_proxy {
namespace {

std::string allow_error(const std::string& text) {
  const programs::test::TextFile file(text);
  const auto list = AllowList::read(file.path());
  return list ? "none" : list.error().substr(file.path().size());
}

TEST(AllowList, HasHostsAndPorts) {
  const programs::test::TextFile file(
      "allow a.example 443\nallow *.b.example 8000-8009\nallow 192.0.2.1 *\nallow ::1 1\n");
  const auto list = AllowList::read(file.path());
  ASSERT_TRUE(list) << list.error();
  EXPECT_TRUE(list->has("a.example", 443));
  EXPECT_FALSE(list->has("a.example", 80));
  EXPECT_FALSE(list->has("x.a.example", 443));
  EXPECT_TRUE(list->has("x.b.example", 8000));
  EXPECT_TRUE(list->has("y.x.b.example", 8009));
  EXPECT_FALSE(list->has("x.b.example", 8010));
  EXPECT_FALSE(list->has("b.example", 8000));
  EXPECT_FALSE(list->has("xb.example", 8000));
  EXPECT_TRUE(list->has("192.0.2.1", 65535));
  EXPECT_TRUE(list->has("::1", 1));
}

TEST(AllowList, AllowsNothingIfEmpty) {
  const programs::test::TextFile file("# nothing\n");
  EXPECT_FALSE(AllowList::read(file.path())->has("a", 80));
}

TEST(AllowList, RefusesWrongLines) {
  EXPECT_EQ(allow_error("\nallow a\n"), ":2: must be: allow HOST PORT");
  EXPECT_EQ(allow_error("deny a 1\n"), ":1: must be: allow HOST PORT");
  for (const char* const host : {"a*", "*a", "a/b", "a.", "*."}) {
    EXPECT_THAT(allow_error(std::string("allow ") + host + " 1\n"),
                testing::StartsWith(":1: the host must be"));
  }
  for (const char* const port : {"0", "65536", "2-1", "0-1", "1-", "-1", "x", "1-65536"}) {
    EXPECT_EQ(allow_error(std::string("allow a ") + port + "\n"),
              ":1: the port must be PORT, FIRST-LAST or *, from 1 to 65535")
        << port;
  }
  EXPECT_EQ(AllowList::read("/no/such/file").error(),
            "/no/such/file: cannot be opened: No such file or directory");
}

}  // namespace
}  // namespace connect_proxy
