// The pool of pipes of the process.

#include <cstddef>
#include <cstdint>

#include "bytes_handoff/core/kernel/kernel_pipe.hpp"
#include "bytes_handoff/statistics.hpp"

#if BYTES_HANDOFF_HAS_SPLICE

#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <mutex>

namespace bytes_handoff {
namespace detail {
namespace {

// Pipes that are kept though nobody uses them. Each has two descriptors and about 1 KiB.
constexpr std::size_t kMostIdle = 32;
// Pipes at once, whatever the process's limit of descriptors.
constexpr std::size_t kMostPipes = 512;
// What part of that limit pipes may have: the rest is for connections.
constexpr std::size_t kPartOfDescriptors = 8;
// Slots of a pipe: one page each, or one piece of a page that a small segment came in.
constexpr int kBytesOfSlots = static_cast<int>(4 * kMostMoved);

struct Ends {
  int read;
  int write;
};

void close_both(const Ends& ends) noexcept {
  ::close(ends.read);
  ::close(ends.write);
}

std::size_t most_pipes() noexcept {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return kMostIdle;
  }
  return std::min<std::size_t>(limit.rlim_cur / (2 * kPartOfDescriptors), kMostPipes);
}

// A pipe that holds less than one move is not worth it: the system makes such, beyond what a user
// may have in pipes.
bool has_room(int end) noexcept {
  constexpr auto kLeast = static_cast<int>(kMostMoved);
  return fcntl(end, F_SETPIPE_SZ, kBytesOfSlots) >= kLeast || fcntl(end, F_GETPIPE_SZ) >= kLeast;
}

// A fork waits until no other thread is in the pool. Other handlers of the same fork may use it
// meanwhile, on the thread that forks.
constinit thread_local bool forks = false;

class Lock {
 public:
  explicit Lock(std::mutex& mutex) noexcept : mutex_(forks ? nullptr : &mutex) {
    if (mutex_ != nullptr) {
      mutex_->lock();
    }
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  ~Lock() {
    if (mutex_ != nullptr) {
      mutex_->unlock();
    }
  }

 private:
  std::mutex* mutex_;
};

class PipePool {
 public:
  bool take(Ends& ends) noexcept {
    {
      const Lock lock(mutex_);
      if (idle_ != 0) {
        ends = pipes_[--idle_];
        return true;
      }
      if (open_ >= most_pipes()) {
        ++refused_;
        return false;
      }
      ++open_;
    }
    if (make(ends)) {
      return true;
    }
    const Lock lock(mutex_);
    --open_;
    ++refused_;
    return false;
  }

  void put(const Ends& ends) noexcept {
    {
      const Lock lock(mutex_);
      if (idle_ != kMostIdle) {
        pipes_[idle_++] = ends;
        return;
      }
    }
    drop(ends);
  }

  void drop(const Ends& ends) noexcept {
    close_both(ends);
    const Lock lock(mutex_);
    --open_;
  }

  void trim() noexcept {
    const Lock lock(mutex_);
    open_ -= idle_;
    close_idle();
  }

  void before_fork() noexcept {
    mutex_.lock();
    forks = true;
  }
  void after_fork() noexcept {
    forks = false;
    mutex_.unlock();
  }
  // The other process has the same pipes. Those in use are its relays'.
  void after_fork_in_child() noexcept {
    open_ = 0;
    close_idle();
    after_fork();
  }

  void add_to(RelayStatistics& statistics) noexcept {
    const Lock lock(mutex_);
    statistics.pipes = open_;
    statistics.idle_pipes = idle_;
    statistics.refused_pipes = refused_;
  }

 private:
  static bool make(Ends& ends) noexcept {
    int made[2];
    if (kernel_calls.load(std::memory_order_acquire)->open_pipe(made) != 0) {
      return false;
    }
    ends = {made[0], made[1]};
    if (!has_room(ends.write)) {
      close_both(ends);
      return false;
    }
    return true;
  }

  void close_idle() noexcept {
    while (idle_ != 0) {
      close_both(pipes_[--idle_]);
    }
  }

  std::mutex mutex_;
  std::array<Ends, kMostIdle> pipes_{};
  std::size_t idle_ = 0;
  std::size_t open_ = 0;
  std::uint64_t refused_ = 0;
};

// Never destroyed: static objects may relay.
union PoolHolder {
  constexpr PoolHolder() noexcept : pool() {}
  ~PoolHolder() {}  // NOLINT(modernize-use-equals-default): it would be deleted
  PipePool pool;
};
constinit PoolHolder holder;

[[maybe_unused]] const int watches_forks =
    pthread_atfork([] { holder.pool.before_fork(); }, [] { holder.pool.after_fork(); },
                   [] { holder.pool.after_fork_in_child(); });

}  // namespace

bool KernelPipe::open(BlockPayer* payer) noexcept {
  if (is_open()) {
    return true;
  }
  if (payer != nullptr && !payer->try_pay(kCost, PaidFrom::kBudget)) {
    return false;
  }
  payer_ = payer;
  Ends ends{};
  if (!holder.pool.take(ends)) {
    pay_back();
    return false;
  }
  ends_[0] = ends.read;
  ends_[1] = ends.write;
  return true;
}

void KernelPipe::give_back() noexcept {
  if (is_open()) {
    holder.pool.put({ends_[0], ends_[1]});
    ends_[0] = ends_[1] = -1;
    pay_back();
  }
}

void KernelPipe::close() noexcept {
  if (is_open()) {
    holder.pool.drop({ends_[0], ends_[1]});
    ends_[0] = ends_[1] = -1;
    pay_back();
  }
}

void close_idle_pipes() noexcept { holder.pool.trim(); }

}  // namespace detail

RelayStatistics relay_statistics() noexcept {
  RelayStatistics statistics;
  detail::holder.pool.add_to(statistics);
  statistics.moved_bytes = detail::moved_bytes.load(std::memory_order_relaxed);
  return statistics;
}

}  // namespace bytes_handoff

#else

namespace bytes_handoff {

void detail::close_idle_pipes() noexcept {}

RelayStatistics relay_statistics() noexcept { return {}; }

}  // namespace bytes_handoff

#endif
