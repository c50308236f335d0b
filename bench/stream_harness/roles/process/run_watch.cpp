#include "roles/process/run_watch.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cstdint>

namespace stream_harness {
namespace {

sigset_t stop_signals() noexcept {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

RunWatch::RunWatch() noexcept : done_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signal_fd_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

RunWatch::~RunWatch() {
  let_signals_act();
  if (done_fd_ >= 0) ::close(done_fd_);
}

void RunWatch::let_signals_act() noexcept {
  if (signal_fd_ < 0) return;
  const sigset_t set = stop_signals();
  ::close(signal_fd_);
  signal_fd_ = -1;
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

void RunWatch::done() noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(done_fd_, &one, sizeof one);
}

RunWatch::Event RunWatch::wait(std::chrono::milliseconds tick) noexcept {
  std::array<pollfd, 2> watched{pollfd{done_fd_, POLLIN, 0}, pollfd{signal_fd_, POLLIN, 0}};
  if (::poll(watched.data(), watched.size(), static_cast<int>(tick.count())) <= 0) {
    return Event::kTick;
  }
  if (watched[0].revents != 0) return Event::kDone;
  signalfd_siginfo info;
  if (::read(signal_fd_, &info, sizeof info) != static_cast<ssize_t>(sizeof info)) {
    return Event::kTick;
  }
  let_signals_act();
  return Event::kStopRequested;
}

}  // namespace stream_harness
