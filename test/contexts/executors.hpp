#pragma once

#include "support/asio.hpp"

namespace bytes_handoff::test {

// The executors that a stream of a context may have.

struct OnContext {
  static auto executor(net::io_context& context) { return context.get_executor(); }
};
struct OnStrand {
  static auto executor(net::io_context& context) { return net::make_strand(context); }
};
struct OnAny {
  static net::any_io_executor executor(net::io_context& context) {
    return net::make_strand(context);
  }
};

}  // namespace bytes_handoff::test
