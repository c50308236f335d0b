#pragma once

#include <memory>

#include "contenders/proxy.hpp"
#include "transports/cached_streams.hpp"
#include "transports/streams.hpp"

namespace stream_harness {

/// Makes the contender that `implementation` names and starts it. It keeps itself alive; the result
/// is for stopping it. Throws std::invalid_argument for `kSplice` where the streams are no sockets.
std::shared_ptr<Proxy> start_proxy(Implementation implementation, TcpStream in, TcpStream out,
                                   const ProxyConfig& config, ProxyDone done);
std::shared_ptr<Proxy> start_proxy(Implementation implementation, DuplexStream in, DuplexStream out,
                                   const ProxyConfig& config, ProxyDone done);
std::shared_ptr<Proxy> start_proxy(Implementation implementation, CachedSource in, CountingSink out,
                                   const ProxyConfig& config, ProxyDone done);

}  // namespace stream_harness
