#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "bytes_handoff/core/pipe/duplex_pipe.hpp"
#include "support/pattern.hpp"
#include "support/streams/pipe_requests.hpp"

namespace bytes_handoff::detail {
namespace {

using test::Reading;
using test::segment_of;
using test::WaitingFor;
using test::Writing;

class DuplexPipePathTest : public test::PipeFixture {
 protected:
  /// How long each of so many reads is.
  std::vector<std::size_t> read_sizes(const PipePath& path, std::size_t reads) {
    DuplexPipe pipe(1000);
    pipe.set_path(path);
    std::vector<std::size_t> sizes;
    for (std::size_t i = 0; i != reads; ++i) {
      std::string got;
      write(pipe, test::pattern(1000));
      read(pipe, got, 1000);
      sizes.push_back(got.size());
    }
    return sizes;
  }
};

// ---- Short reads and writes.

TEST_F(DuplexPipePathTest, LimitsEachWriteAlsoWithinItsSegments) {
  DuplexPipe pipe(16);
  pipe.set_path({.most_per_write = 3});
  expect_write(pipe, "abcd", PipeStatus::kDone, 3);
  std::array<std::string, 3> texts{"de", "fgh", "ij"};
  const std::array<PipeSegment, 3> from{segment_of(texts[0]), segment_of(texts[1]),
                                        segment_of(texts[2])};
  EXPECT_EQ(pipe.attempt(PipeAct::kWrite, from, settled()).bytes, 3U);
  expect_read(pipe, 16, "abcdef");
}

TEST_F(DuplexPipePathTest, LimitsEachReadAlsoOneThatIsParked) {
  DuplexPipe pipe(16);
  pipe.set_path({.most_per_read = 2});
  expect_write(pipe, "abc", PipeStatus::kDone, 3);
  expect_read(pipe, 16, "ab");
  expect_read(pipe, 16, "c");
  Reading reading(16);
  park(pipe, reading);
  expect_write(pipe, "defg", PipeStatus::kDone, 2);
  expect_only(reader_settled, reading, PipeStatus::kDone, 2);
  EXPECT_EQ(reading.got(), "de");
}

TEST_F(DuplexPipePathTest, LimitsAWriteThatIsParked) {
  DuplexPipe pipe(4);
  pipe.set_path({.most_per_write = 4});
  expect_write(pipe, "abcd", PipeStatus::kDone, 4);
  pipe.set_path({.most_per_write = 1});
  Writing writing("efgh");
  park(pipe, writing);
  expect_read(pipe, 16, "abcde");
  expect_only(writer_settled, writing, PipeStatus::kDone, 1);
}

// The numbers are the first that SplitMix64 has for a seed of zero.
TEST_F(DuplexPipePathTest, ASeedSaysHowLongEachReadIs) {
  std::vector<std::size_t> expected;
  for (const std::uint64_t random :
       {0xe220a8397b1dcdafU, 0x6e789e6aa1b965f4U, 0x06c45d188009454fU, 0xf88bb8a8724c81ecU}) {
    expected.push_back(1 + static_cast<std::size_t>(random % 100));
  }
  EXPECT_EQ(read_sizes({.most_per_read = 100, .random = 0, .is_random = true}, 4), expected);
}

TEST_F(DuplexPipePathTest, RandomSizesGoFromOneToTheMostAndDependOnTheSeed) {
  const auto sizes = read_sizes({.most_per_read = 5, .random = 7, .is_random = true}, 200);
  EXPECT_EQ(std::set<std::size_t>(sizes.begin(), sizes.end()),
            (std::set<std::size_t>{1, 2, 3, 4, 5}));
  EXPECT_EQ(read_sizes({.most_per_read = 5, .random = 7, .is_random = true}, 200), sizes);
  EXPECT_NE(read_sizes({.most_per_read = 5, .random = 8, .is_random = true}, 200), sizes);
}

TEST_F(DuplexPipePathTest, ASeedLeavesAloneWhatIsNotLimited) {
  DuplexPipe pipe(100);
  pipe.set_path({.most_per_write = 5, .random = 7, .is_random = true});
  std::string all;
  while (all.size() < 100) {
    const std::size_t n = write(pipe, test::pattern(100 - all.size(), all.size())).bytes;
    ASSERT_GE(n, 1U);
    ASSERT_LE(n, 5U);
    all += test::pattern(n, all.size());
  }
  expect_read(pipe, 100, test::pattern(100));
}

// ---- A fault behind so many bytes.

TEST_F(DuplexPipePathTest, NothingIsWrittenBehindTheFault) {
  DuplexPipe pipe(16);
  pipe.set_path({.bytes_to_fault = 5});
  expect_write(pipe, "abc", PipeStatus::kDone, 3);
  EXPECT_FALSE(pipe.has_met_fault());
  EXPECT_TRUE(pipe.holds(PipeAct::kWaitWritable));
  expect_write(pipe, "defg", PipeStatus::kDone, 2);
  EXPECT_TRUE(pipe.has_met_fault());
  EXPECT_FALSE(pipe.holds(PipeAct::kWaitWritable));
  expect_write(pipe, "fg", PipeStatus::kWouldBlock, 0);

  Writing writing("fg");
  WaitingFor writable(PipeAct::kWaitWritable);
  park(pipe, writing);
  park(pipe, writable);
  expect_read(pipe, 16, "abcde");
  expect_nothing_settled();
  EXPECT_TRUE(writing.is_parked) << "a read let a write in behind the fault";
  pipe.set_path({});  // it has healed
  EXPECT_FALSE(pipe.has_met_fault());
  pipe.cancel_all(PipeSide::kWriter, writer_settled);
  EXPECT_EQ(writer_settled.pop_front(), &writing);
  expect_only(writer_settled, writable, PipeStatus::kAborted);
  expect_write(pipe, "fg", PipeStatus::kDone, 2);
  expect_read(pipe, 16, "fg");
}

TEST_F(DuplexPipePathTest, AParkedWriteGoesAsFarAsTheFault) {
  DuplexPipe pipe(2);
  pipe.set_path({.bytes_to_fault = 3});
  expect_write(pipe, "ab", PipeStatus::kDone, 2);
  Writing writing("cdef");
  park(pipe, writing);
  expect_read(pipe, 16, "abc");
  expect_only(writer_settled, writing, PipeStatus::kDone, 1);
  EXPECT_TRUE(pipe.has_met_fault());
}

TEST_F(DuplexPipePathTest, AFailedPathTellsBothSidesBehindWhatWasWritten) {
  DuplexPipe pipe(2);
  expect_write(pipe, "ab", PipeStatus::kDone, 2);
  Writing writing("c");
  WaitingFor writable(PipeAct::kWaitWritable);
  WaitingFor broken(PipeAct::kWaitBroken);
  park(pipe, writing);
  park(pipe, writable);
  park(pipe, broken);
  EXPECT_FALSE(pipe.holds(PipeAct::kWaitBroken));
  pipe.fail(settled());
  EXPECT_EQ(writer_settled.pop_front(), &writing);
  EXPECT_EQ(writing.status, PipeStatus::kFailed);
  EXPECT_EQ(writer_settled.pop_front(), &writable);
  expect_only(writer_settled, broken, PipeStatus::kDone);
  EXPECT_TRUE(pipe.holds(PipeAct::kWaitBroken));
  expect_write(pipe, "c", PipeStatus::kFailed, 0);
  expect_read(pipe, 16, "ab");
  expect_read_fails(pipe, PipeStatus::kFailed);
}

TEST_F(DuplexPipePathTest, AFailedPathTellsAParkedRead) {
  DuplexPipe pipe(2);
  Reading reading(1);
  WaitingFor readable(PipeAct::kWaitReadable);
  park(pipe, reading);
  park(pipe, readable);
  pipe.fail(settled());
  EXPECT_EQ(reader_settled.pop_front(), &reading);
  EXPECT_EQ(reading.status, PipeStatus::kFailed);
  expect_only(reader_settled, readable, PipeStatus::kDone);
}

TEST_F(DuplexPipePathTest, ASideThatHasShutIsNotToldOfAFailure) {
  DuplexPipe pipe(2);
  pipe.end(PipeSide::kReader, PipeEnd::kShut, settled());
  pipe.fail(settled());
  expect_read_fails(pipe, PipeStatus::kEndOfStream);
  expect_write(pipe, "a", PipeStatus::kFailed, 0);
  pipe.end(PipeSide::kWriter, PipeEnd::kShut, settled());
  expect_write(pipe, "a", PipeStatus::kBroken, 0);
}

// ---- Bytes that are on their way.

TEST_F(DuplexPipePathTest, DelayedBytesAreReadAsTheyArrive) {
  DuplexPipe pipe(4);
  pipe.set_path({.is_delayed = true});
  expect_write(pipe, "abcdef", PipeStatus::kDone, 4);
  EXPECT_EQ(pipe.on_the_way(), 4U);
  EXPECT_EQ(pipe.size(), 0U);
  EXPECT_FALSE(pipe.holds(PipeAct::kWaitWritable)) << "they take room";
  EXPECT_FALSE(pipe.holds(PipeAct::kWaitReadable));
  expect_read_fails(pipe, PipeStatus::kWouldBlock);
  pipe.arrive(3, settled());
  EXPECT_EQ(pipe.on_the_way(), 1U);
  expect_read(pipe, 2, "ab");
  expect_read(pipe, 16, "c");
  pipe.arrive(100, settled());
  EXPECT_EQ(pipe.on_the_way(), 0U);
  expect_read(pipe, 16, "d");
  expect_nothing_settled();
}

TEST_F(DuplexPipePathTest, AParkedReadGetsDelayedBytesWhenTheyArrive) {
  DuplexPipe pipe(4);
  pipe.set_path({.is_delayed = true});
  Reading reading(2);
  WaitingFor readable(PipeAct::kWaitReadable);
  park(pipe, reading);
  park(pipe, readable);
  expect_write(pipe, "abc", PipeStatus::kDone, 3);
  expect_nothing_settled();
  pipe.arrive(0, settled());
  expect_nothing_settled();
  pipe.arrive(3, settled());
  EXPECT_EQ(reader_settled.pop_front(), &reading);
  EXPECT_EQ(reading.status, PipeStatus::kDone);
  EXPECT_EQ(reading.got(), "ab");
  expect_only(reader_settled, readable, PipeStatus::kDone);
  expect_read(pipe, 16, "c");
}

TEST_F(DuplexPipePathTest, AWaitIsLeftWhereAParkedReadTookAllThatArrived) {
  DuplexPipe pipe(4);
  pipe.set_path({.is_delayed = true});
  Reading reading(4);
  WaitingFor readable(PipeAct::kWaitReadable);
  park(pipe, reading);
  park(pipe, readable);
  expect_write(pipe, "ab", PipeStatus::kDone, 2);
  pipe.arrive(2, settled());
  expect_only(reader_settled, reading, PipeStatus::kDone, 2);
  EXPECT_TRUE(readable.is_parked);
  pipe.cancel_all(PipeSide::kReader, reader_settled);
  expect_only(reader_settled, readable, PipeStatus::kAborted);
}

TEST_F(DuplexPipePathTest, AParkedWriteIsDelayedAsWell) {
  DuplexPipe pipe(2);
  pipe.set_path({.is_delayed = true});
  expect_write(pipe, "ab", PipeStatus::kDone, 2);
  Writing writing("cd");
  park(pipe, writing);
  pipe.arrive(1, settled());
  expect_nothing_settled();
  expect_read(pipe, 16, "a");
  expect_only(writer_settled, writing, PipeStatus::kDone, 1);
  EXPECT_EQ(pipe.on_the_way(), 2U);
  pipe.arrive(2, settled());
  expect_read(pipe, 16, "bc");
}

TEST_F(DuplexPipePathTest, NothingOvertakesWhatIsOnItsWay) {
  DuplexPipe pipe(4);
  pipe.set_path({.is_delayed = true});
  Reading reading(4);
  park(pipe, reading);
  expect_write(pipe, "a", PipeStatus::kDone, 1);
  pipe.set_path({});
  expect_write(pipe, "b", PipeStatus::kDone, 1);
  EXPECT_EQ(pipe.on_the_way(), 2U);
  expect_nothing_settled();
  pipe.arrive(2, settled());
  expect_only(reader_settled, reading, PipeStatus::kDone, 2);
  EXPECT_EQ(reading.got(), "ab");

  park(pipe, reading);
  expect_write(pipe, "c", PipeStatus::kDone, 1);
  expect_only(reader_settled, reading, PipeStatus::kDone, 1);
}

TEST_F(DuplexPipePathTest, AReaderLearnsOfTheEndBehindWhatIsOnItsWay) {
  DuplexPipe pipe(4);
  pipe.set_path({.is_delayed = true});
  Reading reading(1);
  park(pipe, reading);
  expect_write(pipe, "ab", PipeStatus::kDone, 2);
  pipe.end(PipeSide::kWriter, PipeEnd::kShut, settled());
  expect_nothing_settled();
  EXPECT_TRUE(reading.is_parked);
  EXPECT_FALSE(pipe.holds(PipeAct::kWaitReadable));
  pipe.arrive(1, settled());
  expect_only(reader_settled, reading, PipeStatus::kDone, 1);
  EXPECT_EQ(reading.got(), "a");
  expect_read_fails(pipe, PipeStatus::kWouldBlock);
  park(pipe, reading);
  pipe.arrive(1, settled());
  expect_only(reader_settled, reading, PipeStatus::kDone, 1);
  EXPECT_EQ(reading.got(), "b");
  expect_read_fails(pipe, PipeStatus::kEndOfStream);
}

TEST_F(DuplexPipePathTest, AReaderThatShutsDoesNotWaitForWhatIsOnItsWay) {
  DuplexPipe pipe(4);
  pipe.set_path({.is_delayed = true});
  Reading reading(1);
  park(pipe, reading);
  expect_write(pipe, "ab", PipeStatus::kDone, 2);
  pipe.end(PipeSide::kReader, PipeEnd::kShut, settled());
  expect_only(reader_settled, reading, PipeStatus::kEndOfStream);
  expect_read_fails(pipe, PipeStatus::kEndOfStream);
}

TEST_F(DuplexPipePathTest, AFailureDoesNotOvertakeWhatIsOnItsWay) {
  DuplexPipe pipe(4);
  pipe.set_path({.is_delayed = true});
  expect_write(pipe, "a", PipeStatus::kDone, 1);
  pipe.fail(settled());
  expect_read_fails(pipe, PipeStatus::kWouldBlock);
  Reading reading(1);
  WaitingFor readable(PipeAct::kWaitReadable);
  park(pipe, reading);
  park(pipe, readable);
  pipe.arrive(1, settled());
  EXPECT_EQ(reader_settled.pop_front(), &reading);
  EXPECT_EQ(reading.got(), "a");
  expect_only(reader_settled, readable, PipeStatus::kDone);
  expect_read_fails(pipe, PipeStatus::kFailed);
}

TEST_F(DuplexPipePathTest, AClosedReaderDropsWhatIsOnItsWay) {
  DuplexPipe pipe(4);
  pipe.set_path({.is_delayed = true});
  expect_write(pipe, "ab", PipeStatus::kDone, 2);
  pipe.end(PipeSide::kReader, PipeEnd::kClosed, settled());
  EXPECT_EQ(pipe.on_the_way(), 0U);
  EXPECT_FALSE(pipe.has_storage());
  pipe.arrive(2, settled());
  EXPECT_EQ(pipe.size(), 0U);
}

}  // namespace
}  // namespace bytes_handoff::detail
