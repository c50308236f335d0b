#include "roles/service/ready_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace stream_harness {
namespace {

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

}  // namespace
}  // namespace stream_harness
