#pragma once

#include <cstddef>

#include "bytes_handoff/asio/ending/known_streams.hpp"
#include "bytes_handoff/asio/support/net.hpp"

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// Limit, in bytes, up to which a `WriteHandoff` copies small slices together before a write. 0: it
/// never does. The stream then gets the queued slices as several buffers in one write.
///
/// It trades a copy for fewer, larger writes. That pays for a stream that makes a record of each
/// write, and not for a socket. So the value is 16 KiB, the largest record of TLS, for
/// `ssl::stream` and types derived from it. It is 0 for all others.
///
/// No slice is cut: what does not fit goes with the next write. A larger slice goes alone. Slices
/// that are neighbours in one block are not copied.
///
/// For your own stream type, before the first `WriteHandoff` with it:
///
///     template <>
///     inline constexpr std::size_t bytes_handoff::kJoinedWriteBytes<MyStream> = 4096;
template <class AsyncWriteStream>
inline constexpr std::size_t kJoinedWriteBytes =
    detail::IsTls<AsyncWriteStream> ? std::size_t{16} * 1024 : 0;

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff
