#pragma once

#include "proxy.hpp"
#include "streams.hpp"

namespace stream_harness {

/// Makes the contender that `implementation` names and starts it.
void start_proxy(Implementation implementation, TcpStream in, TcpStream out,
                 const ProxyConfig& config, ProxyDone done);
void start_proxy(Implementation implementation, DuplexStream in, DuplexStream out,
                 const ProxyConfig& config, ProxyDone done);

}  // namespace stream_harness
