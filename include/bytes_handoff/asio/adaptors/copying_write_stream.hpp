#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <memory_resource>
#include <span>
#include <tuple>
#include <utility>

#include "bytes_handoff/adaptors/copying_write_stream.hpp"
#include "bytes_handoff/asio/writing/write_operations.hpp"
#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/bytes_mut.hpp"
#include "bytes_handoff/core/support/check.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// The most bytes that one write of a `CopyingWriteStream` takes. `asio::async_write` offers no
/// more in a step, so none of its steps is cut again.
inline constexpr std::size_t kMaxCopiedWriteBytes = 64 * 1024;

/// Says that a write of a stream is under way, for as long as it lives.
class OneWriteAtATime {
 public:
  explicit OneWriteAtATime(std::shared_ptr<std::atomic<bool>> is_writing) noexcept
      : is_writing_(std::move(is_writing)) {
    [[maybe_unused]] const bool was_writing = is_writing_->exchange(true);
    BYTES_HANDOFF_CHECK(!was_writing, "CopyingWriteStream::async_write_some: a write is under way");
  }
  OneWriteAtATime(OneWriteAtATime&&) noexcept = default;
  OneWriteAtATime& operator=(OneWriteAtATime&&) = delete;
  ~OneWriteAtATime() {
    if (is_writing_ != nullptr) {
      is_writing_->store(false);
    }
  }

 private:
  std::shared_ptr<std::atomic<bool>> is_writing_;
};

struct CopiedBytes {
  OneWriteAtATime claim;
  Bytes bytes;
};

/// What is to be copied where a write starts.
template <class Buffers>
struct CopySource {
  std::shared_ptr<std::atomic<bool>> is_writing;
  Buffers buffers;
  std::size_t most_bytes;
  std::pmr::memory_resource* block_source;

  [[nodiscard]] CopiedBytes copy() const {
    OneWriteAtATime claim(is_writing);
    const std::size_t n = (std::min)(net::buffer_size(buffers), most_bytes);
    BytesMut copy = BytesMut::with_capacity(n, block_source);
    copy.commit(net::buffer_copy(net::mutable_buffer(copy.spare().data(), n), buffers));
    return {std::move(claim), std::move(copy).freeze()};
  }
};

/// A write whose bytes are its own until they are admitted: copied where it is made, before it
/// stands in line. The stream may have another one as soon as this is destroyed, which is before
/// its handler is called.
template <class Buffers>
class CopiedWrite : public RoomWait {
 public:
  static constexpr const char* kName = "CopyingWriteStream::async_write_some";
  using Parameters = CopySource<Buffers>;

  CopiedWrite(WriterPointer writer, const Parameters& of)
      : RoomWait(std::move(writer), AsksFor::kWrite),
        copied_(of.copy()),
        size_(copied_.bytes.size()) {
    slices = {&copied_.bytes, 1};
  }

  [[nodiscard]] bool begin(Effects& effects) {
    if (size_ == 0) {
      refusal.reset();
      has_waited_ = false;
      return true;
    }
    return RoomWait::begin(effects);
  }
  [[nodiscard]] std::tuple<net_error_code, std::size_t> results() noexcept {
    const net_error_code why = error();
    return {why, why ? 0 : size_};
  }

 private:
  CopiedBytes copied_;
  const std::size_t size_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

inline CopyingWriteStream::CopyingWriteStream(WriteHandoff out)
    : out_(std::move(out)), is_writing_(std::make_shared<std::atomic<bool>>(false)) {}

inline CopyingWriteStream::executor_type CopyingWriteStream::get_executor() const noexcept {
  return out_.get_executor();
}

template <class ConstBufferSequence, class CompletionToken>
auto CopyingWriteStream::async_write_some(const ConstBufferSequence& buffers,
                                          CompletionToken&& token) {
  using Write = detail::CopiedWrite<ConstBufferSequence>;
  detail::WriterPointer writer(out_.checked());
  const detail::WriteQueue& queue = writer->queue();
  const std::size_t most =
      (std::min)(queue.config().max_pending_bytes, detail::kMaxCopiedWriteBytes);
  typename Write::Parameters source{is_writing_, buffers, most, queue.block_source()};
  return net::async_initiate<CompletionToken, void(net_error_code, std::size_t)>(
      detail::StartWait<Write>(std::move(writer), std::move(source)), token);
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff
