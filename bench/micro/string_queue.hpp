#pragma once

#include <asio/write.hpp>
#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <utility>

#include "bytes_handoff/asio/support/net.hpp"

namespace bytes_handoff::bench {

/// The write queue that programs write themselves: a deque of strings without a bound, the first of
/// which an async_write is writing. To be used on the stream's executor alone.
template <class Stream>
class StringQueue {
 public:
  using Written = std::function<void()>;

  explicit StringQueue(Stream stream) : stream_(std::move(stream)) {}

  /// `written`, which may be empty, is called when the bytes were written.
  void write(std::string bytes, Written written = {}) {
    queue_.push_back({std::move(bytes), std::move(written)});
    if (queue_.size() == 1) {
      write_first();
    }
  }

 private:
  struct Item {
    std::string bytes;
    Written written;
  };

  void write_first() {
    net::async_write(stream_, net::buffer(queue_.front().bytes),
                     [this](const net_error_code& error, std::size_t) {
                       if (error) {
                         return;
                       }
                       const Written written = std::move(queue_.front().written);
                       queue_.pop_front();
                       if (!queue_.empty()) {
                         write_first();
                       }
                       if (written) {
                         written();
                       }
                     });
  }

  Stream stream_;
  std::deque<Item> queue_;
};

}  // namespace bytes_handoff::bench
