// Bytes and BytesMut across threads; what ThreadSanitizer is to look at.
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/bytes_mut.hpp"
#include "support/memory/counting_resource.hpp"
#include "support/pattern.hpp"

namespace bytes_handoff {
namespace {

using test::CountingResource;
using test::pattern;

TEST(BytesThreads, OneSliceIsCopiedSlicedAndDroppedByManyAtOnce) {
  CountingResource source;
  {
    BytesMut filled = BytesMut::with_capacity(1000, &source);
    filled.extend(pattern(1000));
    const Bytes shared = std::move(filled).freeze();
    std::latch start(2);
    const auto work = [&](std::size_t step) {
      start.arrive_and_wait();
      std::size_t wrong = 0;
      for (std::size_t i = 0; i < 20'000; ++i) {
        Bytes copy = shared;
        Bytes part = copy.slice((i * step) % 900, 100).value();
        copy = Bytes();
        wrong += part.view() != shared.view().substr((i * step) % 900, 100);
      }
      return wrong;
    };
    std::size_t wrong_there = 0;
    std::thread other([&] { wrong_there = work(7); });
    const std::size_t wrong_here = work(13);
    other.join();
    EXPECT_EQ(wrong_here + wrong_there, 0U);
    EXPECT_EQ(source.blocks_out(), 1U);
  }
  EXPECT_EQ(source.blocks_out(), 0U);
}

TEST(BytesThreads, TheLastSliceMayGoOnAnotherThread) {
  CountingResource source;
  for (int round = 0; round < 200; ++round) {
    BytesMut filled = BytesMut::with_capacity(64, &source);
    filled.extend(pattern(64));
    Bytes mine = filled.split_to_frozen(32).value();
    Bytes theirs = std::move(filled).freeze();
    std::latch start(2);
    std::thread other([&start, slice = std::move(theirs)]() mutable {
      start.arrive_and_wait();
      slice.clear();
    });
    start.arrive_and_wait();
    mine.clear();
    other.join();
    ASSERT_EQ(source.blocks_out(), 0U);
  }
}

struct NotesItsThread : std::vector<char> {
  explicit NotesItsThread(std::thread::id* note) : vector{'a', 'b'}, note_(note) {}
  NotesItsThread(NotesItsThread&& other) noexcept
      : vector(std::move(other)), note_(std::exchange(other.note_, nullptr)) {}
  NotesItsThread& operator=(NotesItsThread&&) = default;
  ~NotesItsThread() {
    if (note_ != nullptr) *note_ = std::this_thread::get_id();
  }

 private:
  std::thread::id* note_;
};

TEST(BytesThreads, AForeignOwnerIsDestroyedOnTheThreadThatDropsTheLastSlice) {
  std::thread::id destroyed_on;
  Bytes mine = Bytes::from_owner(NotesItsThread(&destroyed_on));
  std::latch dropped(1);
  std::thread other([&dropped, slice = mine.slice(0, 1).value()]() mutable {
    dropped.wait();
    slice.clear();
  });
  const std::thread::id expected = other.get_id();
  mine.clear();
  dropped.count_down();
  other.join();
  EXPECT_EQ(destroyed_on, expected);
}

// The filler uses a block again as soon as the reader has dropped what it read from it.
TEST(BytesThreads, ReclaimingWaitsForReadersOfTheBlock) {
  CountingResource source;
  constexpr std::size_t kFrames = 20'000;
  constexpr std::size_t kFrame = 48;
  std::mutex mutex;
  std::vector<Bytes> handed_over;
  std::size_t wrong = 0;
  std::thread reader([&] {
    std::size_t seen = 0;
    std::vector<Bytes> mine;
    while (seen < kFrames) {
      {
        std::lock_guard lock(mutex);
        mine.swap(handed_over);
      }
      for (const Bytes& frame : mine) {
        wrong += frame.view() != std::string(kFrame, static_cast<char>('a' + seen++ % 26));
      }
      mine.clear();
      std::this_thread::yield();
    }
  });
  {
    BytesMut filler = BytesMut::with_capacity(1024, &source);
    for (std::size_t i = 0; i < kFrames; ++i) {
      while (!filler.try_reclaim(kFrame)) {
        std::this_thread::yield();
      }
      filler.extend(std::string(kFrame, static_cast<char>('a' + i % 26)));
      std::lock_guard lock(mutex);
      handed_over.push_back(filler.split_to_frozen(kFrame).value());
    }
  }
  reader.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(source.allocations(), 1U);
  EXPECT_EQ(source.blocks_out(), 0U);
}

TEST(BytesThreads, RegionsOfOneBlockAreWrittenByTheirOwnersAtOnce) {
  CountingResource source;
  BytesMut back = BytesMut::with_capacity(4096, &source);
  back.extend(std::string(4096, ' '));
  BytesMut front = back.split_to(2048).value();
  std::latch start(2);
  std::atomic<std::size_t> wrong = 0;
  const auto work = [&](BytesMut& mine, char mark) {
    start.arrive_and_wait();
    for (int i = 0; i < 500; ++i) {
      mine.span()[0] = static_cast<std::byte>(mark);
      const Bytes written = mine.split_to_frozen(1).value();
      wrong += written.view() != std::string_view(&mark, 1);
    }
  };
  std::thread other([&] { work(front, 'f'); });
  work(back, 'b');
  other.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(front.size(), 1548U);
  EXPECT_EQ(back.size(), 1548U);
  EXPECT_FALSE(back.is_unique());
  front = BytesMut();
  EXPECT_TRUE(back.is_unique());
}

}  // namespace
}  // namespace bytes_handoff
