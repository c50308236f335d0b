#include "bytes_handoff/core/queue/sole_writer.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <optional>

#include "support/queue/queue_fixture.hpp"

namespace bytes_handoff::test {
namespace {

#if BYTES_HANDOFF_CHECKS

using detail::SoleWriter;
using SoleWriterTest = QueueTest;

constexpr const char* kWrong = "another queue that has not ended writes to this stream";

TEST_F(SoleWriterTest, ASecondQueueOfAStreamAborts) {
  const int stream = 0;
  const Queue second({});
  const SoleWriter writer(&stream, queue());
  EXPECT_DEATH(SoleWriter(&stream, second), kWrong);
}

TEST_F(SoleWriterTest, ASecondQueueBehindTheEndOfTheFirstIsAllowed) {
  const int stream_object = 0;
  const Queue second({});
  std::optional<SoleWriter> ended(std::in_place, &stream_object, queue());
  abort();
  const SoleWriter writer(&stream_object, second);
  ended.reset();
  EXPECT_DEATH(SoleWriter(&stream_object, second), kWrong) << "the first one alone was unlisted";
}

TEST_F(SoleWriterTest, EachOfManyStreamsMayHaveOne) {
  const int streams[1000] = {};
  std::deque<SoleWriter> writers;
  for (const int& each : streams) {
    writers.emplace_back(&each, queue());
  }
  EXPECT_DEATH(SoleWriter(&streams[500], queue()), kWrong);
  writers.clear();
  const SoleWriter writer(&streams[500], queue());
}

TEST_F(SoleWriterTest, WithoutAStreamThereMayBeAnyNumber) {
  const SoleWriter first(nullptr, queue());
  const SoleWriter second(nullptr, queue());
}

#endif

}  // namespace
}  // namespace bytes_handoff::test
