#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <utility>

#include "bytes_handoff/asio/support/net.hpp"

namespace bytes_handoff::bench {

/// An AsyncReadStream over bytes that are there already: each read gives at most `bytes_per_read`
/// of them and completes through a post, behind the last one comes the end of the stream. It has no
/// readiness waits, so that every contender reads in the same way.
class ChunkedSource {
 public:
  using executor_type = net::io_context::executor_type;

  /// `bytes` must outlive the source.
  ChunkedSource(net::io_context& context, std::span<const std::byte> bytes,
                std::size_t bytes_per_read) noexcept
      : executor_(context.get_executor()), left_(bytes), bytes_per_read_(bytes_per_read) {}

  [[nodiscard]] executor_type get_executor() const noexcept { return executor_; }

  template <class Token>
  auto async_read_some(const net::mutable_buffer& room, Token&& token) {
    return net::async_initiate<Token, void(net_error_code, std::size_t)>(
        [this](auto handler, const net::mutable_buffer& target) {
          const std::size_t n = take(target);
          const net_error_code error = n == 0 ? net::error::eof : net_error_code();
          net::post(executor_,
                    [handler = std::move(handler), error, n]() mutable { handler(error, n); });
        },
        token, room);
  }

 private:
  std::size_t take(const net::mutable_buffer& target) noexcept {
    const std::size_t n = std::min({left_.size(), target.size(), bytes_per_read_});
    std::memcpy(target.data(), left_.data(), n);
    left_ = left_.subspan(n);
    return n;
  }

  executor_type executor_;
  std::span<const std::byte> left_;
  std::size_t bytes_per_read_;
};

}  // namespace bytes_handoff::bench
