// The real synchronization under real threads: producers who write, reserve and burst, and cancel
// some of it; a closer and a writer. What ThreadSanitizer looks at.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "bytes_handoff/core/queue/departure.hpp"
#include "bytes_handoff/core/queue/write_queue.hpp"
#include "support/queue/queue_probes.hpp"
#include "support/stepping/seed.hpp"

namespace bytes_handoff::test {
namespace {

using Queue = detail::WriteQueue;
using Turn = Queue::Turn;
using Wait = Queue::Wait;

class Signal {
 public:
  void set() {
    const std::lock_guard lock(mutex_);
    is_set_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return is_set_; });
    is_set_ = false;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_set_ = false;
};

/// A waiter that wakes the thread that waits for it.
template <class Base>
struct Blocking : Base {
  template <class... Of>
  explicit Blocking(const Of&... of) : Base(of...) {}
  void resume(const void*) noexcept override { woken.set(); }
  Signal woken;
};

enum class End { kClose, kCloseAdmitting, kAbortAfterWritten, kAbort };

struct Shape {
  std::size_t producers;
  std::size_t writes;
  std::size_t max_items;
  std::size_t max_pending_bytes;
  End end = End::kClose;         // all but a close come in the middle
  std::size_t join_at_most = 0;  // what the writer joins slices to; 0: nothing
  std::size_t max_step_items = detail::kMaxStepItems;
};

class Threads {
 public:
  explicit Threads(const Shape& shape)
      : shape_(shape),
        queue_({.max_items = shape.max_items, .max_pending_bytes = shape.max_pending_bytes},
               shape.max_step_items),
        counts_(shape.producers) {}

  void run() {
    std::vector<std::thread> threads;
    threads.emplace_back([this] { write(); });
    for (std::size_t i = 0; i < shape_.producers; ++i) {
      threads.emplace_back([this, i] { produce(i); });
    }
    threads.emplace_back([this] { watch(); });
    threads.emplace_back([this] { take_unwritten(); });
    for (std::size_t i = 1; i <= shape_.producers && shape_.end == End::kClose; ++i) {
      threads[i].join();
    }
    step([this](detail::Effects& e) { end(e); });
    for (std::thread& thread : threads) {
      if (thread.joinable()) {
        thread.join();
      }
    }
    check();
  }

 private:
  struct Count {
    std::size_t admitted = 0;
    std::size_t done = 0;
    std::size_t failed = 0;
  };

  template <class Step>
  void step(Step&& call) {
    detail::Effects effects;
    call(effects);
    effects.resume_all();
    if (effects.start_turn) {
      turn_.set();
    }
    if (effects.ended) {
      has_ended_ = true;
      turn_.set();
    }
    effects.finish();
  }

  void end(detail::Effects& e) {
    switch (shape_.end) {
      case End::kClose:
        return queue_.close(Waiters::refuse, e);
      case End::kCloseAdmitting:
        return queue_.close(Waiters::admit, e);
      case End::kAbortAfterWritten:
        return queue_.abort_after_written(e);
      case End::kAbort:
        return queue_.abort(detail::ErrorValue::of(Errc::aborted), e);
    }
  }

  void produce(std::size_t producer) {
    Random random(seed() + producer);
    Count& count = counts_[producer];
    for (std::size_t i = 0; i < shape_.writes; ++i) {
      if (random.one_in(4)) {
        burst(producer, random, count);
      } else if (random.one_in(4)) {
        reserve(producer, random, count);
      } else {
        write_one(producer, random, count);
      }
    }
  }

  // "<producer><running number>;", so that the peer's text can be taken apart.
  [[nodiscard]] static std::string text_of(std::size_t producer, std::size_t number) {
    return std::string(1, static_cast<char>('a' + producer)) + std::to_string(number) + ";";
  }

  void wait_for_room(Blocking<detail::RoomWaiter>& waiter, Random& random) {
    Wait outcome{};
    step([&](detail::Effects& e) { outcome = queue_.wait_room(waiter, e); });
    if (outcome == Wait::kWaiting) {
      if (random.one_in(3)) {
        step([&](detail::Effects& e) { queue_.cancel(waiter, e); });
      }
      waiter.woken.wait();
    }
  }

  void write_one(std::size_t producer, Random& random, Count& count) {
    const std::string text = text_of(producer, count.admitted);
    Blocking<detail::RoomWaiter> waiter;
    Bytes slice = Bytes::copy_of(text);
    waiter.slices = std::span(&slice, 1);
    wait_for_room(waiter, random);
    if (waiter.refusal) {
      ASSERT_EQ(slice.view(), text) << "refused bytes stay where they are";
      return;
    }
    ++count.admitted;
    use_ticket(waiter.write, random, count);
  }

  // What was admitted of it is counted as done: it has no tickets.
  void burst(std::size_t producer, Random& random, Count& count) {
    std::vector<Bytes> slices;
    std::vector<std::string> texts;
    for (std::size_t i = random.between(1, 8); i != 0; --i) {
      texts.push_back(text_of(producer, count.admitted + texts.size()));
      slices.push_back(Bytes::copy_of(texts.back()));
    }
    Blocking<detail::RoomWaiter> waiter;
    waiter.asks_for = detail::AsksFor::kBurst;
    waiter.slices = slices;
    wait_for_room(waiter, random);
    const std::size_t admitted = slices.size() - waiter.slices.size();
    ASSERT_TRUE(waiter.refusal || admitted == slices.size());
    for (std::size_t i = 0; i < slices.size(); ++i) {
      ASSERT_EQ(slices[i].view(), i < admitted ? "" : texts[i]);
    }
    count.admitted += admitted;
    count.done += admitted;
  }

  void reserve(std::size_t producer, Random& random, Count& count) {
    const std::string text = text_of(producer, count.admitted);
    Blocking<detail::RoomWaiter> waiter;
    waiter.asks_for = detail::AsksFor::kRoom;
    waiter.bytes = text.size() + random.between(0, 4);
    waiter.items = 1;
    wait_for_room(waiter, random);
    if (waiter.refusal) {
      ASSERT_EQ(waiter.room.items, 0U);
      return;
    }
    if (!random.one_in(3)) {
      Bytes slice = Bytes::copy_of(text);
      std::optional<detail::AdmittedWrite> write;
      step([&](detail::Effects& e) {
        const auto committed = queue_.commit(waiter.room, {&slice, 1}, e);
        ASSERT_TRUE(committed || committed.error().reason == WriteRefusalReason::closed);
        write = committed ? std::optional(*committed) : std::nullopt;
      });
      ASSERT_EQ(slice.view(), write ? "" : text);
      if (write) {
        ++count.admitted;
        use_ticket(*write, random, count);
      }
    }
    step([&](detail::Effects& e) { queue_.give_back(waiter.room, e); });
  }

  void use_ticket(const detail::AdmittedWrite& ticket, Random& random, Count& count) {
    if (random.one_in(3)) {
      ++count.done;  // dropped
      return;
    }
    const auto seen = queue_.result(ticket);
    Blocking<detail::TicketWaiter> done(ticket);
    if (queue_.wait_written(done) == Queue::TicketWait::kWaiting) {
      ASSERT_FALSE(seen.has_value()) << "a result came, and went";
      if (random.one_in(3)) {
        step([&](detail::Effects& e) { queue_.cancel(done, error_value(125), e); });
      }
      done.woken.wait();
      if (done.result.error == error_value(125)) {
        ++count.done;
        return;
      }
    }
    const auto result = queue_.result(ticket);
    ASSERT_TRUE(result.has_value());
    ASSERT_EQ(result->error, done.result.error);
    ASSERT_EQ(result->written, done.result.written);
    ++(result->error ? count.failed : count.done);
  }

  void write() {
    Random random(seed() + 1000);
    detail::WriteBatch batch(shape_.join_at_most);
    bool took_none = false;
    while (!has_ended_) {
      turn_.wait();
      Turn turn{};
      step([&](detail::Effects& e) { turn = queue_.begin_turn(batch, e); });
      while (turn == Turn::kWrite) {
        if (batch.must_join()) {
          batch.join();
        }
        // Sometimes no byte at all, but never twice in a row: that again and again is an end.
        const std::size_t taken = random.between(took_none ? 1 : 0, batch.bytes);
        took_none = taken == 0;
        std::size_t left = taken;
        for (std::size_t i = 0; i < batch.count && left != 0; ++i) {
          const std::size_t size = std::min(left, batch.buffers[i].size);
          peer_.append(reinterpret_cast<const char*>(batch.buffers[i].data), size);
          left -= size;
        }
        step([&](detail::Effects& e) { turn = queue_.finish_write({}, taken, false, batch, e); });
      }
      if (turn == Turn::kYield) {
        turn_.set();
      }
      if (turn == Turn::kShutdown || turn == Turn::kAcknowledge) {
        step([&](detail::Effects& e) { queue_.finish_shutdown({}, e); });
      }
    }
  }

  // Waits before the end, or comes behind it, and changes its mind now and then.
  void take_unwritten() {
    Random random(seed() + 2000);
    for (;;) {
      Blocking<detail::UnwrittenWaiter> waiter;
      if (!queue_.wait_unwritten(waiter)) {
        if (random.one_in(2)) {
          step([&](detail::Effects& e) {
            queue_.cancel(waiter, detail::ErrorValue::of(Errc::aborted), e);
          });
        }
        waiter.woken.wait();
      }
      if (!waiter.error && random.one_in(2)) {
        queue_.put_back(waiter.items);
      } else if (!waiter.error) {
        unwritten_ = waiter.items.take();
        return;
      }
    }
  }

  // Reads what anyone may read at any time, looks at the time, and flushes now and then.
  void watch() {
    while (!has_ended_) {
      ASSERT_LE(queue_.pending_bytes(), shape_.max_pending_bytes);
      ASSERT_LE(queue_.pending_items(), shape_.max_items);
      const WriteStatistics seen = queue_.statistics({});
      ASSERT_LE(seen.written_bytes, seen.admitted_bytes);
      ASSERT_LE(seen.reserved_bytes, shape_.max_pending_bytes);
      ASSERT_LE(seen.reserved_items, shape_.max_items);
      ASSERT_FALSE(queue_.was_ended_by_stream());
      step([this](detail::Effects& e) {
        static_cast<void>(queue_.tick(Queue::TimePoint() + std::chrono::seconds(1), false, e));
      });
      Blocking<detail::FlushWaiter> flush;
      if (!queue_.wait_flush(flush)) {
        flush.woken.wait();
      }
    }
  }

  void check() {
    EXPECT_EQ(queue_.pending_bytes(), 0U);
    EXPECT_EQ(queue_.pending_items(), 0U);
    EXPECT_EQ(queue_.statistics({}).reserved_bytes, 0U);
    EXPECT_EQ(queue_.statistics({}).reserved_items, 0U);
    const bool aborts = shape_.end == End::kAbort;
    EXPECT_EQ(queue_.has_ended_in_order(),
              shape_.end == End::kClose || shape_.end == End::kCloseAdmitting);
    EXPECT_TRUE(aborts || unwritten_.empty());
    EXPECT_TRUE(unwritten_of(queue_).value().empty());
    const std::string all = peer_ + rest_of(unwritten_);
    std::vector<std::size_t> next(shape_.producers, 0);
    for (std::size_t at = 0; at < all.size();) {
      const std::size_t end = all.find(';', at);
      ASSERT_NE(end, std::string::npos);
      const auto producer = static_cast<std::size_t>(all[at] - 'a');
      ASSERT_LT(producer, shape_.producers);
      ASSERT_EQ(std::stoul(all.substr(at + 1, end - at - 1)), next[producer]++);
      at = end + 1;
    }
    for (std::size_t i = 0; i < shape_.producers; ++i) {
      EXPECT_EQ(next[i], counts_[i].admitted);
      EXPECT_EQ(counts_[i].admitted, counts_[i].done + counts_[i].failed);
      EXPECT_TRUE(aborts || counts_[i].failed == 0);
    }
  }

  Shape shape_;
  Queue queue_;
  std::vector<Count> counts_;
  std::string peer_;
  UnwrittenEntries unwritten_;
  Signal turn_;
  std::atomic<bool> has_ended_{false};
};

TEST(WriteQueueThreads, ProducersWhoWaitCancelAndDropUntilAClose) {
  SCOPED_TRACE(seed_note());
  for (const std::size_t items : {1U, 2U, 16U}) {
    Threads({.producers = 4,
             .writes = 1500,
             .max_items = items,
             .max_pending_bytes = 64,
             .join_at_most = items,
             .max_step_items = items == 2 ? detail::kMaxStepItems : 1})
        .run();
  }
}

TEST(WriteQueueThreads, AnEndInTheMiddleLeavesNobodyWaiting) {
  SCOPED_TRACE(seed_note());
  for (int round = 0; round < 200; ++round) {
    constexpr End kEnds[] = {End::kAbort, End::kAbortAfterWritten, End::kCloseAdmitting};
    Threads({.producers = 3,
             .writes = 60,
             .max_items = 4,
             .max_pending_bytes = 20,
             .end = kEnds[round % 3],
             .join_at_most = round % 2 == 0 ? 0U : 10U,
             .max_step_items = round % 5 == 0 ? 1U : detail::kMaxStepItems})
        .run();
  }
}

}  // namespace
}  // namespace bytes_handoff::test
