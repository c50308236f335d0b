#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "bytes_handoff/relay.hpp"
#include "support/asio.hpp"
#include "support/relaying/relay_outcome.hpp"
#include "support/run_for.hpp"
#include "support/streams/test_streams.hpp"

namespace bytes_handoff::test {

/// A relay from one stream of one's own to another, on a context that the test steps.
class StreamRelayTest : public testing::Test {
 protected:
  template <class Out>
  [[nodiscard]] Out make_out() {
    return Out(context->get_executor(), to);
  }

  template <class Out>
  void relay(Out& out) {
    async_relay(buffer, in, out, options,
                net::bind_cancellation_slot(signal.slot(), outcome.handler()));
  }

  /// What nobody has lost: written, buffered, and not read yet.
  [[nodiscard]] std::string all() const {
    return to->written + std::string(buffer.peek_view()) + from->input;
  }

  std::unique_ptr<net::io_context> context = std::make_unique<net::io_context>(1);
  std::shared_ptr<StreamScript> from = std::make_shared<StreamScript>();
  std::shared_ptr<StreamScript> to = std::make_shared<StreamScript>();
  IoStream in{context->get_executor(), from};
  HandoffBuffer buffer;
  RelayOptions options;
  net::cancellation_signal signal;
  RelayOutcome outcome;
};

}  // namespace bytes_handoff::test
