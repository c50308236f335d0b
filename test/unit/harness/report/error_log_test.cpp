#include "report/error_log.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string>

namespace stream_harness {
namespace {

using namespace std::chrono_literals;

// Standard error is a pipe, or a socket, that this test reads from when it wants to.
class ErrorLogTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    std::array<int, 2> ends{};
    if (GetParam()) {
      ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
    } else {
      ASSERT_EQ(pipe(ends.data()), 0);
    }
    reader_ = ends[0];
    ASSERT_EQ(fcntl(reader_, F_SETFL, O_NONBLOCK), 0);
    saved_ = dup(STDERR_FILENO);
    ASSERT_EQ(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    close(ends[1]);
  }

  void TearDown() override {
    while (!read_all().empty()) flush_errors(0ms);  // nothing is kept for the next test
    dup2(saved_, STDERR_FILENO);
    close(saved_);
    close(reader_);
  }

  std::string read_all() const {
    std::string all;
    std::array<char, 65536> piece{};
    for (ssize_t n = 0; (n = read(reader_, piece.data(), piece.size())) > 0;) {
      all.append(piece.data(), static_cast<std::size_t>(n));
    }
    return all;
  }

  // Lines that are told apart, until so many bytes of them have been logged.
  std::string log_lines(std::size_t bytes) {
    std::string all;
    while (all.size() < bytes) {
      const std::string text = std::to_string(next_++) + std::string(90, '.');
      log_error(text);
      all += "bench_stream_harness: " + text + "\n";
    }
    return all;
  }

  int reader_ = -1;
  int saved_ = -1;
  int next_ = 0;
};

INSTANTIATE_TEST_SUITE_P(StandardErrorIs, ErrorLogTest, testing::Values(false, true),
                         [](const auto& test) { return test.param ? "ASocket" : "APipe"; });

TEST_P(ErrorLogTest, ALineIsThereAtOnce) {
  log_error("one");
  EXPECT_EQ(read_all(), "bench_stream_harness: one\n");
}

TEST_P(ErrorLogTest, ThePipesOwnFlagsStayAsTheyAre) {
  log_error("one");
  EXPECT_EQ(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0);
}

// Where it waited for the reader, this would never end.
TEST_P(ErrorLogTest, WhatAFullPipeDoesNotTakeFollowsWhenThereIsRoom) {
  std::string expected = log_lines(200'000);
  std::string seen = read_all();
  EXPECT_LT(seen.size(), expected.size());
  log_error("last");
  expected += "bench_stream_harness: last\n";
  while (seen.size() < expected.size()) {
    flush_errors(0ms);
    const std::string more = read_all();
    ASSERT_FALSE(more.empty());
    seen += more;
  }
  EXPECT_TRUE(seen == expected);
}

TEST_P(ErrorLogTest, LinesPastTheLimitAreCountedInTheirPlace) {
  const std::string all = log_lines(1'000'000);
  std::string seen;
  for (std::string more; !(more = read_all()).empty(); flush_errors(0ms)) seen += more;
  const auto notice = seen.find("lines are missing here");
  ASSERT_NE(notice, std::string::npos);
  const auto begin = seen.rfind('\n', notice) + 1;
  EXPECT_TRUE(seen.substr(0, begin) == all.substr(0, begin));
  const auto lines = [](const std::string& text) {
    return std::count(text.begin(), text.end(), '\n');
  };
  EXPECT_EQ(seen.substr(begin),
            "bench_stream_harness: " + std::to_string(lines(all) - lines(seen.substr(0, begin))) +
                " lines are missing here, since standard error did not take "
                "them\n");
  log_error("after");
  EXPECT_EQ(read_all(), "bench_stream_harness: after\n");
}

TEST_P(ErrorLogTest, AReaderThatNeverReadsIsGivenUp) {
  log_lines(300'000);
  const auto began = std::chrono::steady_clock::now();
  flush_errors(20ms);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 30s);
}

}  // namespace
}  // namespace stream_harness
