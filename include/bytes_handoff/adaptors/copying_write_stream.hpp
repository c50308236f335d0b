#pragma once

#include <atomic>
#include <cstddef>
#include <memory>

#include "bytes_handoff/asio/support/default_token.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/write_handoff.hpp"

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// An AsyncWriteStream that copies what it is given into a write queue.
///
/// With it code that writes to any stream goes through a `WriteHandoff`, such as
/// `asio::async_write` and Beast's `http::async_write`. A write completes when its copy is
/// admitted. To wait until the bytes are written, use `WriteHandoff::async_flush`.
///
/// Not for code that can give up its bytes: `WriteHandoff::async_write` copies nothing.
///
/// One composed operation at a time. They write in steps: `asio::async_write` takes at most 64 KiB
///     and 16 buffers a step. So the bytes of two operations that run at once would be mixed, as on
///     a socket. This holds for two such streams in front of one queue, too. Other writes to the
///     queue may get between two steps.
/// Ownership: it has a handle, so it keeps the queue open. Move-only. It may be moved or destroyed
///     while a write is under way. It does not end the queue: use a handle.
/// Threads: distinct streams on any threads at once; one stream by one thread at a time.
///
///     CopyingWriteStream stream(out);
///     co_await http::async_write(stream, response, use_awaitable);  // admitted
///     co_await out.async_flush(use_awaitable);                      // written
class CopyingWriteStream {
 public:
  using executor_type = WriteHandoff::executor_type;

  /// Precondition: `out.valid()`. Throws `std::bad_alloc`. Cost: one allocation.
  explicit CopyingWriteStream(WriteHandoff out);
  CopyingWriteStream(CopyingWriteStream&&) noexcept = default;
  CopyingWriteStream& operator=(CopyingWriteStream&&) noexcept = default;

  /// As `WriteHandoff::get_executor`.
  [[nodiscard]] executor_type get_executor() const noexcept;

  /// Copies the front of `buffers`, and admits the copy as one write. If there is no room, waits in
  /// line as `WriteHandoff::async_write` does.
  ///
  /// It takes at most 64 KiB, and at most the queue's `max_pending_bytes`. The copy is made inside
  /// this call. No more than one copy waits for each stream.
  ///
  /// Completes: `void(error_code, std::size_t)`, with how many bytes were admitted. Empty buffers
  ///     complete with 0, and are no item of the queue.
  /// Errors: those of `WriteHandoff::async_write`, with 0 bytes. An error of the queue's stream is
  ///     told to writes that come later, as `Errc::closed`. Throws `std::bad_alloc`; nothing is
  ///     admitted then.
  /// Cancellation: all types, with `operation_aborted`. Then nothing was admitted.
  /// Overlap: with `BYTES_HANDOFF_CHECKS`, aborts if another write of this stream is under way. Two
  ///     composed operations that take turns are not noticed.
  /// Cost: one copy, O(n); one block from the queue's `block_source`; one allocation of the
  ///     operation, as in `WriteHandoff::async_write`.
  template <class ConstBufferSequence, class CompletionToken = DefaultToken>
  auto async_write_some(const ConstBufferSequence& buffers,
                        CompletionToken&& token = CompletionToken());

 private:
  WriteHandoff out_;
  std::shared_ptr<std::atomic<bool>> is_writing_;  // operations share it
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff

#include "bytes_handoff/asio/adaptors/copying_write_stream.hpp"
