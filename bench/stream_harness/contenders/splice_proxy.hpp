#pragma once

#include <memory>

#include "contenders/proxy.hpp"
#include "transports/streams.hpp"

namespace stream_harness {

/// What a proxy costs that looks at nothing: the kernel moves the bytes from socket to socket,
/// through a pipe, `SplicePipe::bytes_for(read_block)` at a time. Of Linux, and for TCP alone.
///
/// It tries before it waits, and lets others on its thread run after 16 moves. The pipe is the
/// configuration's; where that has none, it opens one, and ends with an error where it cannot.
std::shared_ptr<Proxy> start_splice(TcpStream in, TcpStream out, const ProxyConfig& config,
                                    ProxyDone done);

}  // namespace stream_harness
