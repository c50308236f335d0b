// The small plain parts of the split roles.

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "roles/process/end_stages.hpp"
#include "roles/service/connection_span.hpp"
#include "roles/service/ready_file.hpp"
#include "transports/tcp_endpoint.hpp"

namespace stream_harness {
namespace {

using namespace std::chrono_literals;
const auto kStart = std::chrono::steady_clock::time_point(100s);

TEST(ConnectionSpan, GoesFromTheFirstThatComesToTheLastThatGoes) {
  ConnectionSpan span;
  EXPECT_FALSE(span.idle_since()) << "none has come yet";
  EXPECT_EQ(span.opened(kStart), 0u);
  EXPECT_EQ(span.opened(kStart + 1s), 1u);
  span.closed(kStart + 2s);
  EXPECT_FALSE(span.idle_since());
  span.closed(kStart + 3s);
  EXPECT_EQ(span.idle_since(), kStart + 3s);
  EXPECT_EQ(span.elapsed(), 3s);

  EXPECT_EQ(span.opened(kStart + 10s), 2u);
  EXPECT_FALSE(span.idle_since());
  span.closed(kStart + 11s);
  EXPECT_EQ(span.idle_since(), kStart + 11s);
  EXPECT_EQ(span.elapsed(), 11s);
  EXPECT_EQ(span.total(), 3u);
  EXPECT_EQ(span.open(), 0u);
  EXPECT_TRUE(span.usage().measured);
}

TEST(ConnectionSpan, CanBeCutWhileSomeAreOpen) {
  ConnectionSpan span;
  span.opened(kStart);
  span.cut(kStart + 4s);
  EXPECT_EQ(span.elapsed(), 4s);
  EXPECT_EQ(span.open(), 1u);
}

TEST(ConnectionSpan, WithoutConnectionsNothingWasUsed) {
  const ConnectionSpan span;
  EXPECT_EQ(span.elapsed(), 0s);
  EXPECT_TRUE(span.usage().measured);
  EXPECT_EQ(span.usage().cpu_user, 0us);
  EXPECT_EQ(span.usage().cpu_system, 0us);
}

TEST(EndStages, GivesEachStepOnceInItsTime) {
  using Step = EndStages::Step;
  EndStages stages;
  EXPECT_FALSE(stages.begun());
  EXPECT_EQ(stages.step(kStart + 100s), Step::kNone);
  stages.begin(kStart);
  EXPECT_TRUE(stages.begun());
  stages.begin(kStart + 100s);
  EXPECT_EQ(stages.step(kStart + 999ms), Step::kNone);
  EXPECT_EQ(stages.step(kStart + 1s), Step::kStopWhatIsOpen);
  EXPECT_EQ(stages.step(kStart + 1999ms), Step::kNone);
  EXPECT_EQ(stages.step(kStart + 2s), Step::kAbandon);
  EXPECT_EQ(stages.step(kStart + 100s), Step::kNone);
}

class ReadyFileTest : public testing::Test {
 protected:
  ReadyFileTest() {
    std::string name = (std::filesystem::temp_directory_path() / "ready_file_XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~ReadyFileTest() override { std::filesystem::remove_all(folder_); }

  static std::string contents(const std::filesystem::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }

  std::filesystem::path folder_;
};

TEST_F(ReadyFileTest, IsWrittenInPlaceOfAnOldOneAndLeavesNothingBeside) {
  const auto path = folder_ / "ready";
  std::ofstream(path) << "an old one, and longer than the new one";
  struct stat before {};
  ASSERT_EQ(stat(path.c_str(), &before), 0);
  EXPECT_EQ(write_ready_file(path.string(), "[::1]:39000"), "");
  EXPECT_EQ(contents(path), "[::1]:39000\n");
  struct stat after {};
  ASSERT_EQ(stat(path.c_str(), &after), 0);
  EXPECT_NE(after.st_ino, before.st_ino) << "whoever has the old one open must not see it change";
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

TEST_F(ReadyFileTest, WhatCannotBeWrittenIsAnErrorThatNamesIt) {
  const auto missing = (folder_ / "missing" / "ready").string();
  const auto error = write_ready_file(missing, "x");
  EXPECT_NE(error.find(missing), std::string::npos) << error;
  EXPECT_NE(error.find("No such file"), std::string::npos) << error;

  const auto taken = folder_ / "taken";
  std::filesystem::create_directories(taken / "inside");
  EXPECT_NE(write_ready_file(taken.string(), "x"), "");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1)
      << "the temporary file was left behind";
}

TEST(TcpEndpoint, IsWrittenAsItIsRead) {
  for (const char* text :
       {"127.0.0.1:0", "10.1.2.3:65535", "[::1]:39000", "[::]:1", "[fe80::1%lo]:7"}) {
    const auto address = parse_host_port(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(to_text(to_endpoint(*address)), text);
  }
}

}  // namespace
}  // namespace stream_harness
