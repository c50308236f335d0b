// What only a run can find: BYTES_HANDOFF_CHECKS, and AddressSanitizer with what is given up inside
// of living blocks.

#include <gtest/gtest.h>

#include <cstddef>
#include <functional>
#include <memory_resource>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/bytes_mut.hpp"
#include "bytes_handoff/core/reading/buffer_access.hpp"
#include "bytes_handoff/front_end.hpp"
#include "bytes_handoff/handoff_buffer.hpp"
#include "support/pattern.hpp"
#include "support/streams/buffer_feed.hpp"

namespace bytes_handoff {
namespace {

using test::feed;
using test::pattern;

#if BYTES_HANDOFF_CHECKS

/// A buffer that holds "text" while a read runs.
class CallWhileAReadRuns : public testing::Test {
 protected:
  CallWhileAReadRuns() {
    feed(buffer, "text");
    static_cast<void>(front_end::begin_read(buffer).value());
  }

  HandoffBuffer buffer;
};

TEST_F(CallWhileAReadRuns, OfAMutatorAborts) {
  constexpr const char* kWrong = "while a read runs: only the observers may be called";
  EXPECT_DEATH(static_cast<void>(buffer.split_prefix(1)), kWrong);
  EXPECT_DEATH(static_cast<void>(buffer.split_prefix_mut(1)), kWrong);
  EXPECT_DEATH(static_cast<void>(buffer.advance(1)), kWrong);
  EXPECT_DEATH(static_cast<void>(buffer.take_tail()), kWrong);
  EXPECT_DEATH(static_cast<void>(buffer.freeze_all()), kWrong);
  EXPECT_DEATH(static_cast<void>(buffer.reserve_read_capacity(1)), kWrong);
  DelimiterFramer framer("x");
  EXPECT_DEATH(static_cast<void>(buffer.frames(framer).begin()), kWrong);
  EXPECT_DEATH(static_cast<void>(detail::BufferAccess::prepare(buffer, 1)), "while a read of");
  EXPECT_DEATH(detail::BufferAccess::commit(buffer, 1), "while a read of");
}

TEST_F(CallWhileAReadRuns, OfAnObserverIsAllowed) {
  EXPECT_EQ(buffer.size(), 4U);
  EXPECT_FALSE(buffer.empty());
  EXPECT_GE(buffer.capacity(), 4U);
  EXPECT_EQ(buffer.peek_view(), "text");
  EXPECT_EQ(buffer.peek().size(), 4U);
  EXPECT_EQ(buffer.config().block_source, nullptr);
}

TEST_F(CallWhileAReadRuns, ThatEndsItWithMoreThanItsRoomAborts) {
  EXPECT_DEATH(front_end::end_read(buffer, SIZE_MAX), "more bytes than were offered");
}

/// While the buffer takes a block, another thread calls.
class CallFromASecondThread : public testing::Test, private std::pmr::memory_resource {
 protected:
  void intrude(std::function<void()> call) {
    call_ = std::move(call);
    static_cast<void>(buffer.reserve_read_capacity(1));
  }

  HandoffBuffer buffer = HandoffBuffer({.block_source = this});

 private:
  void* do_allocate(std::size_t size, std::size_t alignment) override {
    std::thread(call_).join();
    return std::pmr::new_delete_resource()->allocate(size, alignment);
  }
  void do_deallocate(void* memory, std::size_t size, std::size_t alignment) override {
    std::pmr::new_delete_resource()->deallocate(memory, size, alignment);
  }
  [[nodiscard]] bool do_is_equal(const memory_resource& other) const noexcept override {
    return this == &other;
  }

  std::function<void()> call_;
};

TEST_F(CallFromASecondThread, OfAMutatorAborts) {
  constexpr const char* kWrong = "HandoffBuffer: two threads used it at once";
  EXPECT_DEATH(intrude([&] { static_cast<void>(buffer.split_prefix(0)); }), kWrong);
  EXPECT_DEATH(intrude([&] { static_cast<void>(buffer.split_prefix_mut(0)); }), kWrong);
  EXPECT_DEATH(intrude([&] { static_cast<void>(buffer.advance(0)); }), kWrong);
  EXPECT_DEATH(intrude([&] { static_cast<void>(buffer.take_tail()); }), kWrong);
  EXPECT_DEATH(intrude([&] { static_cast<void>(buffer.freeze_all()); }), kWrong);
  EXPECT_DEATH(intrude([&] { static_cast<void>(buffer.reserve_read_capacity(0)); }), kWrong);
  EXPECT_DEATH(intrude([&] { static_cast<void>(detail::BufferAccess::prepare(buffer, 0)); }),
               kWrong);
  EXPECT_DEATH(intrude([&] { detail::BufferAccess::commit(buffer, 0); }), kWrong);
}

TEST_F(CallFromASecondThread, OfAStepOfAReadAborts) {
  constexpr const char* kWrong = "HandoffBuffer: two threads used it at once";
  EXPECT_DEATH(intrude([&] { static_cast<void>(front_end::begin_read(buffer)); }), kWrong);
  EXPECT_DEATH(intrude([&] { static_cast<void>(front_end::begin_small_read(buffer)); }), kWrong);
  EXPECT_DEATH(intrude([&] { front_end::end_read(buffer, 0); }), kWrong);
  EXPECT_DEATH(intrude([&] { front_end::pause_read(buffer); }), kWrong);
}

TEST(CallWithinACall, OfOneThreadIsAllowed) {
  struct Reentrant final : std::pmr::memory_resource {
    void* do_allocate(std::size_t size, std::size_t alignment) override {
      static_cast<void>(buffer->split_prefix(0));
      ++calls;
      return std::pmr::new_delete_resource()->allocate(size, alignment);
    }
    void do_deallocate(void* memory, std::size_t size, std::size_t alignment) override {
      std::pmr::new_delete_resource()->deallocate(memory, size, alignment);
    }
    [[nodiscard]] bool do_is_equal(const memory_resource& other) const noexcept override {
      return this == &other;
    }
    HandoffBuffer* buffer = nullptr;
    int calls = 0;
  } source;
  HandoffBuffer buffer({.block_source = &source});
  source.buffer = &buffer;
  ASSERT_TRUE(buffer.reserve_read_capacity(1));
  EXPECT_EQ(source.calls, 1);
  std::thread([&] { feed(buffer, "text"); }).join();  // nobody is inside any more
  EXPECT_EQ(buffer.peek_view(), "text");
}

TEST_F(CallFromASecondThread, BehindTheFirstIsAllowed) {
  intrude([] {});
  std::thread([&] { feed(buffer, "text"); }).join();
  EXPECT_EQ(buffer.split_prefix(4).value().view(), "text");
}

TEST(CallBeyondTheEnd, Aborts) {
  BytesMut region = BytesMut::with_capacity(64);
  EXPECT_DEATH(region.commit(region.spare().size() + 1), "more bytes than spare");
  const Bytes bytes = Bytes::from_static("text");
  EXPECT_DEATH(static_cast<void>(bytes[4]), "the index is not below size");
  region.extend("text");
  EXPECT_DEATH(region[4] = std::byte{}, "the index is not below size");
  EXPECT_DEATH(static_cast<void>(std::as_const(region)[4]), "the index is not below size");
}

#endif

#if BYTES_HANDOFF_POISONS

constexpr const char* kSeen = "use-after-poison";

/// Looks at a byte, as AddressSanitizer sees it.
void look(std::string_view view) {
  const volatile char* const first = view.data();
  static_cast<void>(*first);
}

/// A buffer of one block, of which the first 3000 bytes have been split off.
class ViewKept : public testing::Test {
 protected:
  static constexpr std::size_t kSplit = 3000;
  ViewKept() {
    feed(buffer, pattern(3500));
    slice = buffer.split_prefix(kSplit).value();
    view = buffer.peek_view();
  }

  HandoffBuffer buffer = HandoffBuffer({.read_reserve = 1, .block_size = 4096});
  Bytes slice;
  std::string_view view;
};

TEST_F(ViewKept, OverAReserveThatMovedTheBytesInTheirBlockDies) {
  slice.clear();
  ASSERT_TRUE(buffer.reserve_read_capacity(3000));
  ASSERT_NE(view.data(), buffer.peek_view().data());
  EXPECT_DEATH(look(view), kSeen);
  look(buffer.peek_view());
}

TEST_F(ViewKept, OverAReserveThatMovedTheBytesToALargerBlockDiesAndTheSliceDoesNot) {
  ASSERT_TRUE(buffer.reserve_read_capacity(10'000));
  ASSERT_NE(view.data(), buffer.peek_view().data());
  EXPECT_DEATH(look(view.substr(8)), kSeen);
  EXPECT_EQ(slice.view(), pattern(kSplit));
}

TEST(ViewKeptOverARead, ThatMovedTheBytesDies) {
  HandoffBuffer buffer({.read_reserve = 1000, .block_size = 4096});
  feed(buffer, pattern(3500));
  ASSERT_TRUE(buffer.advance(3000));
  const std::string_view view = buffer.peek_view();
  feed(buffer, "x");
  ASSERT_NE(buffer.peek_view().data(), view.data());
  EXPECT_DEATH(look(view), kSeen);
  look(buffer.peek_view());
}

TEST_F(ViewKept, OverAPrepareThatMovedTheBytesDies) {
  slice.clear();
  const auto room = detail::BufferAccess::prepare(buffer, 700);
  ASSERT_NE(view.data(), buffer.peek_view().data());
  EXPECT_DEATH(look(view), kSeen);
  look(buffer.peek_view());
  for (std::byte& byte : *room) {
    byte = std::byte{1};
  }
  EXPECT_DEATH(look({reinterpret_cast<const char*>(room->data() + room->size()), 1}), kSeen);
  detail::BufferAccess::commit(buffer, 700);
  look(buffer.peek_view().substr(1199));
}

TEST_F(ViewKept, OfBytesThatWereDroppedDiesAndOfThoseBehindItDoesNot) {
  ASSERT_TRUE(buffer.advance(100));
  EXPECT_DEATH(look(view), kSeen);
  look(view.substr(100));
  EXPECT_EQ(slice.view(), pattern(kSplit));
}

TEST_F(ViewKept, OfAPrefixThatWasCopiedDies) {
  HandoffBuffer copying({.prefix_policy = PrefixPolicy::copying_small()});
  feed(copying, pattern(100));
  const std::string_view all = copying.peek_view();
  const Bytes copy = copying.split_prefix(50).value();
  EXPECT_DEATH(look(all), kSeen);
  look(all.substr(50));
  EXPECT_EQ(copy.view(), pattern(50));
}

TEST_F(ViewKept, OfARegionThatIsGoneDiesWhileASliceKeepsItsBlock) {
  std::string_view gone;
  {
    const BytesMut tail = buffer.take_tail();
    gone = tail.view();
    look(gone);
  }
  EXPECT_DEATH(look(gone.substr(8)), kSeen);
  EXPECT_EQ(slice.view(), pattern(kSplit));
}

TEST_F(ViewKept, OfATailAndItsRoomLives) {
  BytesMut tail = buffer.take_tail();
  look(view);
  tail.extend("more");
  for (std::byte& byte : tail.spare()) {
    byte = std::byte{1};
  }
  EXPECT_EQ(tail.view().substr(500), "more");
}

/// Gives the same memory out again and again.
class OneBlock final : public std::pmr::memory_resource {
 private:
  void* do_allocate(std::size_t size, std::size_t) override {
    EXPECT_LE(size, sizeof(memory_));
    return static_cast<void*>(memory_);
  }
  void do_deallocate(void* memory, std::size_t size, std::size_t) override {
    static_cast<std::byte*>(memory)[size - 1] = std::byte{1};
  }
  [[nodiscard]] bool do_is_equal(const memory_resource& other) const noexcept override {
    return this == &other;
  }
  alignas(64) std::byte memory_[8192] = {};
};

TEST(GivenUp, MemoryGoesBackToItsSourceWhole) {
  OneBlock source;
  for (int i = 0; i < 3; ++i) {
    HandoffBuffer buffer({.max_size = 4096, .block_size = 4096, .block_source = &source});
    feed(buffer, pattern(4000));
    ASSERT_TRUE(buffer.advance(3999));
    Bytes last = buffer.freeze_all();
    EXPECT_EQ(last.view(), pattern(4000).substr(3999));
  }
}

TEST(GivenUp, MemoryIsUsedAgainByTheSameBuffer) {
  HandoffBuffer buffer({.read_reserve = 1, .block_size = 4096});
  std::vector<Bytes> slices;
  for (std::size_t i = 0; i < 1000; ++i) {
    feed(buffer, pattern(1 + i % 700));
    if (i % 3 == 0) {
      ASSERT_TRUE(buffer.advance(buffer.size() / 2));
    }
    if (i % 7 == 0) slices.push_back(buffer.split_prefix(buffer.size() / 3).value());
    if (i % 50 == 0) slices.clear();
    for (const Bytes& slice : slices) {
      if (!slice.empty()) look(slice.view());
    }
    if (buffer.size() > 3000) {
      ASSERT_TRUE(buffer.advance(buffer.size()));
    }
  }
}

#endif

}  // namespace
}  // namespace bytes_handoff
