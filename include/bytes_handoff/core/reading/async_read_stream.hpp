#pragma once

#include <type_traits>
#include <utility>

#include "bytes_handoff/core/support/abi.hpp"

namespace bytes_handoff::detail {

/// What a read needs to know of a stream of this type: `Room`, `Handler` and `DefaultToken`. The
/// shell defines it, since these are types of its Asio.
template <class Stream>
struct ReadTypes;

template <class Stream>
concept HasGetExecutor = requires(Stream& stream) {
  stream.get_executor();
};

template <class Stream>
concept HasAsyncReadSome = requires(Stream& stream, const typename ReadTypes<Stream>::Room& room,
                                    typename ReadTypes<Stream>::Handler handler) {
  stream.async_read_some(room, std::move(handler));
};

/// Asio's requirements of a stream that is read from.
template <class Stream>
concept AsyncReadStream = HasGetExecutor<Stream> && HasAsyncReadSome<Stream>;

/// The token of a read that is called without one.
template <class Stream>
using DefaultReadToken = typename ReadTypes<Stream>::DefaultToken;

/// A `WriteHandoff`, or what can stand in for one beside a read.
template <class Queue>
concept EndsReads = requires(const Queue& out) {
  end_for_reads(out);
};

/// Deduced from a `T&&`: what is gone behind the call.
template <class T>
concept Temporary = !std::is_lvalue_reference_v<T>;

}  // namespace bytes_handoff::detail
