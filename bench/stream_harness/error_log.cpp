#include "error_log.hpp"

#include <unistd.h>

#include <cerrno>
#include <string>

namespace stream_harness {
namespace {

constexpr std::string_view kClearLine = "\r\033[K";

// One system call a line keeps lines of several threads apart.
void write_to_stderr(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

bool progress_is_visible() noexcept { return isatty(STDERR_FILENO) == 1; }

void log_error(std::string_view message) {
  std::string line(progress_is_visible() ? kClearLine : std::string_view());
  line.append("bench_stream_harness: ").append(message).append("\n");
  write_to_stderr(line);
}

void show_progress(std::string_view text) { write_to_stderr(std::string(kClearLine).append(text)); }

}  // namespace stream_harness
