#include "report/error_log.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <mutex>
#include <string>

namespace stream_harness {
namespace {

constexpr std::string_view kPrefix = "bench_stream_harness: ";
constexpr std::string_view kClearLine = "\r\033[K";

bool takes_some(std::chrono::milliseconds most) noexcept {
  pollfd standard_error{STDERR_FILENO, POLLOUT, 0};
  return ::poll(&standard_error, 1, static_cast<int>(most.count())) == 1;
}

// `write`, but with EAGAIN where it would wait.
ssize_t write_at_once(std::string_view text) noexcept {
  struct stat about {};
  if (::fstat(STDERR_FILENO, &about) != 0) return -1;
  if (S_ISSOCK(about.st_mode)) {
    return ::send(STDERR_FILENO, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  if (!S_ISFIFO(about.st_mode) && !S_ISCHR(about.st_mode)) {
    return ::write(STDERR_FILENO, text.data(), text.size());
  }
  // Others may have the same description of the pipe, and want to wait; so this opens one more.
  const int own = ::open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (own >= 0) {
    const ssize_t written = ::write(own, text.data(), text.size());
    const int error = errno;
    ::close(own);
    errno = error;
    return written;
  }
  if (errno == ENXIO) return -1;  // nobody has the other end
  // No descriptors, or no right to open it. A pipe that says it has room takes that much.
  if (!takes_some(std::chrono::milliseconds(0))) {
    errno = EAGAIN;
    return -1;
  }
  return ::write(STDERR_FILENO, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
}

class StandardError {
 public:
  void add(std::string_view line) {
    const std::lock_guard lock(mutex_);
    send();
    const std::string notice = dropped_ == 0 ? std::string() : notice_of_dropped();
    if (kept_.size() + notice.size() + line.size() > kMostKeptErrorBytes) {
      ++dropped_;
      return;
    }
    dropped_ = 0;
    kept_.append(notice).append(line);
    send();
  }

  // Of no use later, so it is tried once.
  void show(std::string_view text) {
    const std::lock_guard lock(mutex_);
    send();
    if (!kept_.empty()) return;
    [[maybe_unused]] const ssize_t ignored = write_at_once(text);
  }

  void flush(std::chrono::milliseconds most) {
    using std::chrono::steady_clock;
    const auto until = steady_clock::now() + most;
    for (;;) {
      {
        const std::lock_guard lock(mutex_);
        send();
        if (kept_.empty() && dropped_ != 0) {
          kept_ = notice_of_dropped();
          dropped_ = 0;
          send();
        }
        if (kept_.empty()) return;
      }
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(until - steady_clock::now());
      if (left.count() <= 0 || !takes_some(left)) return;
    }
  }

 private:
  [[nodiscard]] std::string notice_of_dropped() const {
    return std::string(kPrefix) + std::to_string(dropped_) +
           " lines are missing here, since standard error did not take them\n";
  }

  // Whole lines at a time, of as many bytes as a pipe takes in one piece.
  void send() {
    while (!kept_.empty()) {
      const auto piece = std::string_view(kept_).substr(0, PIPE_BUF);
      const auto end = piece.rfind('\n');
      const ssize_t written = write_at_once(piece.substr(0, end == piece.npos ? end : end + 1));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
      if (written <= 0) return kept_.clear();  // nobody will ever read it
      kept_.erase(0, static_cast<std::size_t>(written));
    }
  }

  std::mutex mutex_;
  std::string kept_;
  std::size_t dropped_ = 0;
};

StandardError& standard_error() {
  static StandardError only;
  return only;
}

}  // namespace

bool progress_is_visible() noexcept { return isatty(STDERR_FILENO) == 1; }

void log_error(std::string_view message) {
  std::string line(progress_is_visible() ? kClearLine : std::string_view());
  line.append(kPrefix).append(message).append("\n");
  standard_error().add(line);
}

void log_line(std::string_view line) { standard_error().add(line); }

void flush_errors(std::chrono::milliseconds most) { standard_error().flush(most); }

void show_progress(std::string_view text) {
  standard_error().show(std::string(kClearLine).append(text));
}

}  // namespace stream_harness
