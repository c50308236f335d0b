#pragma once

// The same through libevent's evbuffer: a chain of blocks, which searches lines itself.

#include <event2/buffer.h>

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <vector>

#include "bytes_handoff/asio/support/net.hpp"
#include "evbuffer.hpp"

namespace bytes_handoff::bench {

/// A contender of read_owned_lines. Its lines are copies from malloc, without their newline.
class EvbufferLines {
 public:
  struct Free {
    void operator()(char* line) const noexcept { std::free(line); }
  };
  using Line = std::unique_ptr<char, Free>;
  explicit EvbufferLines(std::size_t read_bytes) : read_bytes_(read_bytes) {}

  template <class Source>
  void start(Source& source, std::vector<Line>& lines) {
    evbuffer_reserve_space(buffer_.get(), static_cast<ev_ssize_t>(read_bytes_), &room_, 1);
    source.async_read_some(
        net::mutable_buffer(room_.iov_base, room_.iov_len),
        [&, this](const net_error_code& error, std::size_t n) {
          if (error) {
            return;
          }
          room_.iov_len = n;
          evbuffer_commit_space(buffer_.get(), &room_, 1);
          while (char* line = evbuffer_readln(buffer_.get(), nullptr, EVBUFFER_EOL_LF)) {
            lines.emplace_back(line);
          }
          start(source, lines);
        });
  }

 private:
  std::size_t read_bytes_;
  Evbuffer buffer_{evbuffer_new()};
  evbuffer_iovec room_{};
};

}  // namespace bytes_handoff::bench
