#include "sni_router/routes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "support/programs/text_file.hpp"

namespace sni_router {
namespace {

using programs::test::TextFile;
using testing::ElementsAre;
using testing::EndsWith;
using TimePoint = Backend::TimePoint;
using namespace std::chrono_literals;

asio::ip::tcp::endpoint port(std::uint16_t number) {
  return {asio::ip::address_v4::loopback(), number};
}

TEST(Backend, TriesItsServersInTurn) {
  Backend backend("b", {port(1), port(2), port(3)}, false);
  const TimePoint now(1h);
  EXPECT_THAT(backend.next_order(now), ElementsAre(0, 1, 2));
  EXPECT_THAT(backend.next_order(now), ElementsAre(1, 2, 0));
  EXPECT_THAT(backend.next_order(now), ElementsAre(2, 0, 1));
  EXPECT_THAT(backend.next_order(now), ElementsAre(0, 1, 2));
}

TEST(Backend, LeavesAServerOutForAWhile) {
  Backend backend("b", {port(1), port(2), port(3)}, false);
  const TimePoint now(1h);
  backend.leave_out(1, now + 10s);
  EXPECT_THAT(backend.next_order(now), ElementsAre(0, 2));
  EXPECT_THAT(backend.next_order(now + 9s), ElementsAre(2, 0));
  EXPECT_THAT(backend.next_order(now + 10s), ElementsAre(0, 1, 2));
}

TEST(Backend, TakesAServerBackThatHasConnected) {
  Backend backend("b", {port(1), port(2)}, false);
  const TimePoint now(1h);
  backend.leave_out(0, now + 10s);
  backend.take_back(0);
  EXPECT_THAT(backend.next_order(now), ElementsAre(0, 1));
}

TEST(Backend, TriesAllIfAllAreLeftOut) {
  Backend backend("b", {port(1), port(2)}, false);
  const TimePoint now(1h);
  backend.leave_out(0, now + 10s);
  backend.leave_out(1, now + 10s);
  EXPECT_THAT(backend.next_order(now), ElementsAre(0, 1));
}

class RoutesTest : public testing::Test {
 protected:
  // The backend for a name and protocols; "none" if there is none.
  static std::string find(Routes& routes, const std::string& name,
                          std::vector<std::string> protocols = {}) {
    Backend* const backend = routes.find({name, std::move(protocols)});
    return backend == nullptr ? "none" : backend->name();
  }

  static std::string error_of(const std::string& text) {
    const TextFile file(text);
    const auto routes = Routes::read(file.path());
    return routes ? "none" : routes.error().substr(file.path().size());
  }
};

TEST_F(RoutesTest, ChooseTheMostSpecificHost) {
  const TextFile file(
      "backend any 127.0.0.1:1\nbackend below 127.0.0.1:2\nbackend deep 127.0.0.1:3\n"
      "backend exact 127.0.0.1:4\n"
      "route * any\nroute *.example.com below\nroute *.a.example.com deep\n"
      "route b.a.example.com exact\n");
  auto routes = Routes::read(file.path());
  ASSERT_TRUE(routes) << routes.error();
  EXPECT_EQ(find(*routes, "b.a.example.com"), "exact");
  EXPECT_EQ(find(*routes, "c.a.example.com"), "deep");
  EXPECT_EQ(find(*routes, "a.example.com"), "below");
  EXPECT_EQ(find(*routes, "example.com"), "any");
  EXPECT_EQ(find(*routes, ""), "any");
}

TEST_F(RoutesTest, HaveNoneWithoutAStar) {
  const TextFile file("backend b 127.0.0.1:1\nroute a b\nroute *.a b\n");
  auto routes = Routes::read(file.path());
  ASSERT_TRUE(routes) << routes.error();
  EXPECT_EQ(find(*routes, ""), "none");
  EXPECT_EQ(find(*routes, "xa"), "none");
  EXPECT_EQ(find(*routes, "x.a"), "b");
}

TEST_F(RoutesTest, PreferOneForAProtocol) {
  const TextFile file(
      "backend plain 127.0.0.1:1\nbackend two 127.0.0.1:2\nbackend one 127.0.0.1:3\n"
      "route a plain\nroute a alpn=h2 two\nroute a alpn=http/1.1 one\n");
  auto routes = Routes::read(file.path());
  ASSERT_TRUE(routes) << routes.error();
  EXPECT_EQ(find(*routes, "a"), "plain");
  EXPECT_EQ(find(*routes, "a", {"x"}), "plain");
  EXPECT_EQ(find(*routes, "a", {"http/1.1", "h2"}), "two");
  EXPECT_EQ(find(*routes, "a", {"http/1.1"}), "one");
}

TEST_F(RoutesTest, AreReadWithCommentsAndBlanks) {
  const TextFile file("# all\n\n  backend b\t[::1]:1 127.0.0.1:2 send-proxy # two\r\nroute A b\n");
  auto routes = Routes::read(file.path());
  ASSERT_TRUE(routes) << routes.error();
  Backend* const backend = routes->find({"a", {}});
  ASSERT_NE(backend, nullptr);
  EXPECT_TRUE(backend->sends_proxy_header());
  EXPECT_EQ(backend->next_order(TimePoint(1h)).size(), 2U);
}

TEST_F(RoutesTest, RefuseWrongLines) {
  EXPECT_EQ(error_of(""), ": has no route");
  EXPECT_THAT(error_of("x y z\n"), EndsWith(":1: must begin with backend or route"));
  EXPECT_THAT(error_of("\nbackend b\n"),
              EndsWith(":2: must be: backend NAME ADDRESS:PORT... [send-proxy]"));
  EXPECT_THAT(error_of("backend b send-proxy\n"),
              EndsWith(":1: must be: backend NAME ADDRESS:PORT... [send-proxy]"));
  EXPECT_THAT(error_of("backend b localhost:1\n"), testing::HasSubstr(":1: the server must be"));
  EXPECT_THAT(error_of("backend b 127.0.0.1:0\n"), testing::HasSubstr("and not 0"));
  const std::string backend = "backend b 127.0.0.1:1\n";
  EXPECT_THAT(error_of(backend + backend), EndsWith(":2: there is a backend of this name already"));
  EXPECT_THAT(error_of(backend + "route a c\n"), EndsWith(":2: no line before has this backend"));
  EXPECT_THAT(error_of(backend + "route a* b\n"), testing::HasSubstr("the host must be"));
  EXPECT_THAT(error_of(backend + "route a alpn= b\n"), testing::HasSubstr("alpn= must have"));
  EXPECT_THAT(error_of(backend + "route a b c\n"), testing::HasSubstr("must be: route HOST"));
  EXPECT_THAT(error_of(std::string("backend b\0 127.0.0.1:1\n", 23)),
              EndsWith(":1: has a control character"));
  EXPECT_THAT(error_of(std::string(1100000, '#')), EndsWith("the file has more than 1 MiB"));
}

}  // namespace
}  // namespace sni_router
