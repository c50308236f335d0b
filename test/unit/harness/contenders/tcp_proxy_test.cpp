// Every contender between TCP sockets: what a stream in memory cannot do to it.

#include <gtest/gtest.h>

#include <asio/write.hpp>
#include <cstdint>
#include <string>

#include "support/run_for.hpp"
#include "tcp_proxy_fixture.hpp"

namespace stream_harness {
namespace {

using bytes_handoff::test::run_until;

class TcpProxyTest : public TcpProxyFixture, public testing::WithParamInterface<Implementation> {
 protected:
  void start() { TcpProxyFixture::start(GetParam()); }
};

INSTANTIATE_TEST_SUITE_P(Implementations, TcpProxyTest, testing::ValuesIn(kImplementations),
                         [](const auto& implementation) {
                           return std::string(to_text(implementation.param));
                         });

TEST_P(TcpProxyTest, EveryCutArrivesWhole) {
  std::string input = "one\n\nTUNA\n" + std::string(300, 'l') + "\nTUNNEL\nopaque\nTUNNEL\n";
  for (int i = 0; i < 3000; ++i) input += static_cast<char>(i % 251);
  for (const std::size_t chunk : {1u, 7u, 64u, 1000u, 10000u}) {
    connect();
    start();
    receive();
    send(input, chunk);
    ASSERT_TRUE(run_to_result());
    EXPECT_TRUE(received_ == input) << "chunks of " << chunk;
    EXPECT_TRUE(end_seen_);
    EXPECT_EQ(result_->error, "");
    EXPECT_EQ(result_->forwarded_bytes, input.size());
  }
}

TEST_P(TcpProxyTest, AnEmptyInputIsShutDown) {
  start();
  receive();
  send("", 1);
  ASSERT_TRUE(run_to_result());
  EXPECT_TRUE(end_seen_);
  EXPECT_EQ(result_->error, "");
  EXPECT_EQ(result_->forwarded_bytes, 0u);
}

// More than all buffers on the way hold, and a sink that begins late: everything goes in parts.
TEST_P(TcpProxyTest, ASinkThatReadsLateGetsEverythingInOrder) {
  std::string input = "TUNNEL\n";
  for (std::uint32_t i = 0; i < 1'000'000; ++i) input += static_cast<char>(i * 2654435761u >> 24);
  start();
  send(input, input.size());
  run_ready();
  EXPECT_FALSE(sent_);
  EXPECT_FALSE(result_);
  receive();
  ASSERT_TRUE(run_to_result());
  EXPECT_TRUE(received_ == input);
  EXPECT_EQ(result_->error, "");
  EXPECT_EQ(result_->forwarded_bytes, input.size());
}

TEST_P(TcpProxyTest, ASinkThatHasEndedItsSideStillGetsEverything) {
  start();
  net::write(sink_, net::buffer(std::string("nobody reads this")));
  ASSERT_FALSE(end_sending(sink_));
  receive();
  send("frame\nTUNNEL\n" + std::string(100000, 'x'), 3000);
  ASSERT_TRUE(run_to_result());
  EXPECT_EQ(received_.size(), 13u + 100000);
  EXPECT_EQ(result_->error, "");
}

TEST_P(TcpProxyTest, AClientThatResetsIsAnErrorOfTheRead) {
  for (const std::string text : {"frame\n", "TUNNEL\nopaque"}) {
    connect();
    start();
    receive();
    net::write(client_, net::buffer(text));
    ASSERT_TRUE(run_until(context_, [&] { return received_ == text; }));
    reset(client_);
    ASSERT_TRUE(run_to_result());
    EXPECT_EQ(result_->error, "read: Connection reset by peer") << "behind " << text;
    EXPECT_EQ(result_->forwarded_bytes, text.size());
  }
}

TEST_P(TcpProxyTest, ASinkThatResetsIsAnErrorOfTheWrite) {
  start();
  net::write(client_, net::buffer(std::string("TUNNEL\n")));
  run_ready();
  reset(sink_);
  send(std::string(1'000'000, 'x'), 1'000'000);
  ASSERT_TRUE(run_to_result());
  EXPECT_EQ(result_->error.find("write: "), 0u) << result_->error;
}

TEST_P(TcpProxyTest, ASinkThatResetsWhileItIsStuckIsAnErrorOfTheWrite) {
  start();
  send("TUNNEL\n" + std::string(1'000'000, 'x'), 1'000'007);
  run_ready();
  ASSERT_FALSE(result_);
  reset(sink_);
  ASSERT_TRUE(run_to_result());
  EXPECT_EQ(result_->error.find("write: "), 0u) << result_->error;
  EXPECT_LT(result_->forwarded_bytes, 1'000'007u);
}

TEST_P(TcpProxyTest, StoppingEndsItWhereverItIs) {
  for (const std::size_t bytes : {0u, 1000u, 1'000'000u}) {
    connect();
    start();
    if (bytes != 0) send("TUNNEL\n" + std::string(bytes, 'x'), bytes + 7, Then::kStayOpen);
    run_ready();
    ASSERT_FALSE(result_);
    proxy_.lock()->stop();
    EXPECT_FALSE(result_) << "not from inside stop()";
    ASSERT_TRUE(run_to_result());
    EXPECT_NE(result_->error, "");
    run_ready();
    EXPECT_TRUE(proxy_.expired());
  }
}

TEST_P(TcpProxyTest, StoppingEndsItBeforeItHasBegun) {
  start();
  proxy_.lock()->stop();
  EXPECT_FALSE(result_);
  ASSERT_TRUE(run_to_result());
  EXPECT_NE(result_->error, "");
}

TEST_P(TcpProxyTest, ItHasEndedWhenTheKernelHasAllAndTheSinkStillGetsIt) {
  out_.set_option(net::socket_base::send_buffer_size(100'000));
  start();
  net::write(sink_, net::buffer(std::string("nobody reads this")));
  send("TUNNEL\n" + std::string(20'000, 'x'), 20'007);
  ASSERT_TRUE(run_to_result());
  EXPECT_TRUE(sent_);
  EXPECT_TRUE(proxy_.expired());
  EXPECT_EQ(result_->error, "");
  EXPECT_EQ(result_->forwarded_bytes, 20'007u);
  receive();
  ASSERT_TRUE(run_until(context_, [this] { return end_seen_; }));
  EXPECT_EQ(received_.size(), 20'007u);
}

TEST_P(TcpProxyTest, TheSocketOfASinkThatStaysOpenIsKeptUntilItEnds) {
  const std::size_t before = open_descriptors();
  start();
  receive();
  send("frame\n", 6);
  ASSERT_TRUE(run_to_result());
  EXPECT_TRUE(end_seen_);
  EXPECT_EQ(open_descriptors(), before - 1) << "it reads no more";
  sink_.close();
  EXPECT_TRUE(run_until(context_, [&] { return open_descriptors() == before - 3; }));
}

TEST_P(TcpProxyTest, ItsDescriptorsAreFreeWhenItHasEnded) {
  const std::size_t before = open_descriptors();
  start();
  reset(client_);
  ASSERT_TRUE(run_to_result());
  EXPECT_EQ(descriptors_at_the_end_, before - 3) << "its own two are closed, and the client";
}

}  // namespace
}  // namespace stream_harness
