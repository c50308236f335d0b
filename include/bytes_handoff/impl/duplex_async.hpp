#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include "bytes_handoff/duplex.hpp"
#include "bytes_handoff/impl/duplex_cancel.hpp"
#include "bytes_handoff/impl/duplex_op.hpp"
#include "bytes_handoff/impl/duplex_post.hpp"

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

template <DuplexExecutor Executor>
class BasicDuplexStream<Executor>::InitiateRead {
 public:
  using executor_type = Executor;
  explicit InitiateRead(BasicDuplexStream& stream) noexcept : stream_(&stream) {}
  executor_type get_executor() const noexcept { return stream_->get_executor(); }

  template <typename Handler, typename Buffers>
  void operator()(Handler&& handler, const Buffers& buffers) const {
    const detail::DuplexSegments<detail::MutableSegment> segments(buffers);
    stream_->template transfer<detail::PipeRead>(std::forward<Handler>(handler), segments);
  }

 private:
  BasicDuplexStream* stream_;
};

template <DuplexExecutor Executor>
class BasicDuplexStream<Executor>::InitiateWrite {
 public:
  using executor_type = Executor;
  explicit InitiateWrite(BasicDuplexStream& stream) noexcept : stream_(&stream) {}
  executor_type get_executor() const noexcept { return stream_->get_executor(); }

  template <typename Handler, typename Buffers>
  void operator()(Handler&& handler, const Buffers& buffers) const {
    const detail::DuplexSegments<detail::ConstSegment> segments(buffers);
    stream_->template transfer<detail::PipeWrite>(std::forward<Handler>(handler), segments);
  }

 private:
  BasicDuplexStream* stream_;
};

template <DuplexExecutor Executor>
class BasicDuplexStream<Executor>::InitiateWait {
 public:
  using executor_type = Executor;
  explicit InitiateWait(BasicDuplexStream& stream) noexcept : stream_(&stream) {}
  executor_type get_executor() const noexcept { return stream_->get_executor(); }

  template <typename Handler>
  void operator()(Handler&& handler, wait_type what) const {
    stream_->wait(std::forward<Handler>(handler), what);
  }

 private:
  BasicDuplexStream* stream_;
};

template <DuplexExecutor Executor>
template <typename MutableBufferSequence,
          net::completion_token_for<void(net_error_code, std::size_t)> Token>
auto BasicDuplexStream<Executor>::async_read_some(const MutableBufferSequence& buffers,
                                                  Token&& token) {
  static_assert(net::is_mutable_buffer_sequence<MutableBufferSequence>::value);
  return net::async_initiate<Token, void(net_error_code, std::size_t)>(InitiateRead(*this), token,
                                                                       buffers);
}

template <DuplexExecutor Executor>
template <typename ConstBufferSequence,
          net::completion_token_for<void(net_error_code, std::size_t)> Token>
auto BasicDuplexStream<Executor>::async_write_some(const ConstBufferSequence& buffers,
                                                   Token&& token) {
  static_assert(net::is_const_buffer_sequence<ConstBufferSequence>::value);
  return net::async_initiate<Token, void(net_error_code, std::size_t)>(InitiateWrite(*this), token,
                                                                       buffers);
}

template <DuplexExecutor Executor>
template <net::completion_token_for<void(net_error_code)> Token>
auto BasicDuplexStream<Executor>::async_wait(wait_type what, Token&& token) {
  return net::async_initiate<Token, void(net_error_code)>(InitiateWait(*this), token, what);
}

template <DuplexExecutor Executor>
template <typename Request, typename Segments, typename Handler>
void BasicDuplexStream<Executor>::transfer(Handler&& handler, const Segments& segments) {
  constexpr bool kReads = std::is_same_v<Request, detail::PipeRead>;
  detail::PipeResult outcome{detail::PipeStatus::kClosed, 0};
  if (link_ != nullptr) {
    if constexpr (kReads) {
      outcome = link_->read(side_, segments.all());
    } else {
      outcome = link_->write(side_, segments.all());
    }
  }
  if (outcome.status != detail::PipeStatus::kWouldBlock) {
    post_outcome<Request>(std::forward<Handler>(handler), outcome);
    return;
  }
  detail::DuplexEnd& end = link_->end(side_);
  const std::uint64_t id = connect_cancellation(handler);
  using Op = detail::DuplexOp<Request, std::decay_t<Handler>, Executor>;
  auto& op = Op::make(std::forward<Handler>(handler), executor_,
                      kReads ? end.read_memory : end.write_memory, segments.all());
  op.id = id;
  link_->start(side_, op);
}

template <DuplexExecutor Executor>
template <typename Handler>
void BasicDuplexStream<Executor>::wait(Handler&& handler, wait_type what) {
  const auto condition = what == wait_read    ? detail::PipeCondition::kReadable
                         : what == wait_write ? detail::PipeCondition::kWritable
                                              : detail::PipeCondition::kBroken;
  const auto status =
      link_ == nullptr ? detail::PipeStatus::kClosed : link_->poll(side_, condition);
  if (status != detail::PipeStatus::kWouldBlock) {
    post_outcome<detail::PipeWait>(std::forward<Handler>(handler), {status, 0});
    return;
  }
  detail::DuplexEnd& end = link_->end(side_);
  const std::uint64_t id = connect_cancellation(handler);
  using Op = detail::DuplexOp<detail::PipeWait, std::decay_t<Handler>, Executor>;
  auto& op = Op::make(std::forward<Handler>(handler), executor_,
                      what == wait_read ? end.read_wait_memory : end.write_wait_memory,
                      std::span<const detail::ConstSegment>());
  op.id = id;
  op.condition = condition;
  link_->start(side_, op);
}

template <DuplexExecutor Executor>
template <typename Handler>
std::uint64_t BasicDuplexStream<Executor>::connect_cancellation(const Handler& handler) const {
  auto slot = net::get_associated_cancellation_slot(handler);
  if (!slot.is_connected()) return 0;
  const std::uint64_t id = link_->next_id();
  slot.template emplace<detail::DuplexCancel>(link_, side_, id);
  return id;
}

template <DuplexExecutor Executor>
template <typename Request, typename Handler>
void BasicDuplexStream<Executor>::post_outcome(Handler&& handler,
                                               detail::PipeResult outcome) const {
  const auto executor = net::get_associated_executor(handler, executor_);
  detail::duplex_post<Request>(executor, std::forward<Handler>(handler), outcome);
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff
