#pragma once

#include <memory>

#include "contenders/proxy.hpp"

namespace stream_harness {

/// Copies without looking: reads into a buffer of `read_bytes()`, writes all of that, and again.
template <class Reader, class Writer>
std::shared_ptr<Proxy> start_raw_copy(Reader in, Writer out, const ProxyConfig& config,
                                      ProxyDone done);

}  // namespace stream_harness
