// A fork while other threads are anywhere in the library: the child makes and drops new objects.
#if defined(__unix__) || defined(__APPLE__)

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/bytes_mut.hpp"
#include "bytes_handoff/core/memory/pool.hpp"
#include "bytes_handoff/error.hpp"
#include "bytes_handoff/front_end.hpp"
#include "bytes_handoff/handoff_buffer.hpp"
#include "bytes_handoff/memory.hpp"
#include "support/pattern.hpp"
#include "support/sanitizers.hpp"
#include "support/stepping/count.hpp"

namespace bytes_handoff {
namespace {

using test::pattern;

constexpr unsigned kChildSeconds = 20;

[[nodiscard]] std::uint64_t forks() { return test::count_or(25); }

/// Under AddressSanitizer nothing is pooled. What would be tested is the sanitizer itself, whose
/// quarantine has locks that a fork may find taken.
constexpr bool kTestsThePool = BYTES_HANDOFF_TEST_WITH_ASAN == 0;

/// Takes and drops so much of every size that the caches are exchanged with the depot.
void visit_the_depot() {
  std::vector<Bytes> kept;
  for (const std::size_t size : {std::size_t{10}, std::size_t{300}, std::size_t{5000}}) {
    for (int i = 0; i < 100; ++i) {
      kept.push_back(Bytes::copy_of(std::string(size, 'x')));
      kept.push_back(BytesMut::copy_of(std::string(size, 'y')).split().freeze());
    }
  }
}

/// Is in the depot most of the time.
void stay_in_the_depot() {
  for (int i = 0; i < 1000; ++i) {
    static_cast<void>(pool_statistics());
    detail::pool_deallocate(detail::pool_allocate(1000), 1000);
    detail::pool_flush_thread_cache();
  }
}

[[nodiscard]] bool new_objects_work() {
  visit_the_depot();
  HandoffBuffer buffer;
  const std::string text = pattern(1000);
  for (int i = 0; i < 300; ++i) {
    auto room = front_end::begin_read(buffer);
    if (!room) return false;
    text.copy(reinterpret_cast<char*>(room->data()), text.size());
    front_end::end_read(buffer, text.size());
    const auto slice = buffer.split_prefix(text.size());
    if (!slice || slice->view() != text) return false;
  }
  front_end::pause_read(buffer);
  if (make_error_code(Errc::closed).message().empty()) return false;
  const PoolStatistics now = pool_statistics();
  pool_trim();
  const std::size_t left = pool_statistics().cached_bytes();
  // Of the threads that held something only this one is left.
  if (now.threads <= 1 && now.cached_bytes() <= now.limit_bytes && left == 0) return true;
  std::fprintf(stderr, "threads %zu, cached %zu of %zu, left by a trim %zu\n", now.threads,
               now.cached_bytes(), now.limit_bytes, left);
  return false;
}

/// How a child ends that does `work` and has ended when it returned true, in time: 0.
[[nodiscard]] int status_of_child(const std::function<bool()>& work) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(kChildSeconds);
    _exit(work() ? 0 : 1);
  }
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return status;
}

/// Threads that do something over and over until it is destroyed.
class Restless {
 public:
  Restless(std::size_t count, const std::function<void()>& work) {
    for (std::size_t i = 0; i < count; ++i) {
      threads_.emplace_back([this, work] {
        while (!stop_) {
          work();
        }
      });
    }
  }
  Restless(const Restless&) = delete;
  Restless& operator=(const Restless&) = delete;
  ~Restless() {
    stop_ = true;
    for (std::thread& thread : threads_) {
      thread.join();
    }
  }

 private:
  std::atomic<bool> stop_ = false;
  std::vector<std::thread> threads_;
};

TEST(Fork, NewObjectsWorkInAChildWhateverOtherThreadsHeld) {
  if (!kTestsThePool) {
    GTEST_SKIP() << "nothing is pooled";
  }
  const Restless some(2, visit_the_depot);
  const Restless others(2, stay_in_the_depot);
  for (std::uint64_t i = 0; i < forks(); ++i) {
    ASSERT_EQ(status_of_child(new_objects_work), 0) << "fork " << i;
  }
}

TEST(Fork, SlicesThatOtherThreadsHandOnCanBeDroppedInAChild) {
  if (!kTestsThePool) {
    GTEST_SKIP() << "nothing is pooled";
  }
  std::mutex mutex;
  std::vector<Bytes> handed_on;
  const Restless threads(2, [&] {
    HandoffBuffer buffer;
    for (int i = 0; i < 50; ++i) {
      if (!front_end::begin_read(buffer)) return;
      front_end::end_read(buffer, 1000);
      Bytes slice = *buffer.split_prefix(1000);
      const std::lock_guard lock(mutex);
      handed_on.push_back(std::move(slice));
    }
    std::vector<Bytes> dropped;
    const std::lock_guard lock(mutex);
    dropped.swap(handed_on);
  });
  for (std::uint64_t i = 0; i < forks(); ++i) {
    std::vector<Bytes> mine;
    {
      const std::lock_guard lock(mutex);
      mine = handed_on;
    }
    const int status = status_of_child([&] {
      mine.clear();
      return new_objects_work();
    });
    ASSERT_EQ(status, 0) << "fork " << i;
  }
}

TEST(Fork, ThreadsOfTheParentGoOn) {
  std::atomic<int> rounds = 0;
  const Restless threads(2, [&] {
    visit_the_depot();
    ++rounds;
  });
  for (int i = 0; i < 20; ++i) {
    const int before = rounds;
    ASSERT_EQ(status_of_child([] { return true; }), 0);
    while (rounds == before) {
      std::this_thread::yield();
    }
  }
}

// Registered before the pool's own handlers, so that these run around them: before the fork the
// pool's comes first, behind the fork last.
std::atomic<bool> handlers_use_the_pool{false};
void use_the_pool() {
  if (handlers_use_the_pool) {
    pool_trim();
    visit_the_depot();
  }
}
std::function<void()> before_a_fork;
void prepare() {
  use_the_pool();
  if (before_a_fork) {
    before_a_fork();
  }
}
int registered = -1;
[[gnu::constructor(200)]] void register_handlers() {
  registered = pthread_atfork(prepare, use_the_pool, use_the_pool);
}

TEST(Fork, HandlersOfTheProgramMayUseThePool) {
  if (!kTestsThePool) {
    GTEST_SKIP() << "nothing is pooled";
  }
  ASSERT_EQ(registered, 0);
  const Restless threads(2, visit_the_depot);
  handlers_use_the_pool = true;
  alarm(kChildSeconds);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(status_of_child(new_objects_work), 0) << "fork " << i;
  }
  alarm(0);
  handlers_use_the_pool = false;
}

// In a process of its own, which has not used the pool yet.
TEST(Fork, AHandlerOfTheProgramMayBeTheFirstToUseThePool) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto fork_with_a_first_use = [] {
    std::atomic<int> visits = 0;
    std::unique_ptr<Restless> threads;
    before_a_fork = [&] {
      if (threads == nullptr) {
        threads = std::make_unique<Restless>(2, [&] {
          visit_the_depot();
          ++visits;
        });
        // They may have to wait for the fork. By time: a yield may last long where others run, too.
        const auto enough = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
        while (visits < 2 && std::chrono::steady_clock::now() < enough) {
          std::this_thread::yield();
        }
      }
    };
    alarm(kChildSeconds);
    const int first = status_of_child(new_objects_work);
    const int second = status_of_child(new_objects_work);
    std::fprintf(stderr, "first %d, second %d\n", first, second);
    _exit(first == 0 && second == 0 ? 0 : 1);
  };
  EXPECT_EXIT(fork_with_a_first_use(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace bytes_handoff

#endif
