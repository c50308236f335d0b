#pragma once

// Both ends of a pipe as streams: of Asio's own types where it has them.

#include <utility>

#include "support/asio.hpp"

#if !defined(BYTES_HANDOFF_BOOST_ASIO) && !defined(_WIN32)
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#endif

namespace bytes_handoff::test {

#if defined(BYTES_HANDOFF_BOOST_ASIO) || defined(_WIN32)

using ReadablePipe = net::readable_pipe;
using WritablePipe = net::writable_pipe;

inline std::pair<ReadablePipe, WritablePipe> make_pipe(net::io_context& context) {
  std::pair<ReadablePipe, WritablePipe> ends{context, context};
  net::connect_pipe(ends.first, ends.second);
  return ends;
}

#else

using ReadablePipe = net::posix::stream_descriptor;
using WritablePipe = net::posix::stream_descriptor;

inline std::pair<ReadablePipe, WritablePipe> make_pipe(net::io_context& context) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) {
    throw std::system_error(errno, std::generic_category());
  }
  return {ReadablePipe(context, ends[0]), WritablePipe(context, ends[1])};
}

#endif

/// Reads from one pipe and writes to another, as a program does from its input to its output.
class PipesStream {
 public:
  using executor_type = WritablePipe::executor_type;
  static constexpr auto shutdown_send = net::socket_base::shutdown_send;

  PipesStream(ReadablePipe in, WritablePipe out) : in_(std::move(in)), out_(std::move(out)) {}

  [[nodiscard]] executor_type get_executor() { return out_.get_executor(); }
  [[nodiscard]] bool is_open() const { return out_.is_open(); }
  template <class Room, class Token>
  auto async_read_some(const Room& room, Token&& token) {
    return in_.async_read_some(room, std::forward<Token>(token));
  }
  template <class From, class Token>
  auto async_write_some(const From& from, Token&& token) {
    return out_.async_write_some(from, std::forward<Token>(token));
  }
  void shutdown(net::socket_base::shutdown_type /*send*/, net_error_code& error) {
    out_.close(error);
  }
  friend WritablePipe& layer_to_end(PipesStream& stream) { return stream.out_; }

 private:
  ReadablePipe in_;
  WritablePipe out_;
};

struct PipesPair {
  using Stream = PipesStream;
  static std::pair<Stream, Stream> make(net::io_context& context) {
    auto [left_in, right_out] = make_pipe(context);
    auto [right_in, left_out] = make_pipe(context);
    return {Stream(std::move(left_in), std::move(left_out)),
            Stream(std::move(right_in), std::move(right_out))};
  }
};

}  // namespace bytes_handoff::test
