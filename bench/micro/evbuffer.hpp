#pragma once

#include <event2/buffer.h>

#include <memory>

namespace bytes_handoff::bench {

struct EvbufferFree {
  void operator()(evbuffer* buffer) const noexcept { evbuffer_free(buffer); }
};
/// libevent's buffer, a chain of blocks.
using Evbuffer = std::unique_ptr<evbuffer, EvbufferFree>;

}  // namespace bytes_handoff::bench
