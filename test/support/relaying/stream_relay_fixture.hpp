#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "support/asio.hpp"
#include "support/relaying/relay_fixture.hpp"
#include "support/run_for.hpp"

namespace bytes_handoff::test {

/// A context that the test steps.
class SteppedContext : public testing::Test {
 protected:
  std::unique_ptr<net::io_context> context = std::make_unique<net::io_context>(1);
};

/// A relay from one stream of one's own to another.
class StreamRelayTest : public RelayFixture<SteppedContext> {
 protected:
  template <class Out>
  [[nodiscard]] Out make_out() {
    return Out(context->get_executor(), to);
  }

  /// What nobody has lost: written, buffered, and not read yet.
  [[nodiscard]] std::string all() const {
    return to->written + std::string(buffer.peek_view()) + from->input;
  }

  std::shared_ptr<StreamScript> to = std::make_shared<StreamScript>();
};

}  // namespace bytes_handoff::test
