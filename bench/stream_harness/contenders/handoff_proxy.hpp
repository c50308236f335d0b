#pragma once

#include <memory>

#include "contenders/proxy.hpp"

namespace stream_harness {

/// The library's path: waits for frames, gives all frames of a read to a WriteHandoff in one
/// submission, and relays what comes behind the marker. With tickets it waits for each submission
/// to be written before it reads on. Without, reading and writing overlap as far as the write
/// budget has room for the block that is read into. So a sink that never reads costs a connection
/// at most the budget, one frame and one block. What is behind the last newline at the end is
/// passed on.
template <class Reader, class Writer>
std::shared_ptr<Proxy> start_handoff(Reader in, Writer out, const ProxyConfig& config,
                                     ProxyDone done);

}  // namespace stream_harness
