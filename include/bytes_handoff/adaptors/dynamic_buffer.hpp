#pragma once

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string>

#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/core/reading/buffer_access.hpp"
#include "bytes_handoff/core/support/lifetimebound.hpp"
#include "bytes_handoff/handoff_buffer.hpp"

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// A `HandoffBuffer` as Asio's `DynamicBuffer_v1`.
///
/// With it code that reads into any dynamic buffer reads into a `HandoffBuffer`, such as
/// `asio::async_read_until` and Beast's `http::async_read`. What they read behind their message
/// stays in the buffer, for `frames`, `split_prefix` and the next parser.
///
/// Not for a loop of your own: `HandoffBuffer::async_read_available` and `frames` hold no memory
/// while they wait, and split slices off without a copy.
///
/// Ownership: it refers to the buffer, which must outlive it and its copies, and stay in place. A
///     copy refers to the same buffer: what one prepares, the other may commit.
/// Views: `prepare` invalidates those of the buffer, and what `data` and an earlier `prepare` have
///     returned. Bytes behind what `consume` drops stay where they are.
/// Threads: as the buffer. An operation uses the buffer until it completes: leave it alone
///     meanwhile, except for `peek` and the like.
/// Checks: with `BYTES_HANDOFF_CHECKS`, `prepare`, `commit` and `consume` abort while
///     `HandoffBuffer::async_read_available` runs.
/// Cost: every function is O(1) and allocates nothing, except for `prepare`. While an operation
///     waits, the buffer holds a block.
///
///     DynamicBuffer dynamic(buffer);
///     co_await http::async_read(socket, dynamic, request, use_awaitable);
///     for (Bytes& line : buffer.frames(lines)) handle(line);  // what came behind the request
class DynamicBuffer {
 public:
  using const_buffers_type = net::const_buffer;
  using mutable_buffers_type = net::mutable_buffer;

  explicit DynamicBuffer(HandoffBuffer& buffer BYTES_HANDOFF_LIFETIMEBOUND) noexcept
      : buffer_(&buffer) {}

  /// Bytes that are buffered.
  [[nodiscard]] std::size_t size() const noexcept { return buffer_->size(); }
  /// The buffer's `max_size`.
  [[nodiscard]] std::size_t max_size() const noexcept { return buffer_->config().max_size; }
  /// Bytes that the block at hand can hold, and at most `max_size()`. 0 without a block.
  [[nodiscard]] std::size_t capacity() const noexcept {
    return (std::min)(buffer_->capacity(), max_size());
  }
  /// The buffered bytes, as one buffer.
  [[nodiscard]] const_buffers_type data() const noexcept {
    return {buffer_->peek().data(), buffer_->size()};
  }

  /// Room for `n` bytes behind those that are buffered, as one buffer.
  ///
  /// Errors: throws `std::length_error` if the buffer would hold more than `max_size()`, and what
  ///     the source of blocks throws. The buffered bytes stay in both cases. Where the buffer is
  ///     full, Asio's reads do not ask for room: `async_read_until` reports `error::not_found`.
  ///     Beast's report `http::error::buffer_overflow`.
  /// Cost: as `HandoffBuffer::reserve_read_capacity`.
  [[nodiscard]] mutable_buffers_type prepare(std::size_t n) {
    const auto room = detail::BufferAccess::prepare(*buffer_, n);
    if (!room) {
      throw std::length_error("DynamicBuffer::prepare: the buffer would hold " +
                              std::to_string(room.error().attempted) + " bytes, the limit is " +
                              std::to_string(room.error().limit) + " (max_size)");
    }
    return {room->data(), room->size()};
  }
  /// Appends the first `n` bytes of what `prepare` has returned, or all of it if it has less.
  void commit(std::size_t n) noexcept { detail::BufferAccess::commit(*buffer_, n); }

  /// Drops the first `n` bytes, or all if there are less.
  void consume(std::size_t n) noexcept {
    static_cast<void>(buffer_->advance((std::min)(n, buffer_->size())));
  }

 private:
  HandoffBuffer* buffer_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff
