#include "delivery.hpp"

#include <gtest/gtest.h>

#include <asio/read.hpp>
#include <asio/write.hpp>
#include <optional>
#include <string>
#include <vector>

#include "stream_end.hpp"
#include "support/run_for.hpp"

namespace stream_harness {
namespace {

using bytes_handoff::test::run_until;
using net::ip::tcp;

// A connection whose two ends have small buffers.
class DeliveryTest : public testing::Test {
 protected:
  void SetUp() override {
    TcpAcceptor acceptor(context_.get_executor(), {net::ip::address_v4::loopback(), 0});
    acceptor.set_option(net::socket_base::receive_buffer_size(8192));
    near_.open(tcp::v4());
    near_.connect(acceptor.local_endpoint());
    acceptor.accept(far_);
  }

  // Fills the buffers of both sides. The number of bytes that went in.
  std::size_t fill() {
    near_.non_blocking(true);
    const std::string piece(10000, 'p');
    std::size_t filled = 0;
    net_error_code error;
    while (!error) filled += near_.write_some(net::buffer(piece), error);
    EXPECT_EQ(error, net::error::would_block);
    return filled;
  }

  void begin_wait() {
    ASSERT_FALSE(end_sending(near_));
    async_delivered(near_, [this](net_error_code error) {
      EXPECT_FALSE(result_);
      result_ = error;
    });
  }

  bool wait_for_result() {
    return run_until(context_, [this] { return result_.has_value(); });
  }

  std::string read_to_the_end(net_error_code& error) {
    std::string text;
    net::read(far_, net::dynamic_buffer(text), error);
    return text;
  }

  net::io_context context_;
  TcpStream near_{context_.get_executor()};
  TcpStream far_{context_.get_executor()};
  std::optional<net_error_code> result_;
};

TEST_F(DeliveryTest, APeerThatTalksAndReadsLateGetsEverything) {
  net::write(far_, net::buffer(std::string("nobody reads this")));
  const std::size_t sent = fill();
  begin_wait();
  context_.poll();
  EXPECT_FALSE(result_) << "the peer has read nothing yet";

  std::vector<char> received(sent);
  net::read(far_, net::buffer(received));
  ASSERT_TRUE(wait_for_result());
  EXPECT_EQ(*result_, net_error_code());

  net::write(far_, net::buffer(std::string("nor this")));
  near_.close();
  net_error_code error;
  EXPECT_EQ(read_to_the_end(error), "");
  EXPECT_EQ(error, net::error::eof);
}

TEST_F(DeliveryTest, ThePeerIsNotResetByWhatItHasSentBefore) {
  net::write(far_, net::buffer(std::string(50000, 'u')));
  net::write(near_, net::buffer(std::string("all")));
  begin_wait();
  ASSERT_TRUE(wait_for_result());
  EXPECT_EQ(*result_, net_error_code());
  near_.close();
  net_error_code error;
  EXPECT_EQ(read_to_the_end(error), "all");
  EXPECT_EQ(error, net::error::eof);
  int pending = 0;
  socklen_t size = sizeof pending;
  ASSERT_EQ(getsockopt(far_.native_handle(), SOL_SOCKET, SO_ERROR, &pending, &size), 0);
  EXPECT_EQ(pending, 0) << "it was reset";
}

TEST_F(DeliveryTest, ItDoesNotWaitForAPeerThatStaysOpen) {
  net::write(near_, net::buffer(std::string("all")));
  begin_wait();
  ASSERT_TRUE(wait_for_result());
  EXPECT_EQ(*result_, net_error_code());
  EXPECT_TRUE(far_.is_open());
}

TEST_F(DeliveryTest, APeerThatEndsItsSideFirstStillGetsEverything) {
  net::write(far_, net::buffer(std::string("nobody reads this")));
  ASSERT_FALSE(end_sending(far_));
  const std::size_t sent = fill();
  begin_wait();
  context_.poll();
  EXPECT_FALSE(result_);
  std::vector<char> received(sent);
  net::read(far_, net::buffer(received));
  ASSERT_TRUE(wait_for_result());
  EXPECT_EQ(*result_, net_error_code());
}

TEST_F(DeliveryTest, APeerThatGoesBeforeItHasAllIsAnError) {
  fill();
  begin_wait();
  far_.close();
  ASSERT_TRUE(wait_for_result());
  EXPECT_TRUE(*result_);
}

TEST_F(DeliveryTest, ClosingEndsTheWait) {
  fill();
  begin_wait();
  near_.close();
  ASSERT_TRUE(wait_for_result());
  EXPECT_EQ(*result_, net::error::operation_aborted);
}

}  // namespace
}  // namespace stream_harness
