#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>

namespace programs::test {

/// A file with a text, which goes with this object.
class TextFile {
 public:
  explicit TextFile(std::string_view text) {
    const int file = mkstemp(path_.data());
    std::ofstream(path_, std::ios::binary) << text;
    close(file);
  }
  TextFile(const TextFile&) = delete;
  TextFile& operator=(const TextFile&) = delete;
  ~TextFile() { unlink(path_.c_str()); }

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_ = testing::TempDir() + "bytes_handoff_XXXXXX";
};

}  // namespace programs::test
