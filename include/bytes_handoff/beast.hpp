#pragma once

// Makes Boost.Beast's streams known to `WriteHandoff` and `async_linger`: how they are ended, and
// reset. Include it wherever one of them is given to a `WriteHandoff`. With Boost.Asio only.
//
// - `beast::basic_stream`, so `beast::tcp_stream`, with any rate policy: ended as its socket. Its
//   timeouts and rate limits hold for every write, as they do without a queue.
// - `beast::ssl_stream`, `beast::flat_stream`, `beast::buffered_read_stream`: ended as what they
//   stand on. A TLS stream writes its `close_notify` first.

#include "bytes_handoff/end_write.hpp"

#if !defined(BYTES_HANDOFF_BOOST_ASIO)
#error "Boost.Beast's streams are Boost.Asio's: link the CMake target bytes_handoff::boost_asio"
#endif

#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/buffered_read_stream.hpp>
#include <boost/beast/core/flat_stream.hpp>

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

template <class Protocol, class Executor, class RatePolicy>
boost::beast::basic_stream<Protocol, Executor, RatePolicy>& as_beast_socket(
    boost::beast::basic_stream<Protocol, Executor, RatePolicy>& stream) noexcept {
  return stream;
}

template <class Next>
boost::beast::flat_stream<Next>& as_beast_layer(boost::beast::flat_stream<Next>& stream) noexcept {
  return stream;
}
template <class Next, class Buffer>
boost::beast::buffered_read_stream<Next, Buffer>& as_beast_layer(
    boost::beast::buffered_read_stream<Next, Buffer>& stream) noexcept {
  return stream;
}

template <class Stream>
concept IsBeastSocket = requires(Stream& stream) {
  detail::as_beast_socket(stream);
};

template <class Stream>
concept IsBeastLayer = requires(Stream& stream) {
  detail::as_beast_layer(stream);
};

template <IsBeastSocket Stream>
struct LayerOf<Stream> {
  static auto& of(Stream& stream) noexcept { return detail::as_beast_socket(stream).socket(); }
  // It ends what waits for a rate limit, too.
  static void reset(Stream& stream) { detail::as_beast_socket(stream).close(); }
};

template <IsBeastLayer Stream>
struct LayerOf<Stream> {
  static auto& of(Stream& stream) noexcept { return detail::as_beast_layer(stream).next_layer(); }
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
