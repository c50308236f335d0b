#include "bytes_handoff/core/pipe/duplex_pipe.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory_resource>
#include <stdexcept>
#include <string>

#include "support/memory/allocation_counter.hpp"
#include "support/pattern.hpp"
#include "support/streams/pipe_requests.hpp"

namespace bytes_handoff::detail {
namespace {

using test::Reading;
using test::segment_of;
using test::WaitingFor;
using test::Writing;

using DuplexPipeTest = test::PipeFixture;

TEST_F(DuplexPipeTest, StartsEmptyWithoutStorage) {
  const DuplexPipe pipe(16);
  EXPECT_EQ(pipe.capacity(), 16U);
  EXPECT_EQ(pipe.size(), 0U);
  EXPECT_FALSE(pipe.has_storage());
  EXPECT_FALSE(pipe.is_closed(PipeSide::kReader));
  EXPECT_FALSE(pipe.is_closed(PipeSide::kWriter));
  EXPECT_FALSE(pipe.holds(PipeAct::kWaitReadable));
  EXPECT_TRUE(pipe.holds(PipeAct::kWaitWritable));
  EXPECT_FALSE(pipe.holds(PipeAct::kWaitBroken));
}

TEST_F(DuplexPipeTest, GivesBackWhatWasWrittenInOrder) {
  DuplexPipe pipe(16);
  expect_write(pipe, "abc", PipeStatus::kDone, 3);
  expect_write(pipe, "def", PipeStatus::kDone, 3);
  EXPECT_TRUE(pipe.has_storage());
  expect_read(pipe, 4, "abcd");
  expect_read(pipe, 100, "ef");
  expect_read_fails(pipe, PipeStatus::kWouldBlock);
}

TEST_F(DuplexPipeTest, WritesShortAndBlocksWhenFull) {
  DuplexPipe pipe(4);
  expect_write(pipe, "abcdef", PipeStatus::kDone, 4);
  EXPECT_EQ(pipe.size(), 4U);
  EXPECT_FALSE(pipe.holds(PipeAct::kWaitWritable));
  expect_write(pipe, "ef", PipeStatus::kWouldBlock, 0);
  expect_read(pipe, 1, "a");
  expect_write(pipe, "ef", PipeStatus::kDone, 1);
  expect_read(pipe, 9, "bcde");
}

TEST_F(DuplexPipeTest, WrapsAtEveryPlace) {
  for (std::size_t capacity = 1; capacity <= 9; ++capacity) {
    for (std::size_t place = 0; place < capacity; ++place) {
      DuplexPipe pipe(capacity);
      const std::string lead = test::pattern(place + 1);
      const std::string text = test::pattern(capacity, 100);
      expect_write(pipe, lead, PipeStatus::kDone, place + 1);
      if (place != 0) expect_read(pipe, place, lead.substr(0, place));
      expect_write(pipe, text, capacity == 1 ? PipeStatus::kWouldBlock : PipeStatus::kDone,
                   capacity - 1);
      EXPECT_EQ(pipe.size(), capacity);
      expect_read(pipe, capacity, lead.substr(place) + text.substr(0, capacity - 1));
      EXPECT_EQ(pipe.size(), 0U);
    }
  }
}

TEST_F(DuplexPipeTest, GathersAndScattersAcrossSegments) {
  DuplexPipe pipe(8);
  std::array<std::string, 5> texts{"", "ab", "", "cdef", "ghij"};
  std::array<PipeSegment, 5> from{};
  std::ranges::transform(texts, from.begin(), segment_of);
  EXPECT_EQ(pipe.attempt(PipeAct::kWrite, from, settled()).bytes, 8U);
  std::array<std::byte, 10> memory{};
  const std::array<PipeSegment, 4> into{
      {{memory.data(), 3}, {memory.data(), 0}, {&memory[3], 1}, {&memory[4], 6}}};
  const PipeResult result = pipe.attempt(PipeAct::kRead, into, settled());
  EXPECT_EQ(result.bytes, 8U);
  EXPECT_EQ(std::memcmp(memory.data(), "abcdefgh", 8), 0);
}

TEST_F(DuplexPipeTest, NothingAskedForIsDoneInEveryOpenState) {
  DuplexPipe pipe(1);
  expect_write(pipe, "", PipeStatus::kDone, 0);
  std::string got;
  EXPECT_EQ(read(pipe, got, 0).status, PipeStatus::kDone);
  EXPECT_EQ(pipe.attempt(PipeAct::kRead, {}, settled()).status, PipeStatus::kDone);
  EXPECT_EQ(pipe.attempt(PipeAct::kWrite, {}, settled()).status, PipeStatus::kDone);
  EXPECT_FALSE(pipe.has_storage());
  expect_write(pipe, "x", PipeStatus::kDone, 1);
  expect_write(pipe, "", PipeStatus::kDone, 0);
  pipe.end(PipeSide::kWriter, PipeEnd::kShut, settled());
  expect_write(pipe, "", PipeStatus::kDone, 0);
  pipe.end(PipeSide::kWriter, PipeEnd::kClosed, settled());
  expect_write(pipe, "", PipeStatus::kClosed, 0);
}

TEST_F(DuplexPipeTest, AWriteMeetsAParkedReadWithoutTheRing) {
  DuplexPipe pipe(4);
  Reading reading(8);
  park(pipe, reading);
  expect_write(pipe, "abc", PipeStatus::kDone, 3);
  expect_only(reader_settled, reading, PipeStatus::kDone, 3);
  EXPECT_EQ(reading.got(), "abc");
  EXPECT_FALSE(pipe.has_storage());
  EXPECT_EQ(reading.resumptions, 0);
}

TEST_F(DuplexPipeTest, AParkedReadTakesWhatItCanAndTheWriteIsShort) {
  DuplexPipe pipe(4);
  Reading reading(2);
  park(pipe, reading);
  expect_write(pipe, "abcdefgh", PipeStatus::kDone, 2);
  expect_only(reader_settled, reading, PipeStatus::kDone, 2);
  EXPECT_EQ(reading.got(), "ab");
  EXPECT_FALSE(pipe.has_storage()) << "bytes that met a read went through the ring";
  expect_write(pipe, "cdefgh", PipeStatus::kDone, 4);
  expect_read(pipe, 8, "cdef");
}

TEST_F(DuplexPipeTest, AReadMeetsAParkedWriteAndItsRestIsBuffered) {
  DuplexPipe pipe(2);
  expect_write(pipe, "ab", PipeStatus::kDone, 2);
  Writing writing("cdefgh");
  park(pipe, writing);
  expect_read(pipe, 5, "abcde");
  expect_only(writer_settled, writing, PipeStatus::kDone, 5);
  expect_read(pipe, 5, "fg");
}

TEST_F(DuplexPipeTest, AShortReadLetsAParkedWriteInPartly) {
  DuplexPipe pipe(3);
  expect_write(pipe, "abc", PipeStatus::kDone, 3);
  Writing writing("defg");
  park(pipe, writing);
  expect_read(pipe, 2, "ab");
  expect_only(writer_settled, writing, PipeStatus::kDone, 2);
  expect_read(pipe, 9, "cde");
}

TEST_F(DuplexPipeTest, ASecondParkedRequestIsRefused) {
  DuplexPipe pipe(1);
  Reading reading(1);
  Reading another_reading(1);
  park(pipe, reading);
  pipe.start(another_reading, settled());
  expect_only(reader_settled, another_reading, PipeStatus::kBusy);
  pipe.cancel_all(PipeSide::kReader, reader_settled);
  expect_only(reader_settled, reading, PipeStatus::kAborted);

  expect_write(pipe, "a", PipeStatus::kDone, 1);
  Writing writing("b");
  Writing another_writing("c");
  park(pipe, writing);
  pipe.start(another_writing, settled());
  expect_only(writer_settled, another_writing, PipeStatus::kBusy);
  pipe.cancel_all(PipeSide::kWriter, writer_settled);
  expect_only(writer_settled, writing, PipeStatus::kAborted);
  expect_read(pipe, 9, "a");
}

TEST_F(DuplexPipeTest, CancellationOfOneTakesThatRequestOnly) {
  DuplexPipe pipe(1);
  Reading reading(1);
  Reading stranger(1);
  WaitingFor first(PipeAct::kWaitReadable);
  WaitingFor second(PipeAct::kWaitReadable);
  park(pipe, reading);
  park(pipe, first);
  park(pipe, second);
  pipe.cancel(stranger, reader_settled);
  expect_nothing_settled();
  pipe.cancel(first, reader_settled);
  expect_only(reader_settled, first, PipeStatus::kAborted);
  pipe.cancel(first, reader_settled);
  expect_nothing_settled();
  pipe.cancel(reading, reader_settled);
  expect_only(reader_settled, reading, PipeStatus::kAborted);
  expect_write(pipe, "x", PipeStatus::kDone, 1);
  expect_only(reader_settled, second, PipeStatus::kDone);
  pipe.cancel(second, reader_settled);
  expect_nothing_settled();

  Writing writing("y");
  WaitingFor room(PipeAct::kWaitWritable);
  WaitingFor broken(PipeAct::kWaitBroken);
  park(pipe, writing);
  park(pipe, room);
  park(pipe, broken);
  pipe.cancel(room, writer_settled);
  expect_only(writer_settled, room, PipeStatus::kAborted);
  pipe.cancel(writing, writer_settled);
  expect_only(writer_settled, writing, PipeStatus::kAborted);
  pipe.cancel_all(PipeSide::kWriter, writer_settled);
  expect_only(writer_settled, broken, PipeStatus::kAborted);
  expect_read(pipe, 9, "x");
}

TEST_F(DuplexPipeTest, AWaitIsCancelledInPlaceHoweverManyStandBesideIt) {
  constexpr std::size_t kWaits = 1'000'000;  // a scan for each would take minutes
  DuplexPipe pipe(1);
  std::deque<WaitingFor> waits;
  for (std::size_t i = 0; i < kWaits; ++i) {
    park(pipe, waits.emplace_back(PipeAct::kWaitReadable));
  }
  for (std::size_t i = kWaits; i-- != 0;) {
    pipe.cancel(waits[i], reader_settled);
    ASSERT_EQ(reader_settled.pop_front(), &waits[i]);
  }
  EXPECT_EQ(waits.front().status, PipeStatus::kAborted);
  expect_nothing_settled();
}

TEST_F(DuplexPipeTest, WaitsAreSettledInOrderByWhatChanges) {
  DuplexPipe pipe(1);
  WaitingFor one(PipeAct::kWaitReadable);
  WaitingFor two(PipeAct::kWaitReadable);
  park(pipe, one);
  park(pipe, two);
  expect_write(pipe, "a", PipeStatus::kDone, 1);
  EXPECT_EQ(reader_settled.pop_front(), &one);
  expect_only(reader_settled, two, PipeStatus::kDone);

  WaitingFor room(PipeAct::kWaitWritable);
  park(pipe, room);
  expect_read(pipe, 1, "a");
  expect_only(writer_settled, room, PipeStatus::kDone);
}

TEST_F(DuplexPipeTest, AWaitStaysWhereAParkedRequestTookEverything) {
  DuplexPipe pipe(2);
  Reading reading(8);
  WaitingFor readable(PipeAct::kWaitReadable);
  park(pipe, reading);
  park(pipe, readable);
  expect_write(pipe, "a", PipeStatus::kDone, 1);
  expect_only(reader_settled, reading, PipeStatus::kDone, 1);

  expect_write(pipe, "bc", PipeStatus::kDone, 2);
  expect_only(reader_settled, readable, PipeStatus::kDone);
  Writing writing("defg");
  WaitingFor writable(PipeAct::kWaitWritable);
  park(pipe, writing);
  park(pipe, writable);
  expect_read(pipe, 2, "bc");
  expect_only(writer_settled, writing, PipeStatus::kDone, 2);
  pipe.cancel_all(PipeSide::kWriter, writer_settled);
  expect_only(writer_settled, writable, PipeStatus::kAborted);
}

TEST_F(DuplexPipeTest, WithoutMemoryForTheRingNothingIsWritten) {
  DuplexPipe pipe(64);
  Reading reading(2);
  {
    const test::FailingAllocations failing;
    expect_write(pipe, "abc", PipeStatus::kNoMemory, 0);
    park(pipe, reading);
    expect_write(pipe, "abc", PipeStatus::kDone, 2);
  }
  expect_only(reader_settled, reading, PipeStatus::kDone, 2);
  expect_write(pipe, "abc", PipeStatus::kDone, 3);
  expect_read(pipe, 9, "abc");
}

/// Counts what is asked of it, and throws what it is told to.
class RingSource final : public std::pmr::memory_resource {
 public:
  std::size_t bytes_out = 0;
  std::size_t alignment = 0;
  bool fails = false;

 private:
  void* do_allocate(std::size_t bytes, std::size_t asked_alignment) override {
    if (fails) throw std::logic_error("no exception that allocators throw");
    alignment = asked_alignment;
    bytes_out += bytes;
    return std::pmr::new_delete_resource()->allocate(bytes, asked_alignment);
  }
  void do_deallocate(void* memory, std::size_t bytes, std::size_t asked_alignment) override {
    bytes_out -= bytes;
    std::pmr::new_delete_resource()->deallocate(memory, bytes, asked_alignment);
  }
  [[nodiscard]] bool do_is_equal(const memory_resource& other) const noexcept override {
    return this == &other;
  }
};

TEST_F(DuplexPipeTest, TheRingComesFromTheBlockSourceAndGoesBackThere) {
  RingSource source;
  {
    DuplexPipe closed(100, &source);
    expect_write(closed, "ab", PipeStatus::kDone, 2);
    EXPECT_EQ(source.bytes_out, 100U);
    EXPECT_EQ(source.alignment, 64U);
    closed.end(PipeSide::kReader, PipeEnd::kClosed, settled());
    EXPECT_EQ(source.bytes_out, 0U);
    DuplexPipe destroyed(7, &source);
    expect_write(destroyed, "ab", PipeStatus::kDone, 2);
    EXPECT_EQ(source.bytes_out, 7U);
  }
  EXPECT_EQ(source.bytes_out, 0U);
}

TEST_F(DuplexPipeTest, WhateverTheBlockSourceThrowsIsNoMemoryForThatWrite) {
  RingSource source;
  source.fails = true;
  DuplexPipe pipe(100, &source);
  expect_write(pipe, "ab", PipeStatus::kNoMemory, 0);
  source.fails = false;
  expect_write(pipe, "ab", PipeStatus::kDone, 2);
  expect_read(pipe, 9, "ab");
}

TEST_F(DuplexPipeTest, TheLargestCapacityDoesNotWrap) {
  DuplexPipe pipe(SIZE_MAX);
  Reading reading(3);
  park(pipe, reading);
  const test::FailingAllocations failing;
  expect_write(pipe, "abcd", PipeStatus::kDone, 3);
  expect_only(reader_settled, reading, PipeStatus::kDone, 3);
  expect_write(pipe, "abcd", PipeStatus::kNoMemory, 0);
}

TEST_F(DuplexPipeTest, TheRingIsAllocatedOnce) {
  DuplexPipe pipe(100);
  const test::AllocationScope scope;
  for (int i = 0; i < 10; ++i) {
    expect_write(pipe, "ab", PipeStatus::kDone, 2);
    std::array<std::byte, 2> memory{};
    const PipeSegment segment{memory.data(), 2};
    EXPECT_EQ(pipe.attempt(PipeAct::kRead, {&segment, 1}, settled()).bytes, 2U);
  }
  EXPECT_LE(scope.allocations(), 1U);
}

TEST_F(DuplexPipeTest, AWaitForWhatIsSoIsDoneAtOnce) {
  DuplexPipe pipe(4);
  const auto status = [&](PipeAct wait) { return pipe.attempt(wait, {}, settled()).status; };
  EXPECT_EQ(status(PipeAct::kWaitWritable), PipeStatus::kDone);
  EXPECT_EQ(status(PipeAct::kWaitReadable), PipeStatus::kWouldBlock);
  expect_write(pipe, "abcd", PipeStatus::kDone, 4);
  EXPECT_EQ(status(PipeAct::kWaitWritable), PipeStatus::kWouldBlock);
  EXPECT_EQ(status(PipeAct::kWaitReadable), PipeStatus::kDone);
}

}  // namespace
}  // namespace bytes_handoff::detail
