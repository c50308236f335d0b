#pragma once

#include <memory>

#include "bytes_handoff/relay.hpp"
#include "support/asio.hpp"
#include "support/queue/writer_fixture.hpp"
#include "support/relaying/relay_outcome.hpp"

namespace bytes_handoff::test {

/// A relay from a stream of one's own to a queue.
class QueueRelayTest : public WriterFixture {
 protected:
  void relay(const WriteHandoff& out) {
    async_relay(buffer, in, out, options,
                net::bind_cancellation_slot(signal.slot(), outcome.handler()));
    run_ready(*context);
  }

  std::shared_ptr<StreamScript> from = std::make_shared<StreamScript>();
  IoStream in{context->get_executor(), from};
  HandoffBuffer buffer;
  RelayOptions options;
  net::cancellation_signal signal;
  RelayOutcome outcome;
};

}  // namespace bytes_handoff::test
