#pragma once

#include <gtest/gtest.h>

#include <chrono>

#include "support/asio.hpp"

namespace bytes_handoff::test {

/// The longest that a test waits for what must come; never reached by one that passes.
inline constexpr std::chrono::seconds kPatience{20};

/// Runs `context` until `done()`. A failure when that does not come in time.
template <class Condition>
[[nodiscard]] bool run_until(net::io_context& context, Condition done) {
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (!done()) {
    context.restart();
    if (context.run_one_until(give_up) == 0 && !done()) {
      ADD_FAILURE() << (std::chrono::steady_clock::now() < give_up ? "nothing is left to run"
                                                                   : "it takes too long");
      return false;
    }
  }
  return true;
}

/// Runs `context` until nothing is left to do. A failure when it goes on for too long.
[[nodiscard]] inline bool run_out(net::io_context& context) {
  context.restart();
  context.run_for(kPatience);
  EXPECT_TRUE(context.stopped()) << "something never ends";
  return context.stopped();
}

/// Runs a handler of `context`, or waits for two milliseconds. With completion ports `run_one_for`
/// would go on for as long as a timer looks at a clock of its own each millisecond.
inline void run_for_a_moment(net::io_context& context) {
  net::steady_timer moment(context, std::chrono::milliseconds(2));
  moment.async_wait([](net_error_code) {});
  context.restart();
  context.run_one();
}

/// Runs everything that is ready, without waiting for time or peers.
inline void run_ready(net::io_context& context) {
  context.restart();
  context.poll();
}

/// Lets the clock pass `time` without giving the context a turn, as a handler that takes long does.
inline void let_pass(std::chrono::steady_clock::time_point time) {
  while (std::chrono::steady_clock::now() < time) {
  }
}

}  // namespace bytes_handoff::test
