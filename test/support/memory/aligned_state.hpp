#pragma once

// What an operation of a stream may keep that is aligned to more than usual.

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>

#include "bytes_handoff/asio/support/net.hpp"

namespace bytes_handoff::test {

/// Takes memory that is aligned to a cache line by the handler's allocator, and gives it back.
template <class Handler>
void expect_aligned_memory(const Handler& handler) {
  struct alignas(64) State {
    char bytes[64];
  };
  using Allocator = typename std::allocator_traits<
      net::associated_allocator_t<Handler>>::template rebind_alloc<State>;
  Allocator allocator(net::get_associated_allocator(handler));
  State* const state = allocator.allocate(1);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(state) % 64, 0U);
  allocator.deallocate(state, 1);
}

}  // namespace bytes_handoff::test
