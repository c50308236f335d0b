#pragma once

#include <cstddef>
#include <utility>

#include "bytes_handoff/detail/net.hpp"
#include "bytes_handoff/handoff_buffer.hpp"
#include "bytes_handoff/impl/read_operation.hpp"

namespace bytes_handoff {

template <class AsyncReadStream, class CompletionToken>
auto HandoffBuffer::async_read_available(AsyncReadStream& stream, CompletionToken&& token) {
  return net::async_initiate<CompletionToken, void(net_error_code, std::size_t)>(
      detail::StartRead<AsyncReadStream>(*this, stream), token);
}

}  // namespace bytes_handoff
