#include "bytes_handoff/asio/support/handler_memory.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace bytes_handoff::test {
namespace {

using Memory = detail::HandlerMemory<64>;

template <class T>
using Allocator = detail::HandlerAllocator<T, Memory>;

TEST(HandlerMemory, is_given_to_one_at_a_time) {
  Memory memory;
  void* const first = memory.take(64, alignof(void*));
  EXPECT_EQ(first, &memory);
  EXPECT_EQ(memory.take(1, 1), nullptr);
  memory.give_back();
  EXPECT_EQ(memory.take(1, 1), first);
}

TEST(HandlerMemory, has_none_for_what_is_too_large_or_aligned_to_more) {
  Memory memory;
  EXPECT_EQ(memory.take(65, 1), nullptr);
  EXPECT_EQ(memory.take(8, 2 * alignof(void*)), nullptr);
  EXPECT_NE(memory.take(64, alignof(void*)), nullptr);
}

TEST(HandlerMemory, leaves_to_the_pool_what_it_has_no_memory_for) {
  struct alignas(64) Aligned {
    char bytes[64];
  };
  Memory memory;
  Allocator<Aligned> of_aligned{memory};
  Aligned* const aligned = of_aligned.allocate(1);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(aligned) % 64, 0U);
  Allocator<char> of_chars(of_aligned);
  char* const inside = of_chars.allocate(64);
  EXPECT_EQ(static_cast<void*>(inside), &memory);
  char* const beside = of_chars.allocate(64);
  EXPECT_NE(static_cast<void*>(beside), &memory);
  of_chars.deallocate(beside, 64);
  of_chars.deallocate(inside, 64);
  of_aligned.deallocate(aligned, 1);
}

}  // namespace
}  // namespace bytes_handoff::test
