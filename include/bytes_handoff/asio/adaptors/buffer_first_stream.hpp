#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#include "bytes_handoff/adaptors/buffer_first_stream.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/net_error.hpp"
#include "bytes_handoff/asio/support/post.hpp"
#include "bytes_handoff/bytes_mut.hpp"
#include "bytes_handoff/core/reading/buffer_access.hpp"
#include "bytes_handoff/error.hpp"
#include "bytes_handoff/front_end.hpp"
#include "bytes_handoff/handoff_buffer.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// Starts a read of a stream with a buffer in front.
template <class Next>
class StartReadBehind {
 public:
  using executor_type = std::remove_cvref_t<decltype(std::declval<Next&>().get_executor())>;

  StartReadBehind(HandoffBuffer& buffer, Next& next) noexcept : buffer_(&buffer), next_(&next) {}

  [[nodiscard]] executor_type get_executor() const noexcept { return next_->get_executor(); }

  template <class Handler, class Buffers>
  void operator()(Handler&& handler, const Buffers& buffers) const {
    const std::size_t room = net::buffer_size(buffers);
    if (front_end::is_reading(*buffer_)) {
      post(std::forward<Handler>(handler), to_net_error(Errc::read_in_progress), 0);
    } else if (room == 0) {
      post(std::forward<Handler>(handler), {}, 0);
    } else if (buffer_->empty()) {
      next_->async_read_some(buffers, std::forward<Handler>(handler));
    } else {
      take_front(std::forward<Handler>(handler), buffers, room);
    }
  }

 private:
  // The bytes leave the buffer before the handler may run, which may be at once, and elsewhere.
  template <class Handler, class Buffers>
  void take_front(Handler&& handler, const Buffers& buffers, std::size_t room) const {
    const auto front = buffer_->peek();
    const std::size_t n =
        net::buffer_copy(buffers, net::const_buffer(front.data(), front.size()), room);
    BytesMut taken = *buffer_->split_prefix_mut(n);
    try {
      post(std::forward<Handler>(handler), {}, n);
    } catch (...) {
      BufferAccess::put_back(*buffer_, std::move(taken).freeze());
      throw;
    }
  }

  template <class Handler>
  void post(Handler&& handler, const net_error_code& error, std::size_t n) const {
    BYTES_HANDOFF_HANDLER_LOCATION("BufferFirstStream::async_read_some");
    post_results(std::decay_t<Handler>(std::forward<Handler>(handler)), next_->get_executor(),
                 error, n);
  }

  HandoffBuffer* buffer_;
  Next* next_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

template <class Next, class Buffer>
template <class MutableBufferSequence, class CompletionToken>
auto BufferFirstStream<Next, Buffer>::async_read_some(const MutableBufferSequence& buffers,
                                                      CompletionToken&& token) {
  return net::async_initiate<CompletionToken, void(net_error_code, std::size_t)>(
      detail::StartReadBehind<next_layer_type>(buffer_, next_), token, buffers);
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff
