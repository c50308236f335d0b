#pragma once

// A buffer that lets more bytes come before it reads again: `HandoffBufferConfig::gather_for`.

#include <chrono>
#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/time_of.hpp"
#include "bytes_handoff/core/reading/buffer_access.hpp"
#include "bytes_handoff/core/support/later.hpp"
#include "bytes_handoff/front_end.hpp"
#include "bytes_handoff/handoff_buffer.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// Behind a read of `n` bytes: when the next one may begin.
template <class Stream>
void set_next_read(HandoffBuffer& buffer, Stream& stream, std::size_t n) noexcept {
  const auto time = buffer.config().gather_for;
  if (time.count() != 0) {
    const bool is_little = n != 0 && n < ReadOn::kManyBytes && front_end::is_stream_drained(buffer);
    BufferAccess::next_read_at(buffer) =
        is_little ? later(now_at(stream), time) : std::chrono::steady_clock::time_point();
  }
}

template <class Stream>
bool is_too_early(HandoffBuffer& buffer, Stream& stream) noexcept {
  return buffer.config().gather_for.count() != 0 && buffer.size() < buffer.config().max_size &&
         BufferAccess::next_read_at(buffer) > now_at(stream);
}

/// Sockets, which need not wake their reader for every few bytes.
template <class Stream>
concept HasLowWaterMark = std::derived_from<Stream, net::socket_base> &&
    requires(Stream& stream, net::socket_base::receive_low_watermark& mark, net_error_code& error) {
  stream.set_option(mark, error);
  stream.get_option(mark, error);
};

/// Until `restore()`, the socket is told to be readable no sooner than `bytes` are there; other
/// streams, and sockets that cannot be told, are left alone. A read that does not wait takes what
/// is there all the same. Nothing is restored when it is destroyed: where it goes with the context,
/// the stream may have gone before.
template <class Stream>
class RaisedLowWaterMark {
 public:
  RaisedLowWaterMark(Stream& stream, int bytes) {
    if constexpr (HasLowWaterMark<Stream>) {
      net_error_code error;
      stream.get_option(before_, error);
      if (!error) {
        stream.set_option(net::socket_base::receive_low_watermark(bytes), error);
      }
      stream_ = error ? nullptr : &stream;
    }
  }

  void restore() {
    if constexpr (HasLowWaterMark<Stream>) {
      net_error_code ignored;
      if (stream_ != nullptr) {
        stream_->set_option(before_, ignored);
      }
    }
  }

 private:
  Stream* stream_ = nullptr;
  net::socket_base::receive_low_watermark before_;
};

/// One delay. The low-water mark of the stream is raised until its end: the edges of bytes that
/// drip in would wake its executor for each, whether or not anybody waits for them.
template <class Stream>
class Gathering {
  using Clock = std::chrono::steady_clock;

 public:
  Gathering(Stream& stream, Clock::time_point until)
      : timer_(stream.get_executor(), until), mark_(stream, static_cast<int>(ReadOn::kManyBytes)) {}

  template <class Handler>
  void async_wait(Handler handler) {
    timer_.async_wait(std::move(handler));
  }
  void end() { mark_.restore(); }

 private:
  typename TimeAt<Stream>::Timer timer_;
  RaisedLowWaterMark<Stream> mark_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
