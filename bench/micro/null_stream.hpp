#pragma once

#include <cstddef>
#include <utility>

#include "bytes_handoff/asio/support/net.hpp"

namespace bytes_handoff::bench {

/// A stream that takes everything at once and counts it.
class NullStream {
 public:
  using executor_type = net::io_context::executor_type;

  /// `taken` must outlive the stream.
  NullStream(net::io_context& context, std::size_t& taken) noexcept
      : executor_(context.get_executor()), taken_(&taken) {}

  [[nodiscard]] executor_type get_executor() const noexcept { return executor_; }
  [[nodiscard]] bool non_blocking() const noexcept { return true; }
  void non_blocking(bool, net_error_code& error) noexcept { error = net_error_code(); }

  template <class Buffers>
  std::size_t write_some(const Buffers& buffers, net_error_code& error) noexcept {
    error = net_error_code();
    const std::size_t n = net::buffer_size(buffers);
    *taken_ += n;
    return n;
  }

  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    net_error_code error;
    const std::size_t n = write_some(buffers, error);
    return net::async_initiate<Token, void(net_error_code, std::size_t)>(
        [this, n](auto handler) {
          net::post(executor_,
                    [handler = std::move(handler), n]() mutable { handler(net_error_code(), n); });
        },
        token);
  }

  friend void end_write(NullStream&, net_error_code& error) noexcept { error = net_error_code(); }

 private:
  executor_type executor_;
  std::size_t* taken_;
};

}  // namespace bytes_handoff::bench
