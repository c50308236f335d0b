#include "bytes_handoff/asio/support/net_error.hpp"

#include <system_error>

#include "support/queue/writer_fixture.hpp"

namespace bytes_handoff::test {
namespace {

/// A category that neither flavour of Asio has heard of.
class UsersCategory final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "users"; }
  [[nodiscard]] std::string message(int value) const override {
    return "the user's error " + std::to_string(value);
  }
};
const UsersCategory kUsersCategory;

[[nodiscard]] net_error_code there_and_back(const net_error_code& error) {
  return detail::to_net_error(detail::to_error_value(error));
}

TEST(NetError, of_asio_compares_as_before_when_it_comes_back) {
  EXPECT_EQ(there_and_back(net::error::operation_aborted), net::error::operation_aborted);
  EXPECT_EQ(there_and_back(net::error::eof), net::error::eof);
  EXPECT_EQ(there_and_back(net::error::connection_reset), net::error::connection_reset);
  EXPECT_EQ(there_and_back(net::error::host_not_found), net::error::host_not_found);
  EXPECT_NE(there_and_back(net::error::eof), net::error::operation_aborted);
}

TEST(NetError, of_this_library_compares_to_its_enum_in_either_form) {
  for (const Errc code : {Errc::limit_exceeded, Errc::closed, Errc::aborted, Errc::timed_out}) {
    const net_error_code error = there_and_back(detail::to_net_error(code));
    EXPECT_EQ(error, code);
    EXPECT_EQ(std::error_code(error), code);
    EXPECT_EQ(error.message(), make_error_code(code).message());
    EXPECT_NE(error, Errc::no_progress);
  }
}

TEST(NetError, of_a_users_own_category_is_the_same_when_it_comes_back) {
  const std::error_code original(7, kUsersCategory);
  const net_error_code error = there_and_back(original);
  EXPECT_EQ(std::error_code(error), original);
  EXPECT_EQ(error.message(), "the user's error 7");
  EXPECT_TRUE(error);
}

TEST(NetError, that_is_success_stays_success) {
  EXPECT_FALSE(there_and_back({}));
  EXPECT_FALSE(detail::to_error_value({}));
  EXPECT_FALSE(detail::to_error_value(std::error_code(0, kUsersCategory)));
  EXPECT_FALSE(there_and_back(std::error_code(0, kUsersCategory)));
  EXPECT_FALSE(detail::to_net_error(detail::ErrorValue()));
}

class ErrorOfAStream : public WriterFixture {};

TEST_F(ErrorOfAStream, of_its_own_category_reaches_ticket_and_refusals_unchanged) {
  const std::error_code original(7, kUsersCategory);
  script->fail_at = 0;
  script->error = original;
  auto out = spawn();
  auto ticket = try_send(out, "abc").value();
  std::error_code told;
  ticket.async_wait([&](net_error_code error, std::size_t) { told = error; });
  ASSERT_TRUE(run_out(*context));
  EXPECT_EQ(told, original);
  EXPECT_EQ(std::error_code(try_send(out, "x").error().first_error), original);
}

TEST_F(ErrorOfAStream, that_is_success_of_another_category_is_no_error) {
  script->fail_at = 0;
  script->bytes_with_error = 3;
  script->error = std::error_code(0, kUsersCategory);
  auto out = spawn();
  EXPECT_TRUE(try_send(out, "abc"));
  ASSERT_TRUE(run_out(*context));
  EXPECT_TRUE(out.is_open());
  EXPECT_EQ(script->written, "abc");
}

}  // namespace
}  // namespace bytes_handoff::test
