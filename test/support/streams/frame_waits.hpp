#pragma once

// Waits for frames, one after the other.

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "bytes_handoff/framers.hpp"
#include "bytes_handoff/front_end.hpp"
#include "bytes_handoff/handoff_buffer.hpp"
#include "support/queue/probes.hpp"
#include "support/run_for.hpp"

namespace bytes_handoff::test {

[[nodiscard]] inline HandoffBuffer buffer_of(std::size_t max_size) {
  HandoffBufferConfig config;
  config.max_size = max_size;
  config.read_reserve = std::min<std::size_t>(config.read_reserve, max_size);
  return HandoffBuffer(config);
}

/// Waits once.
template <class Stream, class F>
void expect_wait(net::io_context& context, HandoffBuffer& buffer, Stream& stream, F& framer,
                 const net_error_code& error, std::size_t n) {
  CountOutcome outcome;
  buffer.async_wait_frame(stream, framer, outcome.handler());
  EXPECT_FALSE(outcome.has_come()) << "called from inside the initiating function";
  ASSERT_TRUE(run_until(context, [&] { return outcome.has_come(); }));
  outcome.expect(error, n);
  EXPECT_FALSE(front_end::is_reading(buffer));
}

/// Waits for each frame and takes it, until `error` or the clean end.
template <class Stream>
[[nodiscard]] std::vector<std::string> all_lines(net::io_context& context, HandoffBuffer& buffer,
                                                 Stream& stream, net_error_code& error) {
  DelimiterFramer lines("\n");
  std::vector<std::string> all;
  for (;;) {
    CountOutcome outcome;
    std::size_t n = 0;
    buffer.async_wait_frame(stream, lines, [&](net_error_code ec, std::size_t bytes) {
      n = bytes;
      outcome.handler()(ec, bytes);
    });
    if (!run_until(context, [&] { return outcome.has_come(); }) || n == 0) {
      error = outcome.error();
      return all;
    }
    all.emplace_back(buffer.split_prefix(n).value().view());
  }
}

}  // namespace bytes_handoff::test
