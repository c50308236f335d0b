#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "bytes_handoff/write_handoff.hpp"
#include "support/queue/probes.hpp"
#include "support/run_for.hpp"
#include "support/streams/test_streams.hpp"

namespace bytes_handoff::test {

using WriteResultOf = expected<WriteTicket, WriteBackpressure>;
using DetachedResult = expected<void, WriteBackpressure>;
using WriteAllResult = expected<WriteTicket, WriteAllBackpressure>;

[[nodiscard]] inline Bytes text(std::string_view from) { return Bytes::copy_of(from); }

[[nodiscard]] inline WriteHandoffConfig limits(std::size_t items, std::size_t bytes) {
  WriteHandoffConfig config;
  config.max_items = items;
  config.max_pending_bytes = bytes;
  return config;
}

/// A writer in front of a scripted stream, on one context that the test steps.
class WriterFixture : public testing::Test {
 protected:
  [[nodiscard]] WriteHandoff spawn(const WriteHandoffConfig& config = {}) {
    return WriteHandoff::spawn(IoStream(context->get_executor(), script), config).value();
  }

  /// As `spawn`, in front of a stream that takes nothing until the test says so.
  [[nodiscard]] WriteHandoff spawn_held(const WriteHandoffConfig& config = {}) {
    script->hold_from = 0;
    return spawn(config);
  }

  /// The held write takes `n` bytes, and what follows from that happens.
  void stream_takes(std::size_t n, net_error_code error = {}) {
    ASSERT_NE(script->held, nullptr) << "no write is under way";
    script->complete(error, n);
    run_ready(*context);
  }

  std::shared_ptr<StreamScript> script = std::make_shared<StreamScript>();
  std::unique_ptr<net::io_context> context = std::make_unique<net::io_context>(1);
};

}  // namespace bytes_handoff::test
