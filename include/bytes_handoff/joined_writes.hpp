#pragma once

#include <cstddef>

#include "bytes_handoff/asio/ending/known_streams.hpp"
#include "bytes_handoff/asio/support/net.hpp"

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// Up to how many bytes a `WriteHandoff` copies small slices together before it gives them to the
/// stream; 0: it never does, and the stream gets what has queued up as one gather.
///
/// It trades a copy for fewer, larger writes. A stream that makes a record, a message or a packet
/// of each write, and takes no more than the first few KiB of a gather, is better off with slices
/// that were joined to the size of a record. A socket is not. So it is 16 KiB, the largest record
/// of TLS, for `ssl::stream` and types that are derived from it,
/// and 0 for all others. No slice is cut: one that does not fit any more goes with the next write,
/// and one that is larger goes alone, as it is. Slices that are neighbours in one block are not
/// copied.
///
/// For a stream of one's own, before the first `WriteHandoff` in front of it:
///
///     template <>
///     inline constexpr std::size_t bytes_handoff::kJoinedWriteBytes<MyStream> = 4096;
template <class AsyncWriteStream>
inline constexpr std::size_t kJoinedWriteBytes =
    detail::IsTls<AsyncWriteStream> ? std::size_t{16} * 1024 : 0;

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff
