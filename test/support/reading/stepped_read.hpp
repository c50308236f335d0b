#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

#include "bytes_handoff/handoff_buffer.hpp"
#include "support/asio.hpp"
#include "support/hostile_executor.hpp"
#include "support/queue/probes.hpp"
#include "support/run_for.hpp"

namespace bytes_handoff::test {

inline constexpr std::array kCancellations{net::cancellation_type::terminal,
                                           net::cancellation_type::partial,
                                           net::cancellation_type::total};

/// A buffer that gathers, and what reads into it: each step is held back until the test lets it
/// run.
template <class Pair>
struct SteppedRead {
  SteppedRead() {
    HandoffBufferConfig config;
    config.gather_for = std::chrono::milliseconds(1);
    buffer.emplace(config);
  }

  void write(std::string_view bytes) { net::write(pair.second, net::buffer(bytes)); }

  /// The handler of what is held back.
  [[nodiscard]] auto held_back(CountOutcome& outcome) {
    return net::bind_executor(late.get_executor(),
                              net::bind_cancellation_slot(signal.slot(), outcome.handler()));
  }
  /// Lets the stream's side go on until the next step is held back.
  [[nodiscard]] bool reach_step() {
    return run_until(context, [this] { return late.submitted() > steps; });
  }
  void run_step() {
    ++steps;
    ASSERT_TRUE(late.run_one());
  }
  [[nodiscard]] bool finish(const CountOutcome& outcome) {
    while (!outcome.has_come()) {
      if (!reach_step()) {
        return false;
      }
      run_step();
    }
    return true;
  }

  HostileContext late{Hostility::late};
  net::io_context context{1};
  std::pair<typename Pair::Stream, typename Pair::Stream> pair = Pair::make(context);
  net::cancellation_signal signal;
  std::optional<HandoffBuffer> buffer;
  std::size_t steps = 0;
};

}  // namespace bytes_handoff::test
