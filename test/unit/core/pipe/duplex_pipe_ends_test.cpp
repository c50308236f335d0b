#include <gtest/gtest.h>

#include "bytes_handoff/core/pipe/duplex_pipe.hpp"
#include "support/streams/pipe_requests.hpp"

namespace bytes_handoff::detail {
namespace {

using test::Reading;
using test::WaitingFor;
using test::Writing;

using DuplexPipeTest = test::PipeFixture;

TEST_F(DuplexPipeTest, AShutWriterEndsTheStreamBehindItsBytes) {
  DuplexPipe pipe(8);
  expect_write(pipe, "abc", PipeStatus::kDone, 3);
  pipe.end(PipeSide::kWriter, PipeEnd::kShut, settled());
  expect_write(pipe, "d", PipeStatus::kBroken, 0);
  EXPECT_TRUE(pipe.holds(PipeAct::kWaitReadable));
  EXPECT_TRUE(pipe.holds(PipeAct::kWaitWritable));
  EXPECT_FALSE(pipe.holds(PipeAct::kWaitBroken));
  expect_read(pipe, 2, "ab");
  expect_read(pipe, 2, "c");
  expect_read_fails(pipe, PipeStatus::kEndOfStream);
  EXPECT_TRUE(pipe.holds(PipeAct::kWaitReadable));
  EXPECT_FALSE(pipe.is_closed(PipeSide::kWriter));
  pipe.end(PipeSide::kWriter, PipeEnd::kShut, settled());
  expect_nothing_settled();
}

TEST_F(DuplexPipeTest, ShuttingTheWriterSettlesWhatIsParked) {
  DuplexPipe empty(1);
  Reading reading(1);
  WaitingFor readable(PipeAct::kWaitReadable);
  park(empty, reading);
  park(empty, readable);
  empty.end(PipeSide::kWriter, PipeEnd::kShut, settled());
  EXPECT_EQ(reader_settled.pop_front(), &reading);
  EXPECT_EQ(reading.status, PipeStatus::kEndOfStream);
  expect_only(reader_settled, readable, PipeStatus::kDone);

  DuplexPipe full(1);
  expect_write(full, "a", PipeStatus::kDone, 1);
  Writing writing("b");
  WaitingFor writable(PipeAct::kWaitWritable);
  WaitingFor broken(PipeAct::kWaitBroken);
  park(full, writing);
  park(full, writable);
  park(full, broken);
  full.end(PipeSide::kWriter, PipeEnd::kShut, settled());
  EXPECT_EQ(writer_settled.pop_front(), &writing);
  EXPECT_EQ(writing.status, PipeStatus::kBroken);
  expect_only(writer_settled, writable, PipeStatus::kDone);
  expect_read(full, 9, "a");
  full.cancel_all(PipeSide::kWriter, writer_settled);
  expect_only(writer_settled, broken, PipeStatus::kAborted);
}

TEST_F(DuplexPipeTest, AShutReaderBreaksWritesAndKeepsWhatIsBuffered) {
  DuplexPipe pipe(2);
  expect_write(pipe, "ab", PipeStatus::kDone, 2);
  Writing writing("c");
  WaitingFor broken(PipeAct::kWaitBroken);
  park(pipe, writing);
  park(pipe, broken);
  pipe.end(PipeSide::kReader, PipeEnd::kShut, settled());
  EXPECT_EQ(writer_settled.pop_front(), &writing);
  EXPECT_EQ(writing.status, PipeStatus::kBroken);
  expect_only(writer_settled, broken, PipeStatus::kDone);
  expect_write(pipe, "d", PipeStatus::kBroken, 0);
  EXPECT_TRUE(pipe.holds(PipeAct::kWaitBroken));
  expect_read(pipe, 9, "ab");
  expect_read_fails(pipe, PipeStatus::kEndOfStream);
  pipe.end(PipeSide::kReader, PipeEnd::kShut, settled());
  expect_nothing_settled();
}

TEST_F(DuplexPipeTest, ShuttingTheReaderEndsItsParkedRead) {
  DuplexPipe pipe(2);
  Reading reading(1);
  park(pipe, reading);
  pipe.end(PipeSide::kReader, PipeEnd::kShut, settled());
  expect_only(reader_settled, reading, PipeStatus::kEndOfStream);
}

TEST_F(DuplexPipeTest, AClosedWriterLeavesItsBytes) {
  DuplexPipe pipe(1);
  expect_write(pipe, "a", PipeStatus::kDone, 1);
  Writing writing("b");
  WaitingFor broken(PipeAct::kWaitBroken);
  park(pipe, writing);
  park(pipe, broken);
  pipe.end(PipeSide::kWriter, PipeEnd::kClosed, settled());
  EXPECT_TRUE(pipe.is_closed(PipeSide::kWriter));
  EXPECT_EQ(writer_settled.pop_front(), &writing);
  EXPECT_EQ(writing.status, PipeStatus::kAborted);
  expect_only(writer_settled, broken, PipeStatus::kAborted);
  expect_write(pipe, "c", PipeStatus::kClosed, 0);
  EXPECT_TRUE(pipe.holds(PipeAct::kWaitBroken));
  expect_read(pipe, 9, "a");
  expect_read_fails(pipe, PipeStatus::kEndOfStream);
}

TEST_F(DuplexPipeTest, AClosedWriterEndsAParkedRead) {
  DuplexPipe pipe(1);
  Reading reading(1);
  park(pipe, reading);
  pipe.end(PipeSide::kWriter, PipeEnd::kClosed, settled());
  expect_only(reader_settled, reading, PipeStatus::kEndOfStream);
}

TEST_F(DuplexPipeTest, AClosedReaderDropsTheRingAndBreaksWrites) {
  DuplexPipe pipe(2);
  expect_write(pipe, "ab", PipeStatus::kDone, 2);
  Writing writing("c");
  park(pipe, writing);
  pipe.end(PipeSide::kReader, PipeEnd::kClosed, settled());
  expect_only(writer_settled, writing, PipeStatus::kBroken);
  EXPECT_TRUE(pipe.is_closed(PipeSide::kReader));
  EXPECT_FALSE(pipe.has_storage());
  EXPECT_EQ(pipe.size(), 0U);
  expect_read_fails(pipe, PipeStatus::kClosed);
  expect_write(pipe, "d", PipeStatus::kBroken, 0);
}

TEST_F(DuplexPipeTest, AClosedReaderAbortsItsOwn) {
  DuplexPipe pipe(2);
  Reading reading(1);
  WaitingFor readable(PipeAct::kWaitReadable);
  park(pipe, reading);
  park(pipe, readable);
  pipe.end(PipeSide::kReader, PipeEnd::kClosed, settled());
  EXPECT_EQ(reader_settled.pop_front(), &reading);
  EXPECT_EQ(reading.status, PipeStatus::kAborted);
  expect_only(reader_settled, readable, PipeStatus::kAborted);
}

TEST_F(DuplexPipeTest, AResetWriterLeavesItsBytesAndThenTellsTheReader) {
  DuplexPipe pipe(1);
  expect_write(pipe, "a", PipeStatus::kDone, 1);
  Writing writing("b");
  park(pipe, writing);
  pipe.end(PipeSide::kWriter, PipeEnd::kReset, settled());
  expect_only(writer_settled, writing, PipeStatus::kAborted);
  EXPECT_TRUE(pipe.is_closed(PipeSide::kWriter));
  expect_write(pipe, "c", PipeStatus::kClosed, 0);
  expect_read(pipe, 9, "a");
  expect_read_fails(pipe, PipeStatus::kReset);
  expect_read_fails(pipe, PipeStatus::kReset);
}

TEST_F(DuplexPipeTest, AResetWriterTellsAParkedRead) {
  DuplexPipe pipe(1);
  Reading reading(1);
  park(pipe, reading);
  pipe.end(PipeSide::kWriter, PipeEnd::kReset, settled());
  expect_only(reader_settled, reading, PipeStatus::kReset);
}

TEST_F(DuplexPipeTest, AWriterThatHadShutIsResetBehindAWholeStream) {
  DuplexPipe pipe(1);
  pipe.end(PipeSide::kWriter, PipeEnd::kShut, settled());
  pipe.end(PipeSide::kWriter, PipeEnd::kReset, settled());
  expect_read_fails(pipe, PipeStatus::kEndOfStream);
}

TEST_F(DuplexPipeTest, AResetReaderTellsTheWriterAndDropsTheRing) {
  DuplexPipe pipe(1);
  expect_write(pipe, "a", PipeStatus::kDone, 1);
  Writing writing("b");
  park(pipe, writing);
  pipe.end(PipeSide::kReader, PipeEnd::kReset, settled());
  expect_only(writer_settled, writing, PipeStatus::kReset);
  EXPECT_FALSE(pipe.has_storage());
  expect_write(pipe, "c", PipeStatus::kReset, 0);
  expect_read_fails(pipe, PipeStatus::kClosed);
}

}  // namespace
}  // namespace bytes_handoff::detail
