#pragma once

#include <memory>

#include "bytes_handoff/relay.hpp"
#include "support/asio.hpp"
#include "support/relaying/relay_outcome.hpp"
#include "support/streams/test_streams.hpp"

namespace bytes_handoff::test {

/// A relay from a stream of one's own, on the context that `Base` has.
template <class Base>
class RelayFixture : public Base {
 protected:
  template <class Out>
  void relay(Out& out) {
    async_relay(buffer, in, out, options,
                net::bind_cancellation_slot(signal.slot(), outcome.handler()));
  }

  std::shared_ptr<StreamScript> from = std::make_shared<StreamScript>();
  IoStream in{this->context->get_executor(), from};
  HandoffBuffer buffer;
  RelayOptions options;
  net::cancellation_signal signal;
  RelayOutcome outcome;
};

}  // namespace bytes_handoff::test
