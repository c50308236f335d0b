// Sizes around every limit, and those at which a sum or a product could wrap. What splits is tested
// beside its type; here are the rest of the size arguments.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "bytes_handoff/core/memory/block.hpp"
#include "bytes_handoff/core/queue/departure.hpp"
#include "bytes_handoff/front_end.hpp"
#include "support/memory/allocation_counter.hpp"
#include "support/memory/counting_resource.hpp"
#include "support/pattern.hpp"
#include "support/queue/queue_fixture.hpp"
#include "support/streams/buffer_feed.hpp"
#include "support/streams/filled.hpp"
#include "support/streams/pipe_requests.hpp"

namespace bytes_handoff::test {
namespace {

using detail::kLargestBlock;

/// A span that is counted and never read.
std::span<const std::byte> only_counted(std::size_t size) {
  static const std::byte byte{};
  return {&byte, size};
}

enum class Outcome { kDone, kNo, kBadAlloc, kLengthError };

template <class F>
Outcome outcome_of(F&& call) {
  try {
    return call() ? Outcome::kDone : Outcome::kNo;
  } catch (const std::bad_alloc&) {
    return Outcome::kBadAlloc;
  } catch (const std::length_error&) {
    return Outcome::kLengthError;
  }
}

/// Of a size that needs a new block, from a source that has no memory.
Outcome without_memory(std::size_t size) {
  return size > kLargestBlock ? Outcome::kLengthError : Outcome::kBadAlloc;
}

TEST(SizeArithmetic, OfABlock) {
  CountingResource source;
  for (const std::size_t size : sizes_around(kLargestBlock)) {
    source.fail(size > 1);
    const Outcome made =
        outcome_of([&] { return BytesMut::with_capacity(size, &source).capacity() >= size; });
    EXPECT_EQ(made, size > 1 ? without_memory(size) : Outcome::kDone) << size;
    if (size > kLargestBlock) {
      EXPECT_EQ(outcome_of([&] { return !BytesMut::copy_of(only_counted(size)).empty(); }),
                Outcome::kLengthError);
      EXPECT_EQ(outcome_of([&] { return !Bytes::copy_of(only_counted(size)).empty(); }),
                Outcome::kLengthError);
    }
  }
}

TEST(SizeArithmetic, OfRoomForMoreBytes) {
  constexpr std::size_t kFilled = 100;
  struct Grow {
    const char* name;
    bool (*call)(BytesMut&, std::size_t);
    bool takes_memory;
  };
  const Grow calls[] = {
      {"reserve", [](BytesMut& bytes, std::size_t n) { return bytes.reserve(n), true; }, true},
      {"extend", [](BytesMut& bytes, std::size_t n) { return bytes.extend(only_counted(n)), true; },
       true},
      {"try_reclaim", [](BytesMut& bytes, std::size_t n) { return bytes.try_reclaim(n); }, false}};
  for (const Grow& each : calls) {
    for (const std::size_t limit : {std::size_t{28}, kLargestBlock - kFilled, kLargestBlock}) {
      for (const std::size_t n : sizes_around(limit)) {
        const bool reads = std::string_view(each.name) == "extend";
        if (reads && n <= 28 && n > 1) {
          continue;  // it would read what there is not
        }
        SCOPED_TRACE(std::string(each.name) + " " + std::to_string(n));
        CountingResource source;
        BytesMut bytes = filled(pattern(kFilled), source);
        ASSERT_EQ(bytes.capacity(), 128U);
        source.fail(true);
        const Outcome seen = outcome_of([&] { return each.call(bytes, n); });
        const bool has_room = n <= 28;
        const bool is_too_large = n > kLargestBlock - kFilled;
        EXPECT_EQ(seen, has_room             ? Outcome::kDone
                        : !each.takes_memory ? Outcome::kNo
                        : is_too_large       ? Outcome::kLengthError
                                             : Outcome::kBadAlloc);
        EXPECT_EQ(bytes.view().substr(0, kFilled), pattern(kFilled));
        EXPECT_EQ(bytes.size(), kFilled + (reads && has_room ? n : 0));
        EXPECT_EQ(bytes.capacity(), 128U);
      }
    }
  }
}

TEST(SizeArithmetic, OfWhatIsTruncated) {
  for (const std::size_t n : sizes_around(100)) {
    BytesMut bytes = BytesMut::copy_of(pattern(100));
    bytes.truncate(n);
    EXPECT_EQ(bytes.view(), pattern(100).substr(0, n));
    Bytes slice = Bytes::copy_of(pattern(100));
    slice.truncate(n);
    EXPECT_EQ(slice.view(), pattern(100).substr(0, n));
  }
}

// Every field that is no limit of its own, with 100 bytes buffered of 200.
TEST(SizeArithmetic, OfABuffersConfig) {
  for (const std::size_t reserve : sizes_around(100)) {
    for (const std::size_t at_most : sizes_around(60)) {
      CountingResource source;
      HandoffBufferConfig config{.max_size = 200, .read_reserve = reserve, .block_size = 1};
      config.prefix_policy = {at_most};
      config.block_source = &source;
      if (reserve == 0) {
        EXPECT_THROW(HandoffBuffer{config}, std::invalid_argument);
        continue;
      }
      HandoffBuffer buffer(config);
      feed(buffer, pattern(100));
      const std::size_t offered = front_end::begin_read(buffer).value().size();
      EXPECT_GE(offered, std::min<std::size_t>(reserve, 100));
      EXPECT_LE(offered, 100U);
      front_end::end_read(buffer, 0);
      const std::byte* place = buffer.peek().data();
      const Bytes prefix = buffer.split_prefix(60).value();
      EXPECT_EQ(prefix.view(), pattern(60));
      EXPECT_EQ(prefix.data() != place, at_most >= 60);
      EXPECT_EQ(buffer.peek_view(), pattern(40, 60));
    }
  }
}

TEST(SizeArithmetic, OfALimitThatNoMemoryReaches) {
  CountingResource source;
  HandoffBuffer buffer({.max_size = kLargestBlock,
                        .read_reserve = SIZE_MAX,
                        .block_size = kLargestBlock,
                        .block_source = &source});
  source.fail(true);
  EXPECT_EQ(outcome_of([&] { return front_end::begin_read(buffer).has_value(); }),
            Outcome::kBadAlloc);
  EXPECT_FALSE(front_end::is_reading(buffer));
  for (const std::size_t n : sizes_around(kLargestBlock)) {
    const Outcome seen = outcome_of([&] { return buffer.reserve_read_capacity(n).has_value(); });
    EXPECT_EQ(seen, n == 0               ? Outcome::kDone
                    : n <= kLargestBlock ? Outcome::kBadAlloc
                                         : Outcome::kNo);
  }
  EXPECT_TRUE(buffer.empty());
}

TEST(SizeArithmetic, OfATailsLimit) {
  for (const std::size_t limit : sizes_around(100)) {
    BytesMut tail = BytesMut::copy_of(pattern(100));
    const HandoffBufferConfig config{.max_size = limit};
    if (limit == 0 || limit > kLargestBlock) {
      EXPECT_THROW(static_cast<void>(HandoffBuffer::from_tail(tail, config)), std::invalid_argument)
          << limit;
    } else {
      ASSERT_EQ(HandoffBuffer::from_tail(tail, config).has_value(), limit >= 100) << limit;
    }
    EXPECT_EQ(tail.view(), limit >= 100 && limit <= kLargestBlock ? "" : pattern(100));
  }
}

using SizeArithmeticOfAQueue = QueueTest;

/// What a write of `bytes` is told by a queue with one byte and one item in it.
WriteRefusalReason expected_reason(std::size_t bytes, std::size_t items,
                                   const WriteHandoffConfig& limits) {
  if (bytes > limits.max_pending_bytes || bytes == SIZE_MAX || items > limits.max_items) {
    return WriteRefusalReason::can_never_fit;
  }
  if (bytes > limits.max_pending_bytes - 1) {
    return WriteRefusalReason::byte_budget_exceeded;
  }
  return items > limits.max_items - 1 ? WriteRefusalReason::queue_full
                                      : WriteRefusalReason::cancelled;  // stands for none
}

TEST_F(SizeArithmeticOfAQueue, EveryTotalAgainstEveryLimit) {
  for (const std::size_t max_bytes : sizes_around(16)) {
    for (const std::size_t max_items : sizes_around(3)) {
      const WriteHandoffConfig limits{.max_items = max_items, .max_pending_bytes = max_bytes};
      if (max_bytes == 0 || max_items == 0) {
        EXPECT_THROW(detail::throw_if_invalid(limits), std::invalid_argument);
        continue;
      }
      for (const std::size_t size : sizes_around(max_bytes)) {
        for (std::size_t slices = 1; slices <= 3; ++slices) {
          open(limits);
          ASSERT_TRUE(send("1"));
          const std::vector<Bytes> write(slices, Bytes::borrow_static(only_counted(size)));
          const std::size_t total = size > SIZE_MAX / slices ? SIZE_MAX : size * slices;
          const Reason reason = expected_reason(total, slices, limits);
          const Submitted tried = submit(write);
          ASSERT_EQ(tried.refusal ? tried.refusal->reason : Reason::cancelled, reason)
              << size << " of " << max_bytes << ", " << slices << " of " << max_items;
          const std::size_t before = reason == Reason::cancelled ? total : 0;
          EXPECT_EQ(queue().pending_bytes(), 1 + before);
          EXPECT_LE(queue().pending_bytes(), max_bytes);
          WriteProbe probe(write);
          if (tried.refusal) {
            EXPECT_EQ(tried.bytes[0].size(), size) << "the bytes came back";
            const bool waits = reason != Reason::can_never_fit;
            EXPECT_EQ(wait(probe), waits ? Wait::kWaiting : Wait::kRefused);
            EXPECT_EQ(queue().pending_items(), 1U);
          }
          abort();  // what is only counted is never read
          static_cast<void>(unwritten_of(queue()));
        }
      }
    }
  }
}

TEST_F(SizeArithmeticOfAQueue, EveryLimitOfTheLine) {
  for (const std::size_t most : sizes_around(2)) {
    open({.max_items = 1, .max_waiters = most});
    ASSERT_TRUE(send("0"));
    std::deque<WriteProbe> probes;
    for (std::size_t waiting = 0; waiting < 4; ++waiting) {
      const Wait expected = waiting < most ? Wait::kWaiting : Wait::kRefused;
      EXPECT_EQ(wait(probes.emplace_back("x")), expected) << waiting << " of " << most;
    }
    stream().run();
  }
}

// The first in line has any size; what comes behind it is held against what is left.
TEST_F(SizeArithmeticOfAQueue, EveryByteLimitOfTheLine) {
  for (const std::size_t most : sizes_around(16)) {
    for (const std::size_t first : sizes_around(16)) {
      for (const std::size_t second : sizes_around(16)) {
        if (std::max(first, second) == SIZE_MAX) {
          continue;  // fits no budget
        }
        open({.max_items = 1, .max_pending_bytes = SIZE_MAX, .max_waiting_bytes = most});
        ASSERT_TRUE(send("0"));
        WriteProbe one(std::vector<Bytes>{Bytes::borrow_static(only_counted(first))});
        WriteProbe two(std::vector<Bytes>{Bytes::borrow_static(only_counted(second))});
        ASSERT_EQ(wait(one), Wait::kWaiting);
        const std::size_t sum = second > SIZE_MAX - first ? SIZE_MAX : first + second;
        const bool waits = second == 0 || (first <= most && second <= most - first);
        ASSERT_EQ(wait(two), waits ? Wait::kWaiting : Wait::kRefused)
            << first << " and " << second << " of " << most;
        if (!waits) {
          expect_refusal(two.refusal, Reason::too_many_waiting_bytes, sum, most);
        }
        EXPECT_EQ(queue().statistics({}).high_water_waiting_bytes, waits ? sum : first);
        abort();  // what is only counted is never read
      }
    }
  }
}

TEST_F(SizeArithmeticOfAQueue, WhatAStreamClaimsToHaveTaken) {
  for (const std::size_t taken : sizes_around(6)) {
    open({.max_items = 8, .max_pending_bytes = 16});
    const Submitted first = submit("abc");
    ASSERT_TRUE(send("def"));
    detail::WriteBatch batch{};
    detail::Effects effects;
    ASSERT_EQ(queue().begin_turn(batch, effects), Turn::kWrite);
    static_cast<void>(queue().finish_write({}, taken, true, batch, effects));
    EXPECT_EQ(queue().pending_bytes(), taken < 3 ? 6U : taken < 6 ? 3U : 0U);
    EXPECT_EQ(is_done(first.ticket), taken >= 3);
    effects.finish();
  }
}

using SizeArithmeticOfAPipe = PipeFixture;

TEST_F(SizeArithmeticOfAPipe, EveryCapacity) {
  for (const std::size_t capacity : sizes_around(kLargestBlock)) {
    if (capacity == 0 || capacity == kLargestBlock || capacity == kLargestBlock - 1) {
      continue;  // a precondition; memory that a sanitizer refuses to ask for
    }
    DuplexPipe pipe(capacity);
    Reading reading(3);
    park(pipe, reading);
    expect_write(pipe, "abcd", PipeStatus::kDone, 3);
    expect_only(reader_settled, reading, PipeStatus::kDone, 3);
    const bool has_memory = capacity == 1;
    const AllocationScope asked;
    expect_write(pipe, "de", has_memory ? PipeStatus::kDone : PipeStatus::kNoMemory,
                 has_memory ? 1 : 0);
    EXPECT_EQ(pipe.size(), has_memory ? 1U : 0U);
    EXPECT_EQ(asked.refusals(), 0U) << "libstdc++ rounds such a size up, to 0 of the largest ones";
  }
}

}  // namespace
}  // namespace bytes_handoff::test
