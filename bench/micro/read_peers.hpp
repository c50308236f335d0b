#pragma once

// What people read lines with today: contenders of read_owned_lines, which says what a contender
// has. Each copies a line out into a `std::string`, since none of these buffers can share its
// memory.

#include <asio/streambuf.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "bytes_handoff/asio/support/net.hpp"
#include "line_scan.hpp"

namespace bytes_handoff::bench {

/// A `std::string` to whose end a read appends; what was used is moved over after each read.
class StringErase {
 public:
  using Line = std::string;
  explicit StringErase(std::size_t read_bytes) : read_bytes_(read_bytes) {}

  template <class Source>
  void start(Source& source, std::vector<Line>& lines) {
    const std::size_t held = unread_.size();
    unread_.resize(held + read_bytes_);
    source.async_read_some(net::mutable_buffer(unread_.data() + held, read_bytes_),
                           [&, this, held](const net_error_code& error, std::size_t n) {
                             unread_.resize(held + n);
                             if (error) {
                               return;
                             }
                             split(lines);
                             start(source, lines);
                           });
  }

 private:
  void split(std::vector<Line>& lines) {
    std::size_t used = 0;
    while (const std::size_t n = scan_.next(std::string_view(unread_).substr(used))) {
      lines.emplace_back(unread_, used, n);
      used += n;
    }
    unread_.erase(0, used);
  }

  std::size_t read_bytes_;
  std::string unread_;
  LineScan scan_;
};

/// A buffer with `prepare`, `commit`, `data` and `consume`, the readable bytes in one piece.
template <class Buffer>
class FlatCopy {
 public:
  using Line = std::string;
  explicit FlatCopy(std::size_t read_bytes) : read_bytes_(read_bytes) {}

  template <class Source>
  void start(Source& source, std::vector<Line>& lines) {
    const auto room = buffer_.prepare(read_bytes_);
    source.async_read_some(net::mutable_buffer(room.data(), room.size()),
                           [&, this](const net_error_code& error, std::size_t n) {
                             if (error) {
                               return;
                             }
                             buffer_.commit(n);
                             split(lines);
                             start(source, lines);
                           });
  }

 private:
  void split(std::vector<Line>& lines) {
    const auto data = buffer_.data();
    const std::string_view unread(static_cast<const char*>(data.data()), data.size());
    std::size_t used = 0;
    while (const std::size_t n = scan_.next(unread.substr(used))) {
      lines.emplace_back(unread.substr(used, n));
      used += n;
    }
    buffer_.consume(used);
  }

  std::size_t read_bytes_;
  Buffer buffer_;
  LineScan scan_;
};

using BeastFlatBuffer = FlatCopy<boost::beast::flat_buffer>;
using AsioStreambuf = FlatCopy<net::streambuf>;

}  // namespace bytes_handoff::bench
