// What a relay, or a tunnel, allocates. In a program of its own, since it replaces the global
// operator new.

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "bytes_handoff/tunnel.hpp"
#include "support/asio.hpp"
#include "support/memory/allocation_counter.hpp"
#include "support/memory/pooling.hpp"
#include "support/run_for.hpp"
#include "support/streams/socket_pairs.hpp"

namespace bytes_handoff::test {
namespace {

/// Counts what a handler's operation takes by its associated allocator.
template <class T>
struct CountedAllocator {
  using value_type = T;

  explicit CountedAllocator(std::size_t& count) noexcept : allocations(&count) {}
  template <class U>
  explicit(false) CountedAllocator(const CountedAllocator<U>& other) noexcept
      : allocations(other.allocations) {}
  [[nodiscard]] T* allocate(std::size_t n) {
    ++*allocations;
    return std::allocator<T>().allocate(n);
  }
  void deallocate(T* memory, std::size_t n) noexcept { std::allocator<T>().deallocate(memory, n); }
  template <class U>
  friend bool operator==(const CountedAllocator& a, const CountedAllocator<U>& b) noexcept {
    return a.allocations == b.allocations;
  }

  std::size_t* allocations;
};

class RelaySteadyState : public testing::Test {
 protected:
  using Socket = UnixPair::Stream;

  void SetUp() override {
    if (!kPooled) {
      GTEST_SKIP() << "the pool keeps nothing in this build";
    }
  }

  /// What pieces allocate on their way through a relay that has run for a while, in all; and what
  /// the whole relay takes of its handler's allocator.
  template <class Start>
  void expect_none(Start start) {
    net::io_context context{1};
    auto [client, in] = UnixPair::make(context);
    auto [out, sink] = UnixPair::make(context);
    client.non_blocking(true);
    sink.non_blocking(true);
    HandoffBuffer buffer;
    std::size_t of_handler = 0;
    bool is_over = false;
    start(buffer, in, out,
          net::bind_allocator(CountedAllocator<char>(of_handler),
                              [&](net_error_code error, const auto& /*how*/) {
                                EXPECT_FALSE(error);
                                is_over = true;
                              }));
    const std::string piece(5000, 'x');
    std::array<char, 65536> room;
    const auto pass = [&] {
      net::write(client, net::buffer(piece));
      for (std::size_t received = 0; received != piece.size();) {
        run_ready(context);
        net_error_code error;
        received += sink.read_some(net::buffer(room), error);
      }
      run_ready(context);
    };
    for (int i = 0; i < 50; ++i) {
      pass();
    }
    {
      const AllocationScope scope;
      for (int i = 0; i < 50; ++i) {
        pass();
      }
      EXPECT_EQ(scope.allocations(), 0U);
    }
    EXPECT_EQ(of_handler, 1U);
    client.shutdown(Socket::shutdown_send);
    sink.shutdown(Socket::shutdown_send);
    ASSERT_TRUE(run_until(context, [&] { return is_over; }));
    EXPECT_EQ(of_handler, 1U);
  }
};

TEST_F(RelaySteadyState, to_a_stream_allocates_once) {
  expect_none([](HandoffBuffer& buffer, Socket& in, Socket& out, auto handler) {
    async_relay(buffer, in, out, std::move(handler));
  });
}

TEST_F(RelaySteadyState, that_can_be_cancelled_allocates_nothing_more) {
  net::cancellation_signal signal;
  expect_none([&](HandoffBuffer& buffer, Socket& in, Socket& out, auto handler) {
    async_relay(buffer, in, out, net::bind_cancellation_slot(signal.slot(), std::move(handler)));
  });
}

TEST_F(RelaySteadyState, to_a_queue_allocates_once) {
  expect_none([](HandoffBuffer& buffer, Socket& in, Socket& out, auto handler) {
    WriteHandoff queue(std::shared_ptr<Socket>(std::shared_ptr<void>(), &out));
    async_relay(buffer, in, queue, std::move(handler));
  });
}

TEST_F(RelaySteadyState, a_tunnel_allocates_once) {
  HandoffBuffer back;
  expect_none([&](HandoffBuffer& buffer, Socket& in, Socket& out, auto handler) {
    async_tunnel(TunnelEnd(buffer, in), TunnelEnd(back, out),
                 {.idle_timeout = std::chrono::hours(1)}, std::move(handler));
  });
}

TEST_F(RelaySteadyState, a_tunnel_with_queues_allocates_once) {
  HandoffBuffer back;
  expect_none([&](HandoffBuffer& buffer, Socket& in, Socket& out, auto handler) {
    const WriteHandoff to_in(std::shared_ptr<Socket>(std::shared_ptr<void>(), &in));
    const WriteHandoff to_out(std::shared_ptr<Socket>(std::shared_ptr<void>(), &out));
    async_tunnel(TunnelEnd(buffer, in, to_in), TunnelEnd(back, out, to_out), std::move(handler));
  });
}

}  // namespace
}  // namespace bytes_handoff::test
