// What a TLS connection holds while it waits, and that waiting with little room costs bulk nothing.

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "bytes_handoff/handoff_buffer.hpp"
#include "support/memory/counting_resource.hpp"
#include "support/pattern.hpp"
#include "support/queue/probes.hpp"
#include "support/streams/tls.hpp"

namespace bytes_handoff::test {
namespace {

class TlsIdle : public testing::Test {
 protected:
  void SetUp() override {
    HandoffBufferConfig config;
    config.block_source = &blocks;
    buffer.emplace(config);
  }

  void try_send(const std::string& bytes) {
    net::async_write(*pair.server, net::buffer(bytes), sent.handler());
  }

  /// Reads once; what comes is consumed. Returns how many bytes.
  std::size_t read_once() {
    bool has_come = false;
    std::size_t bytes = 0;
    buffer->async_read_available(*pair.client, [&](net_error_code error, std::size_t n) {
      EXPECT_FALSE(error) << error.message();
      has_come = true;
      bytes = n;
    });
    EXPECT_TRUE(run_until(context, [&] { return has_come; }));
    got += buffer->freeze_all().view();
    return bytes;
  }

  /// What a read that waits holds, by the handler's allocator and of blocks.
  std::size_t bytes_of_a_waiting_read() {
    CountingResource operations;
    const std::pmr::polymorphic_allocator<std::byte> allocator(&operations);
    net::cancellation_signal signal;
    CountOutcome cancelled;
    buffer->async_read_available(
        *pair.client, net::bind_allocator(allocator, net::bind_cancellation_slot(
                                                         signal.slot(), cancelled.handler())));
    run_ready(context);
    const std::size_t held = operations.bytes_out() + blocks.bytes_out();
    signal.emit(net::cancellation_type::terminal);
    EXPECT_TRUE(run_until(context, [&] { return cancelled.has_come(); }));
    return held;
  }

  /// The same for a read of the stream's own.
  std::size_t bytes_of_the_streams_own_read() {
    CountingResource operations;
    const std::pmr::polymorphic_allocator<std::byte> allocator(&operations);
    net::cancellation_signal signal;
    CountOutcome cancelled;
    std::array<char, 1> room{};
    pair.client->async_read_some(
        net::buffer(room), net::bind_allocator(allocator, net::bind_cancellation_slot(
                                                              signal.slot(), cancelled.handler())));
    run_ready(context);
    const std::size_t held = operations.bytes_out();
    signal.emit(net::cancellation_type::terminal);
    EXPECT_TRUE(run_until(context, [&] { return cancelled.has_come(); }));
    return held;
  }

  net::io_context context{1};
  TlsPair pair{context};
  CountingResource blocks;
  std::optional<HandoffBuffer> buffer;
  CountOutcome sent;
  std::string got;
};

TEST_F(TlsIdle, connection_holds_at_most_a_kibibyte_more_than_the_stream_does) {
  const std::size_t own = bytes_of_the_streams_own_read();
  EXPECT_LE(bytes_of_a_waiting_read(), own + 1024);
}

TEST_F(TlsIdle, connection_holds_no_more_after_a_large_message) {
  const std::size_t own = bytes_of_the_streams_own_read();
  const std::string message = pattern(1024 * 1024);
  try_send(message);
  while (got.size() < message.size()) {
    read_once();
  }
  EXPECT_EQ(got == message, true);
  EXPECT_LE(bytes_of_a_waiting_read(), own + 1024);
}

TEST_F(TlsIdle, connection_reads_each_record_whole) {
  const std::string message = pattern(64 * kRecordBytes);
  try_send(message);
  std::size_t reads = 0;
  while (got.size() < message.size()) {
    read_once();
    ++reads;
  }
  EXPECT_EQ(got == message, true);
  EXPECT_LE(reads, 64U + 2);
}

}  // namespace
}  // namespace bytes_handoff::test
