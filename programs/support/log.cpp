#include "support/log.hpp"

#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <utility>

namespace programs {

Log::Log(std::string program) : program_(std::move(program)) { std::signal(SIGPIPE, SIG_IGN); }

void Log::line(std::string_view text) {
  if (!may_print()) {
    ++left_out_;
    return;
  }
  if (left_out_ != told_ && print(std::to_string(left_out_ - told_) + " lines were left out")) {
    told_ = left_out_;
  }
  if (!print(text)) {
    ++left_out_;
  }
}

bool Log::may_print() {
  const auto now = std::chrono::steady_clock::now();
  if (now - second_ >= std::chrono::seconds(1)) {
    second_ = now;
    lines_ = 0;
  }
  return ++lines_ <= kMostLines;
}

// A pipe that is writable takes a line of this length as a whole.
bool Log::print(std::string_view text) const {
  pollfd out{STDERR_FILENO, POLLOUT, 0};
  if (poll(&out, 1, 0) != 1 || (out.revents & POLLOUT) == 0) {
    return false;
  }
  std::string line = program_ + ": " + std::string(text);
  if (line.size() >= kLongestLine) {
    line.resize(kLongestLine - 4);
    line += "...";
  }
  line += '\n';
  return write(STDERR_FILENO, line.data(), line.size()) == static_cast<ssize_t>(line.size());
}

}  // namespace programs
