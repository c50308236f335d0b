#include "contenders/splice_proxy.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <asio/read.hpp>
#include <asio/write.hpp>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "contenders/splice_pipe.hpp"
#include "tcp_proxy_fixture.hpp"

namespace stream_harness {
namespace {

// Takes away all descriptors that are free.
class NoMoreDescriptors {
 public:
  NoMoreDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    const int next = open("/", O_RDONLY | O_CLOEXEC);
    close(next);
    const rlimit none{static_cast<rlim_t>(next), before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoMoreDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }
  NoMoreDescriptors(const NoMoreDescriptors&) = delete;
  NoMoreDescriptors& operator=(const NoMoreDescriptors&) = delete;

 private:
  rlimit before_{};
};

class SplicePipeTest : public TcpProxyFixture {
 protected:
  void SetUp() override {
    TcpProxyFixture::SetUp();
    in_.non_blocking(true);
    out_.non_blocking(true);
  }

  // What is sent over the loopback has arrived when the call returns.
  void write_to_in(const std::string& text) { net::write(client_, net::buffer(text)); }

  std::string read_from_sink(std::size_t n) {
    std::string text(n, '\0');
    net::read(sink_, net::buffer(text));
    return text;
  }

  SplicePipe pipe_;
  net_error_code error_;
};

TEST_F(SplicePipeTest, MovesAtMostWhatItIsAskedFor) {
  ASSERT_FALSE(pipe_.open(SplicePipe::kUsualBytes));
  write_to_in("abcdef");
  EXPECT_EQ(pipe_.fill_from(in_.native_handle(), 4, error_), 4u);
  EXPECT_FALSE(error_);
  EXPECT_EQ(pipe_.held_bytes(), 4u);
  EXPECT_EQ(pipe_.drain_to(out_.native_handle(), error_), 4u);
  EXPECT_EQ(pipe_.held_bytes(), 0u);
  EXPECT_EQ(read_from_sink(4), "abcd");
  EXPECT_EQ(pipe_.fill_from(in_.native_handle(), 4, error_), 2u);
  EXPECT_EQ(pipe_.drain_to(out_.native_handle(), error_), 2u);
  EXPECT_EQ(read_from_sink(2), "ef");
}

TEST_F(SplicePipeTest, TellsAnEmptySocketFromAnEndedOne) {
  ASSERT_FALSE(pipe_.open(SplicePipe::kUsualBytes));
  EXPECT_EQ(pipe_.fill_from(in_.native_handle(), 100, error_), 0u);
  EXPECT_EQ(error_, net::error::would_block);
  client_.close();
  EXPECT_EQ(pipe_.fill_from(in_.native_handle(), 100, error_), 0u);
  EXPECT_EQ(error_, net::error::eof);
}

TEST_F(SplicePipeTest, KeepsWhatASocketDoesNotTake) {
  ASSERT_FALSE(pipe_.open(SplicePipe::kUsualBytes));
  std::size_t filled = 0;
  std::size_t drained = 0;
  do {
    if (pipe_.held_bytes() == 0) {
      write_to_in(std::string(3000, 'x'));
      filled += pipe_.fill_from(in_.native_handle(), 3000, error_);
      ASSERT_FALSE(error_);
    }
    drained += pipe_.drain_to(out_.native_handle(), error_);
  } while (!error_);
  EXPECT_EQ(error_, net::error::would_block);
  EXPECT_EQ(pipe_.held_bytes(), filled - drained);
  EXPECT_GT(pipe_.held_bytes(), 0u);
}

TEST_F(SplicePipeTest, ClosesBothEndsAndOpensAgain) {
  const std::size_t before = open_descriptors();
  ASSERT_FALSE(pipe_.open(SplicePipe::kUsualBytes));
  EXPECT_EQ(open_descriptors(), before + 2);
  ASSERT_FALSE(pipe_.open(4096));
  EXPECT_EQ(open_descriptors(), before + 2);
  pipe_.close();
  EXPECT_FALSE(pipe_.is_open());
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(SplicePipeTest, ALimitOfTheSystemForItsSizeIsNoError) {
  EXPECT_FALSE(pipe_.open(std::size_t{1} << 40));
  write_to_in("abc");
  EXPECT_EQ(pipe_.fill_from(in_.native_handle(), std::size_t{1} << 40, error_), 3u);
}

TEST_F(SplicePipeTest, IsNotOpenWhereThereAreNoDescriptors) {
  const NoMoreDescriptors none;
  EXPECT_EQ(pipe_.open(SplicePipe::kUsualBytes), net::error::no_descriptors);
  EXPECT_FALSE(pipe_.is_open());
}

class SpliceProxyTest : public TcpProxyFixture {};

TEST_F(SpliceProxyTest, WithoutDescriptorsForItsPipeItEndsInOrder) {
  const std::size_t before = open_descriptors();
  {
    const NoMoreDescriptors none;
    start(Implementation::kSplice);
    EXPECT_FALSE(result_) << "not from inside start()";
    ASSERT_TRUE(run_to_result());
  }
  EXPECT_EQ(result_->error, "pipe: Too many open files");
  EXPECT_EQ(open_descriptors(), before - 2);
  EXPECT_TRUE(proxy_.expired());
}

TEST_F(SpliceProxyTest, APipeThatWasMadeBeforehandNeedsNoDescriptors) {
  ProxyConfig config = small();
  config.pipe = std::make_shared<SplicePipe>();
  ASSERT_FALSE(config.pipe->open(SplicePipe::kUsualBytes));
  {
    const NoMoreDescriptors none;
    start(Implementation::kSplice, config);
    receive();
    send("frame\n", 6);
    ASSERT_TRUE(run_to_result());
  }
  EXPECT_EQ(result_->error, "");
  EXPECT_EQ(received_, "frame\n");
  EXPECT_FALSE(config.pipe->is_open()) << "its descriptors are free when the proxy has ended";
}

TEST_F(SpliceProxyTest, LetsOthersRunAfterSixteenMovesOfABlock) {
  ProxyConfig config = small();
  config.read_block = 10;
  net::write(client_, net::buffer(std::string(1000, 'x')));
  start(Implementation::kSplice, config);
  EXPECT_EQ(context_.run_one(), 1u);
  EXPECT_EQ(sink_.available(), 160u);
  receive();
  ASSERT_TRUE(
      bytes_handoff::test::run_until(context_, [this] { return received_.size() == 1000; }));
  proxy_.lock()->stop();
  ASSERT_TRUE(run_to_result());
}

TEST_F(SpliceProxyTest, StreamsThatAreNoSocketsAreRefused) {
  auto [near_end, far_end] = bytes_handoff::make_duplex(context_.get_executor(), 100);
  EXPECT_THROW(static_cast<void>(start_proxy(Implementation::kSplice, std::move(near_end),
                                             std::move(far_end), small(), nullptr)),
               std::invalid_argument);
}

}  // namespace
}  // namespace stream_harness
