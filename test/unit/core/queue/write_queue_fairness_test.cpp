// Who gets in when many want to, and how many are woken for it.
#include <gtest/gtest.h>

#include <deque>
#include <string>

#include "bytes_handoff/core/queue/write_queue.hpp"
#include "support/queue/queue_fixture.hpp"
#include "support/stepping/seed.hpp"

namespace bytes_handoff::test {
namespace {

constexpr std::size_t kProducers = 8;

/// Producers that submit again as soon as they were admitted, so that the queue stays full.
class WriteQueueFairness : public QueueTest {
 protected:
  void start() {
    for (std::size_t i = 0; i < kProducers; ++i) {
      submit_of(i);
    }
  }

  /// The next write of a producer.
  void submit_of(std::size_t producer) {
    const std::size_t number = submitted_;
    const std::string bytes(random_.between(1, 8), static_cast<char>('a' + number % 26));
    newest_[producer] = number;
    submit_next(bytes);
  }

  void submit_next(const std::string& bytes) {
    const std::size_t number = submitted_++;
    expected_ += bytes;
    if (wait(probes_.emplace_back(bytes, std::to_string(number), &resumed_)) == Wait::kAdmitted) {
      EXPECT_EQ(admitted_, number) << "it came behind others, and was admitted before them";
      ++admitted_;
    }
  }

  /// The stream goes on; who was resumed, was so in order, once, and submits again.
  void step_stream(std::size_t take) {
    if (stream().is_writing()) {
      stream().finish(Reply::only(take));
    } else if (stream().turn_posted()) {
      ++turns_;
      stream().begin();
    }
    for (const std::string& name : std::exchange(resumed_, {})) {
      ++wake_ups_;
      ASSERT_EQ(name, std::to_string(admitted_)) << "not the first of the line";
      ASSERT_TRUE(probes_[admitted_].was_admitted());
      ++admitted_;
    }
    for (std::size_t producer = 0; producer < kProducers; ++producer) {
      if (newest_[producer] < admitted_) {
        submit_of(producer);
      }
    }
  }

  Random random_;
  std::deque<WriteProbe> probes_;
  ResumeLog resumed_;
  std::size_t newest_[kProducers] = {};
  std::size_t submitted_ = 0;
  std::size_t admitted_ = 0;
  std::size_t wake_ups_ = 0;
  std::size_t turns_ = 0;
  std::string expected_;
};

TEST_F(WriteQueueFairness, UnderContentionTheLineIsServedInOrderWithTwoWakeUpsAnAdmissionAtMost) {
  SCOPED_TRACE(seed_note());
  for (const std::size_t max_items : {1U, 2U, 5U}) {
    open({.max_items = max_items, .max_pending_bytes = 12});
    submitted_ = admitted_ = wake_ups_ = turns_ = 0;
    expected_.clear();
    probes_.clear();
    start();
    for (int step = 0; step < 2000; ++step) {
      ASSERT_NO_FATAL_FAILURE(step_stream(random_.between(0, 4)));
      ASSERT_LE(wake_ups_, admitted_);
      ASSERT_LE(wake_ups_ + turns_, 2 * admitted_) << "turns and resumed writes";
    }
    EXPECT_GT(admitted_, 100U);
    EXPECT_GT(queue().statistics({}).waits, admitted_ / 2) << "there was no contention";
    EXPECT_EQ(expected_.substr(0, stream().received().size()), stream().received());
    abort();
    stream().run();
    resumed_.clear();
  }
}

TEST_F(WriteQueueFairness, AFullBudgetWriteGetsInWithWhatWasThereBeforeIt) {
  SCOPED_TRACE(seed_note());
  constexpr std::size_t kBudget = 64;
  open({.max_items = 64, .max_pending_bytes = kBudget});
  start();
  for (int round = 0; round < 50; ++round) {
    for (std::size_t n = random_.between(0, 20); n != 0; --n) {
      ASSERT_NO_FATAL_FAILURE(step_stream(random_.between(0, 20)));
    }
    const std::size_t bytes_before = expected_.size();
    const std::size_t number = submitted_;
    submit_next(std::string(kBudget, 'F'));
    while (admitted_ <= number) {
      EXPECT_FALSE(send("x")) << "barged";
      ASSERT_LT(stream().received().size(), bytes_before) << "more was let in before it";
      ASSERT_NO_FATAL_FAILURE(step_stream(random_.between(1, 20)));
    }
    EXPECT_EQ(stream().received().size(), bytes_before);
  }
  abort();
  stream().run();
}

}  // namespace
}  // namespace bytes_handoff::test
