#pragma once

#include <cstddef>
#include <memory>
#include <memory_resource>
#include <stdexcept>
#include <utility>

#include "bytes_handoff/asio/duplex/duplex_operations.hpp"
#include "bytes_handoff/testing/duplex.hpp"

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

template <DuplexExecutor Executor>
BasicDuplexStream<Executor>::BasicDuplexStream(std::shared_ptr<detail::DuplexLink> link,
                                               detail::DuplexSide side, const Executor& executor)
    : executor_(executor), link_(std::move(link)), side_(side) {
  link_->end(side_).attach(*link_, side_, detail::context_of(executor_));
}

template <DuplexExecutor Executor>
BasicDuplexStream<Executor>::BasicDuplexStream(BasicDuplexStream&& other) noexcept
    : executor_(other.executor_), link_(std::move(other.link_)), side_(other.side_) {}

template <DuplexExecutor Executor>
BasicDuplexStream<Executor>& BasicDuplexStream<Executor>::operator=(
    BasicDuplexStream&& other) noexcept {
  if (this != &other) {
    leave();
    executor_ = other.executor_;
    link_ = std::move(other.link_);
    side_ = other.side_;
  }
  return *this;
}

template <DuplexExecutor Executor>
template <DuplexExecutor OtherExecutor>
requires(!std::same_as<OtherExecutor, Executor> &&
         std::convertible_to<const OtherExecutor&, Executor>)
    BasicDuplexStream<Executor>::BasicDuplexStream(BasicDuplexStream<OtherExecutor>&& other)
noexcept : executor_(other.executor_), link_(std::move(other.link_)), side_(other.side_) {}

template <DuplexExecutor Executor>
BasicDuplexStream<Executor>::~BasicDuplexStream() {
  leave();
}

template <DuplexExecutor Executor>
void BasicDuplexStream<Executor>::leave() noexcept {
  const auto link = std::move(link_);
  if (link == nullptr) return;
  link->close(side_);  // while its context still waits for what it posts
  link->end(side_).detach();
}

template <DuplexExecutor Executor>
std::size_t BasicDuplexStream<Executor>::capacity() const noexcept {
  return link_ == nullptr ? 0 : link_->capacity();
}

template <DuplexExecutor Executor>
bool BasicDuplexStream<Executor>::is_open() const {
  return link_ != nullptr && link_->is_open(side_);
}

template <DuplexExecutor Executor>
std::size_t BasicDuplexStream<Executor>::available() const {
  return link_ == nullptr ? 0 : link_->available(side_);
}

template <DuplexExecutor Executor>
void BasicDuplexStream<Executor>::non_blocking(bool mode, net_error_code& error) noexcept {
  error = mode ? net_error_code() : net_error_code(net::error::operation_not_supported);
}

template <DuplexExecutor Executor>
void BasicDuplexStream<Executor>::non_blocking(bool mode) {
  net_error_code error;
  non_blocking(mode, error);
  if (error) throw net_system_error(error);
}

template <DuplexExecutor Executor>
template <typename MutableBufferSequence>
std::size_t BasicDuplexStream<Executor>::read_some(const MutableBufferSequence& buffers,
                                                   net_error_code& error) {
  static_assert(net::is_mutable_buffer_sequence<MutableBufferSequence>::value);
  const detail::DuplexSegments<detail::MutableSegment> segments(buffers);
  const detail::PipeResult result = link_ == nullptr
                                        ? detail::PipeResult{detail::PipeStatus::kClosed, 0}
                                        : link_->transfer(side_, segments.all());
  error = detail::duplex_error(result.status);
  return result.bytes;
}

template <DuplexExecutor Executor>
template <typename MutableBufferSequence>
std::size_t BasicDuplexStream<Executor>::read_some(const MutableBufferSequence& buffers) {
  net_error_code error;
  const std::size_t bytes = read_some(buffers, error);
  if (error) throw net_system_error(error);
  return bytes;
}

template <DuplexExecutor Executor>
template <typename ConstBufferSequence>
std::size_t BasicDuplexStream<Executor>::write_some(const ConstBufferSequence& buffers,
                                                    net_error_code& error) {
  static_assert(net::is_const_buffer_sequence<ConstBufferSequence>::value);
  const detail::DuplexSegments<detail::ConstSegment> segments(buffers);
  const detail::PipeResult result = link_ == nullptr
                                        ? detail::PipeResult{detail::PipeStatus::kClosed, 0}
                                        : link_->transfer(side_, segments.all());
  error = detail::duplex_error(result.status);
  return result.bytes;
}

template <DuplexExecutor Executor>
template <typename ConstBufferSequence>
std::size_t BasicDuplexStream<Executor>::write_some(const ConstBufferSequence& buffers) {
  net_error_code error;
  const std::size_t bytes = write_some(buffers, error);
  if (error) throw net_system_error(error);
  return bytes;
}

template <DuplexExecutor Executor>
void BasicDuplexStream<Executor>::cancel() {
  if (link_ != nullptr) link_->cancel(side_);
}

template <DuplexExecutor Executor>
void BasicDuplexStream<Executor>::cancel(net_error_code& error) {
  cancel();
  error.clear();
}

template <DuplexExecutor Executor>
void BasicDuplexStream<Executor>::shutdown(shutdown_type what, net_error_code& error) {
  const bool receive = what != shutdown_send;
  const bool send = what != shutdown_receive;
  const bool open = link_ != nullptr && link_->shut(side_, receive, send);
  error = open ? net_error_code() : net_error_code(net::error::bad_descriptor);
}

template <DuplexExecutor Executor>
void BasicDuplexStream<Executor>::shutdown(shutdown_type what) {
  net_error_code error;
  shutdown(what, error);
  if (error) throw net_system_error(error);
}

template <DuplexExecutor Executor>
void BasicDuplexStream<Executor>::close() {
  if (link_ != nullptr) link_->close(side_);
}

template <DuplexExecutor Executor>
void BasicDuplexStream<Executor>::close(net_error_code& error) {
  close();
  error.clear();
}

template <DuplexExecutor Executor>
void BasicDuplexStream<Executor>::reset() noexcept {
  if (link_ != nullptr) link_->reset(side_);
}

template <DuplexExecutor Executor>
template <typename MutableBufferSequence,
          net::completion_token_for<void(net_error_code, std::size_t)> Token>
auto BasicDuplexStream<Executor>::async_read_some(const MutableBufferSequence& buffers,
                                                  Token&& token) {
  static_assert(net::is_mutable_buffer_sequence<MutableBufferSequence>::value);
  return net::async_initiate<Token, void(net_error_code, std::size_t)>(
      detail::StartDuplexTransfer<Executor, detail::MutableSegment>(*this), token, buffers);
}

template <DuplexExecutor Executor>
template <typename ConstBufferSequence,
          net::completion_token_for<void(net_error_code, std::size_t)> Token>
auto BasicDuplexStream<Executor>::async_write_some(const ConstBufferSequence& buffers,
                                                   Token&& token) {
  static_assert(net::is_const_buffer_sequence<ConstBufferSequence>::value);
  return net::async_initiate<Token, void(net_error_code, std::size_t)>(
      detail::StartDuplexTransfer<Executor, detail::ConstSegment>(*this), token, buffers);
}

template <DuplexExecutor Executor>
template <net::completion_token_for<void(net_error_code)> Token>
auto BasicDuplexStream<Executor>::async_wait(wait_type what, Token&& token) {
  const auto condition = what == wait_read    ? detail::PipeCondition::kReadable
                         : what == wait_write ? detail::PipeCondition::kWritable
                                              : detail::PipeCondition::kBroken;
  return net::async_initiate<Token, void(net_error_code)>(detail::StartDuplexWait<Executor>(*this),
                                                          token, condition);
}

template <DuplexExecutor First, DuplexExecutor Second>
std::pair<BasicDuplexStream<First>, BasicDuplexStream<Second>> make_duplex(
    const First& first, const Second& second, std::size_t capacity,
    std::pmr::memory_resource* block_source) {
  if (capacity == 0) throw std::invalid_argument("the capacity of a duplex must not be 0");
  const auto link = std::make_shared<detail::DuplexLink>(capacity, block_source);
  auto one = detail::DuplexAccess::make_end(link, detail::DuplexSide::kFirst, first);
  auto two = detail::DuplexAccess::make_end(link, detail::DuplexSide::kSecond, second);
  return {std::move(one), std::move(two)};
}

template <DuplexExecutor Executor>
std::pair<BasicDuplexStream<Executor>, BasicDuplexStream<Executor>> make_duplex(
    const Executor& executor, std::size_t capacity, std::pmr::memory_resource* block_source) {
  return make_duplex(executor, executor, capacity, block_source);
}

template <DuplexContext First, DuplexContext Second>
auto make_duplex(First& first, Second& second, std::size_t capacity,
                 std::pmr::memory_resource* block_source) {
  return make_duplex(first.get_executor(), second.get_executor(), capacity, block_source);
}

template <DuplexContext Context>
auto make_duplex(Context& context, std::size_t capacity, std::pmr::memory_resource* block_source) {
  return make_duplex(context.get_executor(), capacity, block_source);
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff
