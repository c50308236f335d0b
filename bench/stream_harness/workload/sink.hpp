#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "transports/stream_end.hpp"
#include "transports/streams.hpp"
#include "workload/sink_inspector.hpp"

namespace stream_harness {

inline constexpr std::size_t kSinkReadBytes = 65536;

struct SinkResult {
  std::uint64_t received_bytes = 0;
  std::chrono::steady_clock::time_point last_byte_at;  ///< when the expected count was reached
  std::string error;                                   ///< empty: the payload came, and its end

  /// `bytes` more have come, of which `expected` are to come in all.
  void count(std::size_t bytes, std::uint64_t expected) {
    const bool was_short = received_bytes < expected;
    received_bytes += bytes;
    if (was_short && received_bytes >= expected) last_byte_at = std::chrono::steady_clock::now();
  }

  /// What is wrong with the count at the end of the stream; empty where nothing is.
  [[nodiscard]] std::string error_at_end(std::uint64_t expected) const {
    if (received_bytes == expected) return {};
    return "the stream ended after " + std::to_string(received_bytes) + " bytes, expected " +
           std::to_string(expected);
  }
};

/// What a sink is to expect.
struct SinkConfig {
  std::uint64_t expected_bytes = 0;
  std::unique_ptr<SinkInspector> inspector;  ///< null: bytes are counted only
  /// Where to read what is only counted, `kSinkReadBytes` long: the sinks of one thread share it.
  std::shared_ptr<std::byte[]> shared_buffer;
};

/// Reads to the end of the stream and counts; an inspector sees every byte until it has seen
/// enough. Made with std::make_shared; keeps itself alive until it has called `done`, once.
template <class Stream>
class Sink : public std::enable_shared_from_this<Sink<Stream>> {
 public:
  using Done = std::function<void(SinkResult)>;

  Sink(Stream stream, SinkConfig config, Done done)
      : stream_(std::move(stream)), config_(std::move(config)), done_(std::move(done)) {
    if (config_.inspector) own_buffer_.resize(config_.inspector->window_bytes());
  }

  void start() { read(this->shared_from_this()); }

 private:
  // The operation under way owns the sink; each step passes it on to the next.
  using Self = std::shared_ptr<Sink>;

  static void read(Self self) {
    Sink& me = *self;
    me.stream_.async_read_some(
        me.room(), [self = std::move(self)](net_error_code error, std::size_t bytes) mutable {
          on_read(std::move(self), error, bytes);
        });
  }

  static void on_read(Self self, net_error_code error, std::size_t bytes) {
    Sink& me = *self;
    const std::uint64_t expected = me.config_.expected_bytes;
    if (error == net::error::eof) return me.finish(me.result_.error_at_end(expected));
    if (error) return me.finish(describe("read", error));
    me.result_.count(bytes, expected);
    if (me.config_.inspector) {
      auto wrong = me.config_.inspector->inspect(std::span(me.own_buffer_).first(bytes));
      if (!wrong.empty()) return me.finish(std::move(wrong));
      if (me.config_.inspector->has_seen_enough()) me.count_only();
    }
    read(std::move(self));
  }

  [[nodiscard]] net::mutable_buffer room() noexcept {
    if (config_.inspector) return net::buffer(own_buffer_);
    return {config_.shared_buffer.get(), kSinkReadBytes};
  }

  void count_only() {
    config_.inspector.reset();
    own_buffer_ = {};
  }

  void finish(std::string error) {
    result_.error = std::move(error);
    close_quietly(stream_);
    std::exchange(done_, nullptr)(std::move(result_));
  }

  Stream stream_;
  SinkConfig config_;
  std::vector<std::byte> own_buffer_;
  SinkResult result_;
  Done done_;
};

}  // namespace stream_harness
