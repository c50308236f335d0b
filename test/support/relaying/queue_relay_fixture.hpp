#pragma once

#include "support/queue/writer_fixture.hpp"
#include "support/relaying/relay_fixture.hpp"

namespace bytes_handoff::test {

/// A relay from a stream of one's own to a queue.
class QueueRelayTest : public RelayFixture<WriterFixture> {
 protected:
  void relay(const WriteHandoff& out) {
    RelayFixture::relay(out);
    run_ready(*context);
  }
};

}  // namespace bytes_handoff::test
