#pragma once

#include "bytes_handoff/asio/support/net.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

template <class Stream>
concept HasLowestLayer = requires(Stream& stream) {
  typename Stream::lowest_layer_type;
  stream.lowest_layer();
};

template <class Stream>
struct LowestLayerOf {
  using type = Stream;
};
template <HasLowestLayer Stream>
struct LowestLayerOf<Stream> {
  using type = typename Stream::lowest_layer_type;
};

/// What Asio calls the lowest layer of a stream. One that has none is its own.
template <class Stream>
using LowestLayer = typename LowestLayerOf<Stream>::type;

template <class Lowest, class Stream>
[[nodiscard]] Lowest& lowest_layer_of(Stream& stream) noexcept {
  if constexpr (HasLowestLayer<Stream>) {
    return stream.lowest_layer();
  } else {
    return stream;
  }
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
