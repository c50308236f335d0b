#pragma once

#include <cstddef>

#include "transports/streams.hpp"

namespace stream_harness {

/// A pipe through which the kernel moves bytes from one socket to another; the process never has
/// them. Both sockets must be in non-blocking mode, and SIGPIPE ignored. Owns two descriptors while
/// it is open.
class SplicePipe {
 public:
  /// What a pipe holds that nobody has resized.
  static constexpr std::size_t kUsualBytes = 65536;
  /// How much one splice is to move, and the pipe to hold.
  static constexpr std::size_t bytes_for(std::size_t read_block) noexcept {
    return read_block != 0 ? read_block : kUsualBytes;
  }

  SplicePipe() noexcept = default;
  ~SplicePipe() { close(); }
  SplicePipe(const SplicePipe&) = delete;
  SplicePipe& operator=(const SplicePipe&) = delete;

  /// Opens it; fails where descriptors or memory run out. It holds `bytes`, as far as the system's
  /// limits for pipes allow that; in a smaller one less moves at a time.
  [[nodiscard]] net_error_code open(std::size_t bytes) noexcept;
  void close() noexcept;
  [[nodiscard]] bool is_open() const noexcept { return ends_[0] >= 0; }

  /// Moves what the socket has, at most `most` bytes, into the empty pipe. Returns how many, or 0
  /// and an error: `would_block`, `eof` at the end of the stream, or the socket's.
  std::size_t fill_from(int socket, std::size_t most, net_error_code& error) noexcept;

  /// Moves what the socket takes out of the pipe. Returns how many bytes, or 0 and an error:
  /// `would_block`, or the socket's.
  std::size_t drain_to(int socket, net_error_code& error) noexcept;

  /// Bytes that are in the pipe.
  [[nodiscard]] std::size_t held_bytes() const noexcept { return held_bytes_; }

 private:
  int ends_[2] = {-1, -1};  // for reading, for writing
  std::size_t held_bytes_ = 0;
};

}  // namespace stream_harness
