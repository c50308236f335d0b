#pragma once

// A queue in front of one end of a small duplex: what the operations of a WriteHandoff start from.

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "bytes_handoff/testing/duplex.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "support/asio.hpp"
#include "tokens/record.hpp"

namespace bytes_handoff::test {

/// The test's thread has the far end, and only calls there what returns at once.
class QueueOperation {
 public:
  using Stream = DuplexStream;

  explicit QueueOperation(Environment& environment)
      : QueueOperation(make_duplex(environment.streams(), kCapacity)) {}

  /// Another handle aborts the queue while the operation is being started.
  void meanwhile() {
    other_->abort();
    other_.reset();
  }
  void let_go() { out_.reset(); }
  void end() {
    if (out_) {
      out_->abort();
    }
    net_error_code ignored;
    far_.close(ignored);
  }

 protected:
  static constexpr std::size_t kCapacity = 8;

  [[nodiscard]] static Bytes text(std::string_view from) { return Bytes::copy_of(from); }
  void let_another_abort() { other_ = out_; }
  [[nodiscard]] WriteHandoff& out() { return *out_; }
  /// Fills the queue: nothing is admitted until the far end reads.
  [[nodiscard]] WriteTicket fill() { return submit("0123456789abcdef"); }
  [[nodiscard]] WriteTicket submit(std::string_view from) {
    Bytes bytes = text(from);
    return out_->try_write(bytes).value();
  }
  void read_all() {
    std::array<char, 64> room{};
    net_error_code error;
    while (!error) {
      far_.read_some(net::buffer(room), error);
    }
  }

 private:
  explicit QueueOperation(std::pair<Stream, Stream> ends)
      : far_(std::move(ends.second)), out_(std::in_place, std::move(ends.first), config()) {}
  [[nodiscard]] static WriteHandoffConfig config() {
    WriteHandoffConfig config;
    config.max_items = 2;
    config.max_pending_bytes = 16;
    return config;
  }

  Stream far_;
  std::optional<WriteHandoff> out_;
  std::optional<WriteHandoff> other_;
};

}  // namespace bytes_handoff::test
