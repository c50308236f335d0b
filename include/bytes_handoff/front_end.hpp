#pragma once

// For authors of front ends: code that reads into a `HandoffBuffer` from other I/O than Asio's
// streams. Its users need nothing of this. Include `handoff_buffer.hpp` with it.

#include <cstddef>
#include <span>

#include "bytes_handoff/error.hpp"
#include "bytes_handoff/expected.hpp"

namespace bytes_handoff {
class HandoffBuffer;
}  // namespace bytes_handoff

/// The steps of a read into a `HandoffBuffer`.
///
/// A read begins, gets bytes from its stream, and ends. While it runs, only the observers of the
/// buffer may be called. A front end calls one step at a time.
///
///     if (auto room = front_end::begin_read(buffer))
///       front_end::end_read(buffer, read_some(*room));
namespace bytes_handoff::front_end {

/// Begins a read, or goes on with a paused one, and returns the room that it is offered.
/// Invalidates views.
///
/// If nothing is buffered, a block larger than the usual one (`block_size`) is given back first,
/// unless `reserve_read_capacity` asked for it.
///
/// Errors: refused if the buffer is full. Throws what the source of blocks throws. In both cases no
///     read runs afterwards.
[[nodiscard]] expected<std::span<std::byte>, LimitExceeded> begin_read(HandoffBuffer& buffer);

/// As `begin_read`, for a stream that cannot tell when it is readable. Offers at most 512 bytes,
/// unless more was reserved. With nothing buffered they are in a small block.
[[nodiscard]] expected<std::span<std::byte>, LimitExceeded> begin_small_read(HandoffBuffer& buffer);

/// What is known of a stream behind a read.
enum class Remaining : unsigned char {
  unknown,  ///< if the read did not fill its room, the stream is taken for drained
  more,     ///< the stream has more bytes
};

/// Ends the read. The first `n` bytes of its room are appended. Precondition: `n` is at most the
/// size of that room.
void end_read(HandoffBuffer& buffer, std::size_t n,
              Remaining remaining = Remaining::unknown) noexcept;

/// Marks a read as running while it waits for its stream. `begin_read` goes on with it. Invalidates
/// views.
///
/// Meanwhile an empty buffer holds no block. Up to 4 KiB that are still buffered move to a small
/// one.
void pause_read(HandoffBuffer& buffer) noexcept;

/// Whether a read runs, a paused one included.
[[nodiscard]] bool is_reading(const HandoffBuffer& buffer) noexcept;

/// Whether the last read took all that its stream had. If so, wait for the stream before reading.
[[nodiscard]] bool is_stream_drained(const HandoffBuffer& buffer) noexcept;

}  // namespace bytes_handoff::front_end
