#pragma once

#include <cstddef>
#include <utility>

#include "bytes_handoff/asio/reading/read_operation.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/handoff_buffer.hpp"

namespace bytes_handoff {

template <class AsyncReadStream, class CompletionToken>
auto HandoffBuffer::async_read_available(AsyncReadStream& stream, CompletionToken&& token) {
  return net::async_initiate<CompletionToken, void(net_error_code, std::size_t)>(
      detail::StartRead<AsyncReadStream, detail::NoWriteQueue>(*this, stream, {}), token);
}

template <class AsyncReadStream, class Queue, class CompletionToken>
auto HandoffBuffer::async_read_available(AsyncReadStream& stream, const Queue& out,
                                         CompletionToken&& token) {
  auto told = end_for_reads(out);
  return net::async_initiate<CompletionToken, void(net_error_code, std::size_t)>(
      detail::StartRead<AsyncReadStream, decltype(told)>(*this, stream, std::move(told)), token);
}

}  // namespace bytes_handoff
