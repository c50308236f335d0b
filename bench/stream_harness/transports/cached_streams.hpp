#pragma once

#include <algorithm>
#include <asio/buffer.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "bytes_handoff/asio/support/post.hpp"
#include "transports/cached_payload.hpp"
#include "transports/streams.hpp"
#include "workload/sink.hpp"

namespace stream_harness {

// The two ends that a proxy has with `--transport cached`: nobody writes to the one, and nobody
// reads from the other, so that what a run costs is the proxy's own. They behave as sockets do that
// are always ready, and as the duplex: a call that does not wait has its result at once; an
// operation that is started with `async_` is done at once, and its handler is posted to its
// associated executor, never called from inside the call. So each contender pays the executor for
// what it does through it, and saves what it can do without. There is nothing to cancel: an
// operation whose outcome is posted completes with it.

/// What both have of a socket. Not thread-safe.
class CachedStream : public net::socket_base {
 public:
  using executor_type = Executor;

  explicit CachedStream(const Executor& executor) : executor_(executor) {}

  [[nodiscard]] executor_type get_executor() const noexcept { return executor_; }

  /// No call ever blocks, so this is always true.
  [[nodiscard]] bool non_blocking() const noexcept { return true; }
  void non_blocking(bool mode, net_error_code& error) noexcept {
    error = mode ? net_error_code() : net_error_code(net::error::operation_not_supported);
  }

 protected:
  /// Posts the outcome of an operation that is over.
  template <class Handler, class... Results>
  void complete(Handler handler, Results... results) const {
    bytes_handoff::detail::post_results(std::move(handler), executor_, results...);
  }

 private:
  Executor executor_;
};

/// Hands out a payload, at most a fragment a read, and then the end of the stream.
class CachedSource : public CachedStream {
 public:
  CachedSource(const Executor& executor, std::shared_ptr<const CachedPayload> payload,
               std::size_t fragment_bytes)
      : CachedStream(executor), payload_(std::move(payload)), fragment_bytes_(fragment_bytes) {}

  /// Copies the next bytes into the first buffers. Returns how many: 0 where there is no room, and
  /// with an error: `eof` behind the last, `bad_descriptor` once it is closed.
  template <class MutableBuffers>
  std::size_t read_some(const MutableBuffers& buffers, net_error_code& error) {
    error = state();
    const std::size_t room = net::buffer_size(buffers);
    if (error || room == 0) return 0;
    const auto bytes = payload_->at(position_, std::min(fragment_bytes_, room));
    if (bytes.empty()) error = net::error::eof;
    position_ += bytes.size();
    return net::buffer_copy(buffers, net::buffer(bytes.data(), bytes.size()));
  }

  template <class MutableBuffers, class Token>
  auto async_read_some(const MutableBuffers& buffers, Token&& token) {
    return net::async_initiate<Token, void(net_error_code, std::size_t)>(
        [this](auto&& handler, const MutableBuffers& room) {
          net_error_code error;
          const std::size_t bytes = read_some(room, error);
          complete(std::forward<decltype(handler)>(handler), error, bytes);
        },
        token, buffers);
  }

  /// It is readable at all times.
  template <class Token>
  auto async_wait(wait_type, Token&& token) {
    return net::async_initiate<Token, void(net_error_code)>(
        [this](auto&& handler) { complete(std::forward<decltype(handler)>(handler), state()); },
        token);
  }

  void close(net_error_code& error) noexcept {
    error = {};
    open_ = false;
  }

 private:
  [[nodiscard]] net_error_code state() const noexcept {
    return open_ ? net_error_code() : net_error_code(net::error::bad_descriptor);
  }

  std::shared_ptr<const CachedPayload> payload_;
  std::size_t fragment_bytes_;
  std::uint64_t position_ = 0;
  bool open_ = true;
};

/// Takes all that is written to it and counts it; an inspector sees every byte. Calls `done` once:
/// when it is shut down, when a byte is wrong, or else when it is closed.
class CountingSink : public CachedStream {
 public:
  using Done = std::function<void(SinkResult)>;

  /// `config` needs no shared buffer.
  CountingSink(const Executor& executor, SinkConfig config, Done done);
  CountingSink(CountingSink&&) noexcept = default;
  CountingSink& operator=(CountingSink&&) = delete;
  ~CountingSink();

  /// Returns how many bytes `buffers` have, or 0 and an error: `broken_pipe` once it is shut down
  /// or a byte was wrong, `bad_descriptor` once it is closed.
  template <class ConstBuffers>
  std::size_t write_some(const ConstBuffers& buffers, net_error_code& error) {
    error = state();
    std::size_t taken = 0;
    const auto end = net::buffer_sequence_end(buffers);
    for (auto it = net::buffer_sequence_begin(buffers); it != end && !error; ++it) {
      const net::const_buffer buffer(*it);
      take({static_cast<const std::byte*>(buffer.data()), buffer.size()}, error);
      if (!error) taken += buffer.size();
    }
    return error ? 0 : taken;
  }

  template <class ConstBuffers, class Token>
  auto async_write_some(const ConstBuffers& buffers, Token&& token) {
    return net::async_initiate<Token, void(net_error_code, std::size_t)>(
        [this](auto&& handler, const ConstBuffers& bytes) {
          net_error_code error;
          const std::size_t taken = write_some(bytes, error);
          complete(std::forward<decltype(handler)>(handler), error, taken);
        },
        token, buffers);
  }

  /// `shutdown_send`: nothing more will be written.
  void shutdown(shutdown_type what, net_error_code& error);
  friend void end_write(CountingSink& sink, net_error_code& error) {
    sink.shutdown(shutdown_send, error);
  }
  void close(net_error_code& error);

 private:
  struct State {
    SinkConfig config;
    Done done;  // null once it was called
    SinkResult result;
    bool open = true;
  };

  [[nodiscard]] net_error_code state() const noexcept;
  void take(std::span<const std::byte> bytes, net_error_code& error);
  void finish(std::string error);

  std::unique_ptr<State> state_;  // null once it was moved from
};

}  // namespace stream_harness
