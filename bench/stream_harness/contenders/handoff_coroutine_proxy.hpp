#pragma once

#include <memory>

#include "contenders/proxy.hpp"

namespace stream_harness {

/// The loop of the project's README, compiled from its text: a coroutine that waits for frames,
/// sends the frames of a read with one `async_send`, and relays what comes behind the marker. It
/// reads on when all of them are admitted, with tickets, too. What is behind the last newline at
/// the end is a frame that was cut: `out` is reset, and the connection has failed.
template <class Reader, class Writer>
std::shared_ptr<Proxy> start_handoff_coroutine(Reader in, Writer out, const ProxyConfig& config,
                                               ProxyDone done);

}  // namespace stream_harness
