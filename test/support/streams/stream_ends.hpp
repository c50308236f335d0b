#pragma once

// What tests of the ends of streams do again and again.

#include <gtest/gtest.h>

#include <string>

#include "bytes_handoff/end_write.hpp"
#include "support/asio.hpp"
#include "support/queue/probes.hpp"
#include "support/run_for.hpp"
#include "support/streams/socket_pairs.hpp"

namespace bytes_handoff::test {

/// In order, and without a wait.
template <class Stream>
void end_now(Stream& stream) {
  Outcome<net_error_code> ended;
  detail::start_end_write(stream, ended.handler());
  EXPECT_FALSE(ended.get()) << ended.get().message();
}

template <class Stream>
void send(Stream& stream, const std::string& text) {
  net::write(stream, net::buffer(text));
}

/// What `stream` still has to give is `text`, and then `end`.
template <class Stream>
void expect_rest(net::io_context& context, Stream& stream, const std::string& text,
                 const net_error_code& end) {
  const Collector<Stream> peer(stream);
  ASSERT_TRUE(run_until(context, [&] { return peer.is_over(); }));
  EXPECT_EQ(peer.text(), text);
  EXPECT_EQ(peer.error(), end) << peer.error().message();
}

}  // namespace bytes_handoff::test
