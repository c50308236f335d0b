#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/reading/read_operation.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/handoff_buffer.hpp"

namespace bytes_handoff {

namespace detail {

template <class Stream>
struct ReadTypes {
  using Room = net::mutable_buffer;
  struct Handler {
    void operator()(const net_error_code&, std::size_t) const {}
  };
  using Executor = std::remove_cvref_t<decltype(std::declval<Stream&>().get_executor())>;
  using DefaultToken = net::default_completion_token_t<Executor>;
};

}  // namespace detail

template <detail::AsyncReadStream Stream, class CompletionToken>
requires(!detail::EndsReads<CompletionToken>) auto HandoffBuffer::async_read_available(
    Stream& stream, CompletionToken&& token) {
  return net::async_initiate<CompletionToken, void(net_error_code, std::size_t)>(
      detail::StartRead<Stream, detail::AnyBytes, detail::NoWriteQueue>(*this, stream, {}, {}),
      token);
}

template <detail::AsyncReadStream Stream, detail::EndsReads Queue, class CompletionToken>
auto HandoffBuffer::async_read_available(Stream& stream, const Queue& out,
                                         CompletionToken&& token) {
  auto told = end_for_reads(out);
  return net::async_initiate<CompletionToken, void(net_error_code, std::size_t)>(
      detail::StartRead<Stream, detail::AnyBytes, decltype(told)>(*this, stream, {},
                                                                  std::move(told)),
      token);
}

template <detail::AsyncReadStream Stream, Framer F, class CompletionToken>
requires(!detail::EndsReads<CompletionToken>) auto HandoffBuffer::async_wait_frame(
    Stream& stream, F& framer, CompletionToken&& token) {
  return net::async_initiate<CompletionToken, void(net_error_code, std::size_t)>(
      detail::StartRead<Stream, detail::WholeFrame<F>, detail::NoWriteQueue>(*this, stream,
                                                                             {&framer}, {}),
      token);
}

template <detail::AsyncReadStream Stream, Framer F, detail::EndsReads Queue, class CompletionToken>
auto HandoffBuffer::async_wait_frame(Stream& stream, F& framer, const Queue& out,
                                     CompletionToken&& token) {
  auto told = end_for_reads(out);
  return net::async_initiate<CompletionToken, void(net_error_code, std::size_t)>(
      detail::StartRead<Stream, detail::WholeFrame<F>, decltype(told)>(*this, stream, {&framer},
                                                                       std::move(told)),
      token);
}

}  // namespace bytes_handoff
