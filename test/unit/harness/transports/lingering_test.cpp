#include "transports/lingering.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <asio/read.hpp>
#include <asio/write.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "support/run_for.hpp"

namespace stream_harness {
namespace {

using bytes_handoff::test::run_until;
using net::ip::tcp;

// A connection whose two ends have small buffers.
class LingeringTest : public testing::Test {
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

  void begin_wait(const bytes_handoff::LingerLimits& limits = {}) {
    async_end_sending(
        near_,
        [this](const std::string& error) {
          EXPECT_FALSE(result_);
          result_ = error;
        },
        limits);
  }

  bool wait_for_result() {
    return run_until(context_, [this] { return result_.has_value(); });
  }

  std::string read_to_the_end(net_error_code& error) {
    std::string text;
    far_.non_blocking(false);
    net::read(far_, net::dynamic_buffer(text), error);
    return text;
  }

  // Whether nothing but the end comes, and no reset.
  void expect_the_end() {
    net_error_code error;
    EXPECT_EQ(read_to_the_end(error), "");
    EXPECT_EQ(error, net::error::eof);
    int pending = 0;
    socklen_t size = sizeof pending;
    ASSERT_EQ(getsockopt(far_.native_handle(), SOL_SOCKET, SO_ERROR, &pending, &size), 0);
    EXPECT_EQ(pending, 0) << "it was reset";
  }

  bool is_descriptor_open(int descriptor) { return fcntl(descriptor, F_GETFD) >= 0; }

  net::io_context context_;
  TcpStream near_{context_.get_executor()};
  TcpStream far_{context_.get_executor()};
  std::optional<std::string> result_;
};

TEST_F(LingeringTest, APeerThatTalksAndReadsLateGetsEverything) {
  net::write(far_, net::buffer(std::string("nobody reads this")));
  const std::size_t sent = fill();
  begin_wait();
  context_.poll();
  EXPECT_FALSE(result_) << "the peer has read nothing yet";

  std::vector<char> received(sent);
  net::read(far_, net::buffer(received));
  net::write(far_, net::buffer(std::string("nor this")));
  expect_the_end();
  ASSERT_FALSE(end_sending(far_));
  ASSERT_TRUE(wait_for_result());
  EXPECT_EQ(*result_, "");
}

TEST_F(LingeringTest, ThePeerIsNotResetByWhatItHasSentBefore) {
  net::write(far_, net::buffer(std::string(50000, 'u')));
  net::write(near_, net::buffer(std::string("all")));
  ASSERT_FALSE(end_sending(far_));
  begin_wait();
  ASSERT_TRUE(wait_for_result());
  EXPECT_EQ(*result_, "");
  near_.close();
  std::string received(3, '\0');
  net::read(far_, net::buffer(received));
  EXPECT_EQ(received, "all");
  expect_the_end();
}

TEST_F(LingeringTest, APeerThatStaysOpenIsNoErrorWhenItsTimeIsOver) {
  begin_wait({.silence = std::chrono::milliseconds(1)});
  ASSERT_TRUE(wait_for_result());
  EXPECT_EQ(*result_, "");
  EXPECT_TRUE(far_.is_open());
}

TEST_F(LingeringTest, APeerThatSendsMoreThanIsDroppedIsNoError) {
  net::write(far_, net::buffer(std::string(1000, 'u')));
  begin_wait({.max_bytes = 999});
  ASSERT_TRUE(wait_for_result());
  EXPECT_EQ(*result_, "");
}

TEST_F(LingeringTest, APeerThatEndsItsSideFirstStillGetsEverything) {
  net::write(far_, net::buffer(std::string("nobody reads this")));
  ASSERT_FALSE(end_sending(far_));
  const std::size_t sent = fill();
  begin_wait();
  ASSERT_TRUE(wait_for_result());
  EXPECT_EQ(*result_, "");
  near_.close();
  std::vector<char> received(sent);
  net::read(far_, net::buffer(received));
  expect_the_end();
}

TEST_F(LingeringTest, APeerThatGoesBeforeItHasAllIsAnError) {
  fill();
  begin_wait();
  far_.close();
  ASSERT_TRUE(wait_for_result());
  EXPECT_EQ(*result_, "linger: Connection reset by peer");
}

TEST_F(LingeringTest, ClosingEndsTheWait) {
  fill();
  begin_wait();
  near_.close();
  ASSERT_TRUE(wait_for_result());
  EXPECT_NE(*result_, "");
}

TEST_F(LingeringTest, ASocketThatNobodyWaitsForLingersAndCloses) {
  const int descriptor = near_.native_handle();
  net::write(far_, net::buffer(std::string("nobody reads this")));
  const std::size_t sent = fill();
  EXPECT_EQ(end_and_linger(near_), "");
  EXPECT_FALSE(near_.is_open());
  context_.poll();
  std::vector<char> received(sent);
  net::read(far_, net::buffer(received));
  net::write(far_, net::buffer(std::string("nor this")));
  expect_the_end();
  EXPECT_TRUE(is_descriptor_open(descriptor));
  ASSERT_FALSE(end_sending(far_));
  context_.restart();
  EXPECT_TRUE(run_until(context_, [&] { return !is_descriptor_open(descriptor); }));
}

TEST_F(LingeringTest, ASocketThatNobodyWaitsForGoesWithItsContext) {
  int descriptor = -1;
  {
    net::io_context context;
    TcpStream near(context.get_executor(), tcp::v4(), near_.release());
    descriptor = near.native_handle();
    EXPECT_EQ(end_and_linger(near), "");
    context.poll();
    EXPECT_TRUE(is_descriptor_open(descriptor));
  }
  EXPECT_FALSE(is_descriptor_open(descriptor));
}

TEST_F(LingeringTest, AnEndThatThePeerCannotBeToldIsAnError) {
  far_.set_option(net::socket_base::linger(true, 0));
  far_.close();
  EXPECT_EQ(end_and_linger(near_), "shutdown: Transport endpoint is not connected");
  EXPECT_TRUE(near_.is_open());
  begin_wait();
  ASSERT_TRUE(result_);
  EXPECT_EQ(*result_, "shutdown: Transport endpoint is not connected");
}

}  // namespace
}  // namespace stream_harness
