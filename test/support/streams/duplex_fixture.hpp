#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/testing/duplex.hpp"

namespace bytes_handoff::test {

/// How an operation of the duplex ended.
struct Result {
  bool called = false;
  net_error_code error;
  std::size_t bytes = 0;

  auto handler() {
    return [this](const net_error_code& ended_with, std::size_t count) {
      EXPECT_FALSE(called) << "a handler was called twice";
      called = true;
      error = ended_with;
      bytes = count;
    };
  }
  auto wait_handler() {
    return [this](const net_error_code& ended_with) { handler()(ended_with, 0); };
  }

  void expect(const net_error_code& expected_error, std::size_t expected_bytes = 0) const {
    EXPECT_TRUE(called);
    EXPECT_EQ(error, expected_error);
    EXPECT_EQ(bytes, expected_bytes);
  }
};

/// A pair of small ends on one context, and what is said of them again and again.
class DuplexFixture : public testing::Test {
 public:
  using Stream = BasicDuplexStream<net::io_context::executor_type>;

 protected:
  static constexpr std::size_t kCapacity = 8;

  template <typename AnyStream>
  void expect_write(AnyStream& stream, std::string_view text, net_error_code error,
                    std::size_t bytes) {
    net_error_code got;
    EXPECT_EQ(stream.write_some(net::buffer(text), got), bytes);
    EXPECT_EQ(got, error);
  }

  template <typename AnyStream>
  void expect_read(AnyStream& stream, std::size_t room, std::string_view text) {
    std::string into(room, '\0');
    net_error_code got;
    into.resize(stream.read_some(net::buffer(into), got));
    EXPECT_FALSE(got) << got.message();
    EXPECT_EQ(into, text);
  }

  template <typename AnyStream>
  void expect_read_fails(AnyStream& stream, net_error_code error) {
    char room = 0;
    net_error_code got;
    EXPECT_EQ(stream.read_some(net::buffer(&room, 1), got), 0U);
    EXPECT_EQ(got, error);
  }

  void expect_closed(Stream& stream) {
    const net_error_code closed = net::error::bad_descriptor;
    EXPECT_FALSE(stream.is_open());
    expect_read_fails(stream, closed);
    expect_write(stream, "x", closed, 0);
    net_error_code error;
    stream.shutdown(stream.shutdown_both, error);
    EXPECT_EQ(error, closed);
    Result read;
    Result write;
    Result wait;
    char room = 0;
    stream.async_read_some(net::buffer(&room, 1), read.handler());
    stream.async_write_some(net::buffer("x", 1), write.handler());
    stream.async_wait(stream.wait_read, wait.wait_handler());
    context.restart();
    context.poll();
    read.expect(closed);
    write.expect(closed);
    wait.expect(closed);
    context.restart();
  }

  net::io_context context;
  std::pair<Stream, Stream> pair = make_duplex(context, kCapacity);
  Stream& a = pair.first;
  Stream& b = pair.second;
};

}  // namespace bytes_handoff::test
