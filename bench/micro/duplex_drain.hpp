#pragma once

#include <cstddef>
#include <vector>

#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/testing/duplex.hpp"

namespace bytes_handoff::bench {

using BenchDuplex = BasicDuplexStream<net::io_context::executor_type>;

/// What a measured run waits for: stops the context when all its parts are done.
class Run {
 public:
  explicit Run(net::io_context& context) noexcept : context_(&context) {}

  void expect(std::size_t parts) noexcept { left_ += parts; }
  void part_done() {
    if (--left_ == 0) {
      context_->stop();
    }
  }
  /// Runs the context until all expected parts are done.
  void wait() {
    context_->restart();
    context_->run();
  }
  [[nodiscard]] bool is_complete() const noexcept { return left_ == 0; }

 private:
  net::io_context* context_;
  std::size_t left_ = 0;
};

/// Reads everything from a stream and drops it; a part of `run` is done when the expected bytes
/// have come. It must outlive its context's last run.
class DuplexDrain {
 public:
  static constexpr std::size_t kReadBytes = 64 * 1024;

  DuplexDrain(BenchDuplex& stream, Run& run) : stream_(&stream), run_(&run) { read(); }
  DuplexDrain(const DuplexDrain&) = delete;
  DuplexDrain& operator=(const DuplexDrain&) = delete;

  void expect(std::size_t bytes) noexcept {
    left_ += bytes;
    run_->expect(1);
  }

 private:
  void read() {
    stream_->async_read_some(net::buffer(scratch_),
                             [this](const net_error_code& error, std::size_t n) {
                               if (error) {
                                 return;
                               }
                               left_ -= n;
                               if (left_ == 0) {
                                 run_->part_done();
                               }
                               read();
                             });
  }

  BenchDuplex* stream_;
  Run* run_;
  std::vector<std::byte> scratch_ = std::vector<std::byte>(kReadBytes);
  std::size_t left_ = 0;
};

}  // namespace bytes_handoff::bench
