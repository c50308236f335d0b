#pragma once

// A buffer that lets more bytes come before it reads again: `HandoffBufferConfig::gather_for`.

#include <chrono>
#include <concepts>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

#include "bytes_handoff/detail/net.hpp"
#include "bytes_handoff/handoff_buffer.hpp"
#include "bytes_handoff/impl/later.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// Behind a read of `n` bytes: when the next one may begin.
inline void set_next_read(HandoffBuffer& buffer, std::size_t n) noexcept {
  const auto time = buffer.config().gather_for;
  if (time.count() != 0) {
    const bool is_little = n != 0 && n < ReadOn::kManyBytes && buffer.is_stream_drained();
    BufferAccess::read_on(buffer).next_read_at = is_little
                                                     ? later(std::chrono::steady_clock::now(), time)
                                                     : std::chrono::steady_clock::time_point();
  }
}

inline bool is_too_early(HandoffBuffer& buffer) noexcept {
  return buffer.config().gather_for.count() != 0 && buffer.len() < buffer.config().max_len &&
         BufferAccess::read_on(buffer).next_read_at > std::chrono::steady_clock::now();
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

/// What `async_wait_until` gives to its timer, which it owns.
template <class Stream, class Timer, class Read>
struct TimedRead {
  using executor_type = typename Read::executor_type;
  using allocator_type = typename Read::allocator_type;
  using cancellation_slot_type = typename Read::cancellation_slot_type;

  std::unique_ptr<Timer> timer;
  RaisedLowWaterMark<Stream> mark;
  Read read;

  [[nodiscard]] executor_type get_executor() const noexcept { return read.get_executor(); }
  [[nodiscard]] allocator_type get_allocator() const noexcept { return read.get_allocator(); }
  [[nodiscard]] cancellation_slot_type get_cancellation_slot() const noexcept {
    return read.get_cancellation_slot();
  }
  void operator()(const net_error_code& error) {
    mark.restore();
    // The slot still leads to the timer.
    if (auto slot = read.get_cancellation_slot(); slot.is_connected()) {
      slot.clear();
    }
    timer.reset();
    std::move(read)(error);
  }
};

/// Calls `read(error)` at that time, the low-water mark of `stream` raised until then: the edges of
/// bytes that drip in would wake its executor for each, whether or not anybody waits for them.
template <class Stream, class Read>
void async_wait_until(Stream& stream, std::chrono::steady_clock::time_point time, Read read) {
  using Clock = std::chrono::steady_clock;
  using Executor = std::remove_cvref_t<decltype(stream.get_executor())>;
  using Timer = net::basic_waitable_timer<Clock, net::wait_traits<Clock>, Executor>;
  auto timer = std::make_unique<Timer>(stream.get_executor(), time);
  RaisedLowWaterMark<Stream> mark(stream, static_cast<int>(ReadOn::kManyBytes));
  try {
    Timer& starts = *timer;
    starts.async_wait(TimedRead<Stream, Timer, Read>{std::move(timer), mark, std::move(read)});
  } catch (...) {
    mark.restore();
    throw;
  }
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
