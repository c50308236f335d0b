#include "roles/service/ready_file.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

namespace stream_harness {
namespace {

std::string cannot_write(const std::string& path, int number) {
  return "write the ready file '" + path + "': " + std::generic_category().message(number);
}

int write_file(const std::string& path, std::string_view text) {
  errno = 0;
  std::FILE* const file = std::fopen(path.c_str(), "w");
  if (file == nullptr) return errno;
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  const int write_error = errno;
  if (std::fclose(file) != 0) return errno;
  return written ? 0 : write_error;
}

}  // namespace

std::string write_ready_file(const std::string& path, std::string_view text) {
  const std::string temporary = path + "." + std::to_string(getpid()) + ".tmp";
  int error = write_file(temporary, std::string(text) + "\n");
  if (error == 0 && std::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error == 0) return {};
  std::remove(temporary.c_str());
  return cannot_write(path, error);
}

}  // namespace stream_harness
