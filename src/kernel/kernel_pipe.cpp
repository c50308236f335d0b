#include "bytes_handoff/core/kernel/kernel_pipe.hpp"

#if BYTES_HANDOFF_HAS_SPLICE

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <ctime>
#include <new>
#include <utility>

#include "bytes_handoff/core/budget/region_access.hpp"

namespace bytes_handoff::detail {
namespace {

// Without SPLICE_F_MORE: the last piece of a message would wait for more.
std::ptrdiff_t system_splice(int from, int to, std::size_t n) noexcept {
  return ::splice(from, nullptr, to, nullptr, n, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
}

int system_open_pipe(int (&ends)[2]) noexcept { return ::pipe2(ends, O_CLOEXEC | O_NONBLOCK); }

KernelMove move(int from, int to, std::size_t n) noexcept {
  const KernelCalls& calls = *kernel_calls.load(std::memory_order_acquire);
  std::ptrdiff_t moved = 0;
  do {
    moved = calls.splice(from, to, n);
  } while (moved < 0 && errno == EINTR);
  return moved < 0 ? KernelMove{0, errno} : KernelMove{static_cast<std::size_t>(moved), 0};
}

sigset_t only_sigpipe() noexcept {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  return set;
}

}  // namespace

constinit const KernelCalls system_calls{&system_splice, &system_open_pipe};
constinit std::atomic<const KernelCalls*> kernel_calls{&system_calls};
constinit std::atomic<std::uint64_t> moved_bytes{0};

void MoveTurn::block() noexcept {
  if (is_blocked_) {
    return;
  }
  const sigset_t set = only_sigpipe();
  sigset_t before;
  is_blocked_ = pthread_sigmask(SIG_BLOCK, &set, &before) == 0;
  unblocks_ = is_blocked_ && sigismember(&before, SIGPIPE) == 0;
}

void MoveTurn::unblock() noexcept {
  const sigset_t set = only_sigpipe();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

// Where the signal was not blocked, none was pending: it would have been delivered.
bool MoveTurn::is_pending() const noexcept {
  sigset_t pending;
  return !unblocks_ && sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
}

// The kernel sends it to the thread that moves, in the name of the process itself. Another one has
// come meanwhile: it is delivered when the turn is over.
void MoveTurn::consume() noexcept {
  const sigset_t set = only_sigpipe();
  const timespec at_once{0, 0};
  siginfo_t info;
  int signal = 0;
  do {
    signal = sigtimedwait(&set, &info, &at_once);
  } while (signal < 0 && errno == EINTR);
  if (signal == SIGPIPE && (info.si_code != SI_USER || info.si_pid != getpid())) {
    raise(SIGPIPE);
  }
}

KernelMove KernelPipe::fill(int from, std::size_t most) const noexcept {
  return move(from, ends_[1], most);
}

// A move that is cut short may have met the error, too.
KernelMove KernelPipe::drain(int to, std::size_t n, MoveTurn& turn) const noexcept {
  turn.block();
  const bool was_pending = turn.is_pending();
  const KernelMove moved = move(ends_[0], to, n);
  if (!was_pending && moved.n < n && moved.error != EAGAIN) {
    turn.consume();
  }
  moved_bytes.fetch_add(moved.n, std::memory_order_relaxed);
  return moved;
}

bool KernelPipe::read(std::span<std::byte> room) const noexcept {
  while (!room.empty()) {
    const ssize_t n = ::read(ends_[0], room.data(), room.size());
    if (n > 0) {
      room = room.subspan(static_cast<std::size_t>(n));
    } else if (n == 0 || errno != EINTR) {
      return false;
    }
  }
  return true;
}

BytesMut KernelPipe::copy_out(std::size_t n, std::pmr::memory_resource* block_source) {
  BytesMut copy = BytesMut::with_capacity(n, block_source);
  if (!read(copy.spare().first(n))) {
    throw std::bad_alloc();
  }
  copy.commit(n);
  if (payer_ != nullptr) {
    RegionAccess::take_over_payment(copy, *std::exchange(payer_, nullptr), kCost);
  }
  give_back();
  return copy;
}

void KernelPipe::pay_back() noexcept {
  if (payer_ != nullptr) {
    std::exchange(payer_, nullptr)->pay_back(kCost, PaidFrom::kBudget);
  }
}

}  // namespace bytes_handoff::detail

#endif
