#pragma once

#include <gtest/gtest.h>

#include <exception>
#include <utility>

#include "support/asio.hpp"
#include "support/run_for.hpp"

namespace bytes_handoff::test {

/// Spawns a coroutine; what it throws fails the test.
template <class Coroutine>
void spawn_coroutine(net::io_context& context, bool& has_ended, Coroutine coroutine) {
  net::co_spawn(context, std::move(coroutine), [&has_ended](std::exception_ptr thrown) {
    has_ended = true;
    EXPECT_EQ(thrown, nullptr);
  });
}

/// Runs a coroutine to its end.
template <class Coroutine>
void run_coroutine(net::io_context& context, Coroutine coroutine) {
  bool has_ended = false;
  spawn_coroutine(context, has_ended, std::move(coroutine));
  ASSERT_TRUE(run_until(context, [&] { return has_ended; }));
}

}  // namespace bytes_handoff::test
