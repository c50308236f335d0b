#pragma once

// Both ends of a pipe as streams: of Asio's own types where it has them.

#include <utility>

#include "support/asio.hpp"

#if !defined(BYTES_HANDOFF_BOOST_ASIO)
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#endif

namespace bytes_handoff::test {

#if defined(BYTES_HANDOFF_BOOST_ASIO)

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

}  // namespace bytes_handoff::test
