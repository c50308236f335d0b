#include "bytes_handoff/core/kernel/kernel_pipe.hpp"

#if BYTES_HANDOFF_HAS_SPLICE

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <deque>
#include <string>

#include "bytes_handoff/memory.hpp"
#include "bytes_handoff/statistics.hpp"
#include "support/pattern.hpp"
#include "support/relaying/kernel_sockets.hpp"

namespace bytes_handoff::test {
namespace {

using detail::KernelCalls;
using detail::KernelMove;
using detail::KernelPipe;
using detail::MoveTurn;

/// A pipe with 10 bytes that go to a socket whose peer has gone.
class MoveToNobody {
 public:
  MoveToNobody() {
    out_.close_end(1);
    send_text(in_.ends[0], pattern(10));
    EXPECT_TRUE(pipe_.open());
    EXPECT_EQ(pipe_.fill(in_.ends[1], 100).n, 10U);
  }
  bool fails_with_a_broken_pipe() {
    MoveTurn turn;
    const KernelMove move = pipe_.drain(out_.ends[0], 10, turn);
    return move.n == 0 && move.error == EPIPE;
  }
  // Without care.
  bool raises() {
    ::splice(read_end(), nullptr, out_.ends[0], nullptr, 10, SPLICE_F_NONBLOCK);
    return false;
  }
  std::string rest() {
    std::string text(10, '\0');
    EXPECT_TRUE(pipe_.read(std::as_writable_bytes(std::span(text))));
    return text;
  }

 private:
  int read_end() {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_NONBLOCK), 0);
    EXPECT_EQ(write(ends[1], "0123456789", 10), 10);
    return ends[0];
  }

  Sockets in_;
  Sockets out_;
  KernelPipe pipe_;
};

/// The wait status of a child that does `what`, with the default disposition of SIGPIPE.
template <class What>
int status_of_child(What what) {
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGPIPE, SIG_DFL);
    _exit(what() ? 0 : 1);
  }
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return status;
}

bool is_sigpipe_pending() {
  sigset_t pending;
  sigpending(&pending);
  return sigismember(&pending, SIGPIPE) == 1;
}
bool is_sigpipe_blocked() {
  sigset_t blocked;
  pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
  return sigismember(&blocked, SIGPIPE) == 1;
}
void block_sigpipe() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

TEST(KernelPipe, MovesBytesInOrderAndTellsHowMany) {
  Sockets in;
  Sockets out;
  KernelPipe pipe;
  ASSERT_TRUE(pipe.open());
  MoveTurn turn;
  EXPECT_EQ(pipe.fill(in.ends[1], 100).error, EAGAIN);
  send_text(in.ends[0], pattern(250));
  std::string received;
  for (const std::size_t n : {100U, 100U, 50U}) {
    EXPECT_EQ(pipe.fill(in.ends[1], 100).n, n);
    EXPECT_EQ(pipe.drain(out.ends[0], n, turn).n, n);
    received += read_text(out.ends[1]);
  }
  EXPECT_EQ(received, pattern(250));
  in.close_end(0);
  const KernelMove end = pipe.fill(in.ends[1], 100);
  EXPECT_EQ(end.n, 0U);
  EXPECT_EQ(end.error, 0);
}

TEST(KernelPipe, TellsWhatAFullSocketHasTaken) {
  Sockets in;
  Sockets out;
  KernelPipe pipe;
  ASSERT_TRUE(pipe.open());
  MoveTurn turn;
  std::string sent;
  std::string received;
  std::size_t in_pipe = 0;
  for (bool is_full = false; !is_full;) {
    const std::string text = pattern(50'000, sent.size());
    send_text(in.ends[0], text);
    sent += text;
    for (std::size_t got = 0; got < text.size() && !is_full;) {
      const KernelMove fill = pipe.fill(in.ends[1], detail::kMostMoved);
      ASSERT_NE(fill.n, 0U);
      got += fill.n;
      in_pipe += fill.n;
      while (in_pipe != 0 && !is_full) {
        const KernelMove drain = pipe.drain(out.ends[0], in_pipe, turn);
        is_full = drain.error == EAGAIN;
        ASSERT_TRUE(is_full || drain.error == 0);
        in_pipe -= drain.n;
      }
    }
  }
  const std::size_t left = in_pipe;
  while (received.size() < sent.size() - left) {
    const std::string text = read_text(out.ends[1]);
    if (text.empty()) {
      break;
    }
    received += text;
  }
  std::string rest(left, '\0');
  ASSERT_TRUE(pipe.read(std::as_writable_bytes(std::span(rest))));
  received += rest;
  EXPECT_TRUE(received == sent.substr(0, received.size()));
  EXPECT_GE(received.size() + 50'000, sent.size());
}

TEST(KernelPipe, RaisesNoSigpipe) {
  const int careless = status_of_child([] { return MoveToNobody().raises(); });
  EXPECT_TRUE(WIFSIGNALED(careless) && WTERMSIG(careless) == SIGPIPE) << "nothing is tested";
  EXPECT_EQ(status_of_child([] {
              MoveToNobody move;
              return move.fails_with_a_broken_pipe() && !is_sigpipe_blocked() &&
                     !is_sigpipe_pending() && move.rest() == pattern(10);
            }),
            0);
}

TEST(KernelPipe, RaisesNoSigpipeInATurnOfManyMoves) {
  EXPECT_EQ(status_of_child([] {
              MoveTurn turn;
              for (int i = 0; i < 3; ++i) {
                Sockets in;
                Sockets out;
                KernelPipe pipe;
                send_text(in.ends[0], "abc");
                if (!pipe.open() || pipe.fill(in.ends[1], 100).n != 3) {
                  return false;
                }
                if (i != 1) {
                  out.close_end(1);
                }
                if (pipe.drain(out.ends[0], 3, turn).n != (i == 1 ? 3U : 0U)) {
                  return false;
                }
                if (is_sigpipe_pending()) {
                  return false;
                }
              }
              return true;
            }),
            0);
}

TEST(KernelPipe, LeavesAPendingSigpipePending) {
  EXPECT_EQ(status_of_child([] {
              block_sigpipe();
              raise(SIGPIPE);
              MoveToNobody move;
              return move.fails_with_a_broken_pipe() && is_sigpipe_pending() &&
                     is_sigpipe_blocked();
            }),
            0);
}

TEST(KernelPipe, LeavesNoSigpipePendingWhereItIsBlocked) {
  EXPECT_EQ(status_of_child([] {
              block_sigpipe();
              MoveToNobody move;
              return move.fails_with_a_broken_pipe() && !is_sigpipe_pending() &&
                     is_sigpipe_blocked();
            }),
            0);
}

volatile std::sig_atomic_t sigpipes = 0;

// The system takes the one of the thread first.
TEST(KernelPipe, LeavesASigpipeThatComesDuringATurn) {
  EXPECT_EQ(status_of_child([] {
              signal(SIGPIPE, [](int) { sigpipes = sigpipes + 1; });
              Sockets in;
              Sockets out;
              KernelPipe pipe;
              {
                MoveTurn turn;
                send_text(in.ends[0], "abc");
                if (!pipe.open() || pipe.fill(in.ends[1], 3).n != 3 ||
                    pipe.drain(out.ends[0], 3, turn).n != 3) {
                  return false;
                }
                kill(getpid(), SIGPIPE);
                out.close_end(1);
                send_text(in.ends[0], "abc");
                if (pipe.fill(in.ends[1], 3).n != 3 ||
                    pipe.drain(out.ends[0], 3, turn).error != EPIPE || sigpipes != 0) {
                  return false;
                }
              }
              return sigpipes == 1;
            }),
            0);
}

/// Whether a SIGPIPE that others have sent during a move arrives behind its turn, once.
bool delivers_behind_the_turn(ssize_t (*move)(int, int, std::size_t) noexcept) {
  signal(SIGPIPE, [](int) { sigpipes = sigpipes + 1; });
  const KernelCalls calls{move, detail::system_calls.open_pipe};
  Sockets out;
  KernelPipe pipe;
  if (!pipe.open()) {
    return false;
  }
  detail::kernel_calls = &calls;
  {
    MoveTurn turn;
    if (pipe.drain(out.ends[0], 3, turn).error != EPIPE || sigpipes != 0) {
      return false;
    }
  }
  return sigpipes == 1;
}

TEST(KernelPipe, LeavesASigpipeThatWasQueued) {
  EXPECT_EQ(status_of_child([] {
              return delivers_behind_the_turn([](int, int, std::size_t) noexcept -> ssize_t {
                sigqueue(getpid(), SIGPIPE, sigval{});
                errno = EPIPE;
                return -1;
              });
            }),
            0);
}

TEST(KernelPipe, LeavesASigpipeOfAnotherProcess) {
  EXPECT_EQ(status_of_child([] {
              return delivers_behind_the_turn([](int, int, std::size_t) noexcept -> ssize_t {
                const pid_t other = fork();
                if (other == 0) {
                  _exit(kill(getppid(), SIGPIPE));
                }
                waitpid(other, nullptr, 0);
                errno = EPIPE;
                return -1;
              });
            }),
            0);
}

// ---- The pool.

TEST(KernelPipe, ComesBackToThePool) {
  pool_trim();
  EXPECT_EQ(relay_statistics().idle_pipes, 0U);
  const std::size_t others = relay_statistics().pipes;
  KernelPipe pipe;
  ASSERT_TRUE(pipe.open());
  EXPECT_TRUE(pipe.open()) << "it is open";
  EXPECT_EQ(relay_statistics().pipes, others + 1);
  pipe.give_back();
  EXPECT_FALSE(pipe.is_open());
  EXPECT_EQ(relay_statistics().pipes, others + 1);
  EXPECT_EQ(relay_statistics().idle_pipes, 1U);
  ASSERT_TRUE(pipe.open());
  EXPECT_EQ(relay_statistics().idle_pipes, 0U);
  pipe.close();
  EXPECT_EQ(relay_statistics().pipes, others);
  ASSERT_TRUE(pipe.open());
  pipe.give_back();
  pool_trim();
  EXPECT_EQ(relay_statistics().pipes, others);
  EXPECT_EQ(relay_statistics().idle_pipes, 0U);
}

TEST(KernelPipe, FewAreKept) {
  {
    std::deque<KernelPipe> pipes(40);
    for (KernelPipe& pipe : pipes) {
      ASSERT_TRUE(pipe.open());
    }
    for (KernelPipe& pipe : pipes) {
      pipe.give_back();
    }
  }
  EXPECT_EQ(relay_statistics().idle_pipes, 32U);
  EXPECT_EQ(relay_statistics().pipes, 32U);
  pool_trim();
}

TEST(KernelPipe, TheirNumberIsBoundedByTheDescriptorsOfTheProcess) {
  pool_trim();
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low = before;
  low.rlim_cur = 160;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  const auto refused = relay_statistics().refused_pipes;
  std::deque<KernelPipe> pipes(20);
  std::size_t open = 0;
  for (KernelPipe& pipe : pipes) {
    open += pipe.open() ? 1U : 0U;
  }
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(open, 10U);
  EXPECT_EQ(relay_statistics().refused_pipes, refused + 10);
}

/// Calls that a test has replaced.
class ReplacedCalls {
 public:
  explicit ReplacedCalls(const KernelCalls& calls) { detail::kernel_calls = &calls; }
  ReplacedCalls(const ReplacedCalls&) = delete;
  ReplacedCalls& operator=(const ReplacedCalls&) = delete;
  ~ReplacedCalls() { detail::kernel_calls = &detail::system_calls; }
};

TEST(KernelPipe, IsRefusedWithoutDescriptorsAndCounted) {
  pool_trim();
  constexpr KernelCalls kNoPipes{nullptr, [](int(&)[2]) noexcept {
                                   errno = EMFILE;
                                   return -1;
                                 }};
  const RelayStatistics before = relay_statistics();
  {
    const ReplacedCalls calls(kNoPipes);
    KernelPipe pipe;
    EXPECT_FALSE(pipe.open());
    EXPECT_FALSE(pipe.is_open());
  }
  EXPECT_EQ(relay_statistics().refused_pipes, before.refused_pipes + 1);
  EXPECT_EQ(relay_statistics().pipes, before.pipes);
}

// As the system makes them beyond what a user may have in pipes: they cannot be made larger. A
// socket stands for one here, which knows no size.
TEST(KernelPipe, ASmallOneIsRefused) {
  pool_trim();
  constexpr KernelCalls kSmallOnes{
      nullptr, [](int(&ends)[2]) noexcept { return socketpair(AF_UNIX, SOCK_STREAM, 0, ends); }};
  const RelayStatistics before = relay_statistics();
  {
    const ReplacedCalls calls(kSmallOnes);
    KernelPipe pipe;
    EXPECT_FALSE(pipe.open());
  }
  EXPECT_EQ(relay_statistics().refused_pipes, before.refused_pipes + 1);
  EXPECT_EQ(relay_statistics().pipes, before.pipes);
}

TEST(KernelPipe, TheChildOfAForkDoesNotShareThePool) {
  KernelPipe pipe;
  ASSERT_TRUE(pipe.open());
  pipe.give_back();
  EXPECT_EQ(status_of_child([] {
              return relay_statistics().idle_pipes == 0 && relay_statistics().pipes == 0 &&
                     KernelPipe().open();
            }),
            0);
  EXPECT_NE(relay_statistics().idle_pipes, 0U);
}

TEST(KernelPipe, AnInterruptedMoveIsRepeated) {
  static unsigned interruptions = 0;
  constexpr KernelCalls kInterrupted{[](int from, int to, std::size_t n) noexcept -> ssize_t {
                                       if (++interruptions % 3 != 0) {
                                         errno = EINTR;
                                         return -1;
                                       }
                                       return detail::system_calls.splice(from, to, n);
                                     },
                                     nullptr};
  Sockets in;
  send_text(in.ends[0], "abc");
  KernelPipe pipe;
  ASSERT_TRUE(pipe.open());
  const ReplacedCalls calls(kInterrupted);
  EXPECT_EQ(pipe.fill(in.ends[1], 10).n, 3U);
  EXPECT_EQ(interruptions, 3U);
}

TEST(KernelPipe, OneOfAnotherSizeThatCannotBeChangedIsUsedIfItIsLargeEnough) {
  pool_trim();
  // With more in it than the pool's pipes have room for.
  constexpr KernelCalls kFilled{nullptr, [](int(&ends)[2]) noexcept {
                                  static const std::string text(512 * 1024, 'x');
                                  const bool is_made =
                                      pipe2(ends, O_NONBLOCK) == 0 &&
                                      fcntl(ends[1], F_SETPIPE_SZ, 1024 * 1024) > 0 &&
                                      write(ends[1], text.data(), text.size()) > 256 * 1024;
                                  return is_made ? 0 : -1;
                                }};
  KernelPipe pipe;
  const ReplacedCalls calls(kFilled);
  EXPECT_TRUE(pipe.open());
}

}  // namespace
}  // namespace bytes_handoff::test

#endif
