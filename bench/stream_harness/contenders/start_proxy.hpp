#pragma once

#include <memory>

#include "contenders/proxy.hpp"

namespace stream_harness {

/// Starts the contender that `implementation` names, between two sockets, two duplex streams, or
/// both ends of the cached transport. It keeps itself alive; the result is for stopping it. Throws
/// std::invalid_argument for `kSplice` where the streams are no sockets.
template <class Reader, class Writer>
std::shared_ptr<Proxy> start_proxy(Implementation implementation, Reader in, Writer out,
                                   const ProxyConfig& config, ProxyDone done);

}  // namespace stream_harness
