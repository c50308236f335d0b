#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

#include "bytes_handoff/detail/duplex_pipe.hpp"
#include "bytes_handoff/detail/net.hpp"
#include "bytes_handoff/impl/duplex_op_memory.hpp"
#include "bytes_handoff/impl/duplex_post.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// The first 64 non-empty buffers of a sequence, as segments that the core understands. `Segment`
/// is MutableSegment or ConstSegment.
template <typename Segment>
class DuplexSegments {
 public:
  using Byte = typename Segment::element_type;
  using Buffer = std::conditional_t<std::is_const_v<Byte>, net::const_buffer, net::mutable_buffer>;

  template <typename BufferSequence>
  explicit DuplexSegments(const BufferSequence& buffers) {
    const auto end = net::buffer_sequence_end(buffers);
    for (auto it = net::buffer_sequence_begin(buffers); it != end && count_ != kMax; ++it) {
      const Buffer buffer(*it);
      if (buffer.size() == 0) continue;
      using Pointer = std::conditional_t<std::is_const_v<Byte>, const Byte*, Byte*>;
      std::construct_at(&items_[count_], static_cast<Pointer>(buffer.data()), buffer.size());
      ++count_;
    }
  }

  std::span<const Segment> all() const noexcept { return {items_, count_}; }

 private:
  static constexpr std::size_t kMax = 64;

  static_assert(std::is_trivially_destructible_v<Segment>);
  union {
    Segment items_[kMax];  ///< The first `count_` are alive.
  };
  std::size_t count_ = 0;
};

/// A parked operation: the request that the core knows, the handler, and behind the object in the
/// same memory the segments of its buffers. `Request` is PipeRead, PipeWrite or PipeWait.
template <typename Request, typename Handler, typename IoExecutor>
class DuplexOp final : public Request {
  using Allocator = net::associated_allocator_t<Handler>;
  using Work = DuplexWork<Handler, IoExecutor>;
  static constexpr std::size_t kAlignment =
      std::max({alignof(std::max_align_t), alignof(Handler), alignof(Work), alignof(Allocator)});
  using Block = DuplexOpBlock<Allocator, kAlignment>;

 public:
  /// `home` outlives the operation, unless that is discarded. A wait has no segments.
  template <typename Segment>
  static DuplexOp& make(Handler&& handler, const IoExecutor& executor, DuplexOpMemory& home,
                        std::span<const Segment> segments) {
    static_assert(alignof(DuplexOp) <= kAlignment && alignof(Segment) <= alignof(DuplexOp));
    Block block(net::get_associated_allocator(handler), home,
                sizeof(DuplexOp) + segments.size_bytes());
    void* const address = block.address();
    auto* const op = ::new (address) DuplexOp(std::move(handler), executor, std::move(block));
    void* const behind = static_cast<std::byte*>(address) + sizeof(DuplexOp);
    auto* const copy = static_cast<Segment*>(behind);
    std::uninitialized_copy(segments.begin(), segments.end(), copy);
    if constexpr (std::is_base_of_v<PipeRead, Request>) op->into = {copy, segments.size()};
    if constexpr (std::is_base_of_v<PipeWrite, Request>) op->from = {copy, segments.size()};
    return *op;
  }

  /// Posts the handler; the memory is free again before that.
  void complete() override {
    const PipeResult outcome{this->status, this->bytes};
    Handler handler(std::move(handler_));
    const Work work(std::move(work_));
    {
      const Block block(std::move(block_));
      this->~DuplexOp();
    }
    duplex_post<Request>(work.executor(), std::move(handler), outcome);
  }

  /// Destroys the handler uninvoked.
  void discard() noexcept override {
    const Work work(std::move(work_));
    [[maybe_unused]] const Handler handler(std::move(handler_));
    Block block(std::move(block_));
    block.forget_home();
    this->~DuplexOp();
  }

 private:
  DuplexOp(Handler&& handler, const IoExecutor& executor, Block&& block)
      : work_(handler, executor), handler_(std::move(handler)), block_(std::move(block)) {}
  ~DuplexOp() = default;

  Work work_;
  Handler handler_;
  Block block_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
