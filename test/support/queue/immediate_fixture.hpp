#pragma once

#include <utility>

#include "support/queue/writer_fixture.hpp"

namespace bytes_handoff::test {

#if defined(BYTES_HANDOFF_HAS_IMMEDIATE_EXECUTOR)

inline const net::system_executor kInline;

/// Queues, and handlers whose immediate executor calls them at once.
class WithImmediateExecutor : public WriterFixture {
 protected:
  template <class Handler>
  [[nodiscard]] static auto at_once(Handler handler) {
    return net::bind_immediate_executor(kInline, std::move(handler));
  }
};

#endif

}  // namespace bytes_handoff::test
