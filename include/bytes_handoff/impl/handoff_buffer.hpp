#pragma once

#include <cstddef>
#include <utility>

#include "bytes_handoff/detail/net.hpp"
#include "bytes_handoff/handoff_buffer.hpp"
#include "bytes_handoff/impl/gathering.hpp"
#include "bytes_handoff/impl/net_error.hpp"
#include "bytes_handoff/impl/post.hpp"
#include "bytes_handoff/impl/stream_traits.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// Room for a read, or why there is none.
inline net::mutable_buffer begin_read(HandoffBuffer& buffer, net_error_code& error) noexcept {
  try {
    if (auto room = buffer.begin_read()) {
      return {room->data(), room->size()};
    }
    error = to_net_error(Errc::limit_exceeded);
  } catch (...) {  // whatever a source of blocks throws
    error = net::error::no_memory;
  }
  return {};
}

/// Ends a read of `n` bytes. The end of the stream is 0 bytes without an error.
inline void end_read(HandoffBuffer& buffer, net_error_code& error, std::size_t n,
                     bool more_is_there = false) noexcept {
  buffer.end_read(n, more_is_there);
  set_next_read(buffer, n);
  if (error == net::error::eof) {
    error = net_error_code();
  }
}

/// Whether to wait for the stream before trying: not when the last read left something there, and
/// not when there is no room, which is an error at once. Measured in docs/design/0001: as fast as a
/// read that holds its block while it waits, without holding one.
inline bool is_worth_waiting(const HandoffBuffer& buffer) noexcept {
  return buffer.is_stream_drained() && buffer.len() < buffer.config().max_len;
}

/// One `async_read_available` under way: what a stream calls when it is readable, or has read.
template <class Stream, class Handler>
class ReadOp {
  using StreamExecutor = std::remove_cvref_t<decltype(std::declval<Stream&>().get_executor())>;

 public:
  using executor_type = net::associated_executor_t<Handler, StreamExecutor>;
  using allocator_type = net::associated_allocator_t<Handler>;
  using cancellation_slot_type = net::associated_cancellation_slot_t<Handler>;

  ReadOp(HandoffBuffer& buffer, Stream& stream, Handler handler)
      : buffer_(&buffer), stream_(&stream), handler_(std::move(handler)) {}

  [[nodiscard]] executor_type get_executor() const noexcept {
    return net::get_associated_executor(handler_, stream_->get_executor());
  }
  [[nodiscard]] allocator_type get_allocator() const noexcept {
    return net::get_associated_allocator(handler_);
  }
  [[nodiscard]] cancellation_slot_type get_cancellation_slot() const noexcept {
    return net::get_associated_cancellation_slot(handler_);
  }

  /// From the initiating function.
  void start() {
    net_error_code error;
    std::size_t n = 0;
    if (buffer_->is_reading()) {
      error = to_net_error(Errc::read_in_progress);
    } else if (is_too_early(*buffer_)) {
      gather();
      return;
    } else if (wait_first(error) || (!error && !read(error, n))) {
      return;
    }
    post_results(std::move(handler_), stream_->get_executor(), error, n);
  }

  /// The stream is readable, or its wait failed.
  void operator()(net_error_code error) {
    std::size_t n = 0;
    if (error) {
      end_read(*buffer_, error, 0);
    } else if (!read(error, n)) {
      return;
    }
    std::move(handler_)(error, n);
  }

  /// The stream has read.
  void operator()(net_error_code error, std::size_t n) {
    end_read(*buffer_, error, n);
    std::move(handler_)(error, n);
  }

 private:
  // Waits until the stream is readable, where that is better than trying. False when it does not.
  [[nodiscard]] bool wait_first(net_error_code& error) {
    if constexpr (ReadinessReadStream<Stream>) {
      if (is_worth_waiting(*buffer_)) {
        ensure_non_blocking(*stream_, error);
        if (!error) {
          wait();
          return true;
        }
      }
    }
    return false;
  }

  // Lets more bytes come, and then reads.
  void gather() {
    buffer_->pause_read();
    start_on_stream(
        [this] { async_wait_until(*stream_, read_on().next_read_at, std::move(*this)); });
  }

  void wait() {
    buffer_->pause_read();
    start_on_stream([this] { stream_->async_wait(Stream::wait_read, std::move(*this)); });
  }

  // When the stream does not even start, no read is left running in the buffer.
  template <class Start>
  void start_on_stream(Start start) {
    HandoffBuffer& buffer = *buffer_;
    try {
      start();
    } catch (...) {
      buffer.end_read(0);
      throw;
    }
  }

  // Reads what there is. False when the stream has taken this operation over, to wait.
  [[nodiscard]] bool read(net_error_code& error, std::size_t& n) {
    const net::mutable_buffer room = begin_read(*buffer_, error);
    if (error) {
      return true;
    }
    if constexpr (ReadinessReadStream<Stream>) {
      n = read_once(room, error);
      read_on().note(!error);
      if (is_to_try_again(error)) {
        wait();
        return false;
      }
      const bool more_is_there = !error && read_further(room + n, n, error);
      end_read(*buffer_, error, n, more_is_there);
      return true;
    } else {
      start_on_stream([&] { stream_->async_read_some(room, std::move(*this)); });
      return false;
    }
  }

  // Adds to the `n` bytes of a read what is worth reading behind it, or the error that is met
  // there. True when the next operation is to read at once, too.
  [[nodiscard]] bool read_further(net::mutable_buffer room, std::size_t& n,
                                  net_error_code& error) noexcept {
    std::size_t last = n;
    for (unsigned reads = 1; last != 0 && n < ReadOn::kManyBytes; ++reads) {
      if (!ReadsOn<Stream> || !read_on().is_worth_it()) {
        return false;
      }
      // There must be room for as many as last time, lest a message is cut.
      if (reads == ReadOn::kMostReads || room.size() < last) {
        return true;
      }
      net_error_code met;
      last = read_once(room, met);
      read_on().note(!met);
      if (met) {
        const bool is_end = met == net::error::eof;  // which the next operation meets again
        if (!is_end && !is_to_try_again(met)) {
          error = met;
        }
        return is_end;
      }
      n += last;
      room += last;
    }
    return last != 0;
  }

  [[nodiscard]] ReadOn& read_on() noexcept { return BufferAccess::read_on(*buffer_); }

  [[nodiscard]] std::size_t read_once(const net::mutable_buffer& room,
                                      net_error_code& error) noexcept {
    try {
      ensure_non_blocking(*stream_, error);
      return error ? 0 : stream_->read_some(room, error);
    } catch (...) {
      error = net::error::no_memory;
      return 0;
    }
  }

  HandoffBuffer* buffer_;
  Stream* stream_;
  Handler handler_;
};

struct StartRead {
  template <class Handler, class Stream>
  void operator()(Handler&& handler, HandoffBuffer* buffer, Stream* stream) const {
    ReadOp<Stream, std::decay_t<Handler>>(*buffer, *stream, std::forward<Handler>(handler)).start();
  }
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail

namespace bytes_handoff {

template <class AsyncReadStream, class CompletionToken>
auto HandoffBuffer::async_read_available(AsyncReadStream& stream, CompletionToken&& token) {
  return net::async_initiate<CompletionToken, void(net_error_code, std::size_t)>(
      detail::StartRead(), token, this, &stream);
}

}  // namespace bytes_handoff
