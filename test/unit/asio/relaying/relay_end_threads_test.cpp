// Relays and tunnels that are cancelled on one thread while they end on another.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>

#include "bytes_handoff/relay.hpp"
#include "bytes_handoff/testing/duplex.hpp"
#include "bytes_handoff/tunnel.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "support/asio.hpp"
#include "support/stepping/count.hpp"
#include "support/stepping/seed.hpp"

namespace bytes_handoff::test {
namespace {

// The thread of the streams returns when nothing is left to do there. Whoever cancels a relay that
// ends by itself meanwhile may be the last one who holds it.
template <class Start>
void cancel_at_the_end(Start start) {
  Random random(seed());
  const std::uint64_t rounds = count_or(2000);
  for (std::uint64_t round = 0; round < rounds; ++round) {
    net::io_context of_streams{1};
    net::io_context of_handler{1};
    const net::any_io_executor executor = of_streams.get_executor();
    auto [client, in] = make_duplex(executor, 64);
    auto [out, sink] = make_duplex(executor, 64);
    net::cancellation_signal cancel;
    bool is_over = false;
    auto token = net::bind_executor(
        of_handler.get_executor(),
        net::bind_cancellation_slot(cancel.slot(), [&](auto&&...) { is_over = true; }));
    const auto kept = start(in, out, std::move(token));
    net_error_code ignored;
    client.shutdown(client.shutdown_send, ignored);
    sink.shutdown(sink.shutdown_send, ignored);
    std::thread thread([&] { of_streams.run(); });
    for (std::size_t i = random.between(0, 20'000); i != 0; --i) {
      std::atomic_signal_fence(std::memory_order_seq_cst);
    }
    cancel.emit(net::cancellation_type::total);
    thread.join();
    of_handler.run_for(std::chrono::seconds(20));
    ASSERT_TRUE(is_over) << round << ", " << seed_note();
  }
}

TEST(RelayEndThreads, to_a_queue_cancelled_at_its_end_is_over_when_its_streams_have_nothing_to_do) {
  cancel_at_the_end([](DuplexStream& in, DuplexStream& out, auto token) {
    auto buffer = std::make_unique<HandoffBuffer>();
    async_relay(*buffer, in, WriteHandoff(std::move(out)), std::move(token));
    return buffer;
  });
}

TEST(RelayEndThreads, cancelled_at_its_end_is_over_when_its_streams_have_nothing_to_do) {
  cancel_at_the_end([](DuplexStream& in, DuplexStream& out, auto token) {
    auto buffer = std::make_unique<HandoffBuffer>();
    async_relay(*buffer, in, out, std::move(token));
    return buffer;
  });
}

TEST(RelayEndThreads,
     of_a_tunnel_cancelled_at_its_end_is_over_when_its_streams_have_nothing_to_do) {
  cancel_at_the_end([](DuplexStream& a, DuplexStream& b, auto token) {
    auto buffers = std::make_unique<std::pair<HandoffBuffer, HandoffBuffer>>();
    async_tunnel(TunnelEnd(buffers->first, a), TunnelEnd(buffers->second, b), std::move(token));
    return buffers;
  });
}

}  // namespace
}  // namespace bytes_handoff::test
