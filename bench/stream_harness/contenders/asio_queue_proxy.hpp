#pragma once

#include <memory>

#include "contenders/proxy.hpp"

namespace stream_harness {

/// What most programs on Asio have: reads of `read_bytes()` into a string, through Asio's dynamic
/// buffer; complete frames are cut out as strings of their own, and erased from its front once a
/// read; a deque of outgoing strings, of which one `async_write` after the other takes the first.
/// The deque has no bound. With tickets every item has a completion of its own, and the proxy reads
/// on when all of a read are written; without, it reads on whatever the sink does.
template <class Reader, class Writer>
std::shared_ptr<Proxy> start_asio_queue(Reader in, Writer out, const ProxyConfig& config,
                                        ProxyDone done);

}  // namespace stream_harness
