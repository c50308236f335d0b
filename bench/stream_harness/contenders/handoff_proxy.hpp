#pragma once

#include <memory>

#include "contenders/proxy.hpp"

namespace stream_harness {

/// The library's path: reads what there is into a HandoffBuffer, splits the frames of a read off as
/// owned slices, and gives them to a WriteHandoff in one submission. After the marker the buffered
/// bytes go on as they come. With tickets it waits for each submission to be written before it
/// reads on; without, reading and writing overlap as far as the write budget has room for the block
/// that is read into. A frame that is longer than a block is held in pieces, a block each, until it
/// is complete: it is never moved, and each block goes when it is written. So a sink that never
/// reads costs a connection at most the budget, one frame and one block.
template <class Reader, class Writer>
std::shared_ptr<Proxy> start_handoff(Reader in, Writer out, const ProxyConfig& config,
                                     ProxyDone done);

}  // namespace stream_harness
