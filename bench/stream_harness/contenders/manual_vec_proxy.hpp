#pragma once

#include <memory>

#include "contenders/proxy.hpp"

namespace stream_harness {

/// What a careful engineer writes by hand: reads into a scratch of `read_bytes()`, appends to a
/// persistent vector of twice that, and writes each complete frame from the vector directly, one
/// write a frame. The vector is compacted when the consumed part is at least the scratch and
/// half of it. After the marker what is left in the vector is written, then the scratch as it is
/// read.
template <class Reader, class Writer>
std::shared_ptr<Proxy> start_manual_vec(Reader in, Writer out, const ProxyConfig& config,
                                        ProxyDone done);

}  // namespace stream_harness
