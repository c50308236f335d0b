// Every allocation that a relay, or a tunnel, makes fails once, alone and with all that follow.

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "bytes_handoff/tunnel.hpp"
#include "fault/library_calls.hpp"
#include "fault/memory/interposed_malloc.hpp"
#include "support/asio.hpp"
#include "support/pattern.hpp"
#include "support/relaying/relay_outcome.hpp"
#include "support/streams/buffer_feed.hpp"
#include "support/streams/socket_pairs.hpp"

namespace bytes_handoff::test {
namespace {

constexpr std::size_t kBytes = 30'000;

class RelayWithoutMemory {
 public:
  enum class Kind { kToStream, kToQueue, kTunnel };

  /// Whether the allocation `at` was met.
  [[nodiscard]] static bool run(Kind kind, std::size_t at, bool and_all_behind) {
    const std::size_t live_before = live_library_allocations();
    bool was_met = false;
    {
      RelayWithoutMemory relay;
      relay.go(kind, at, and_all_behind);
      was_met = library_allocations.made > at;
      library_allocations = {};
      relay.look();
    }
    EXPECT_EQ(live_library_allocations(), live_before);
    return was_met;
  }

 private:
  using Socket = UnixPair::Stream;

  void go(Kind kind, std::size_t at, bool and_all_behind) {
    feed(buffer_, text_.substr(0, 1000));
    net::write(client_, net::buffer(text_) + 1000);
    client_.shutdown(Socket::shutdown_send);
    sink_.shutdown(Socket::shutdown_send);
    WriteHandoff queue;
    if (kind == Kind::kToQueue) {
      queue = WriteHandoff(std::shared_ptr<Socket>(std::shared_ptr<void>(), &out_),
                           {.max_pending_bytes = 2000});
    }
    library_allocations = {};
    library_allocations.first_fails = at;
    library_allocations.last_fails = and_all_behind ? LibraryAllocations::kNone : at;
    auto handler = [told = outcome_.handler(), life = life_](const auto&... results) {
      const OutsideLibrary outside;
      told(results...);
    };
    try {
      const InLibrary in_library;
      start(kind, queue, std::move(handler));
    } catch (const std::bad_alloc&) {
      was_thrown_ = true;
    }
    for (int turns = 0; turns < 1000 && life_.use_count() != 1; ++turns) {
      context_.restart();
      {
        const InLibrary in_library;
        context_.poll();
      }
      drain();
    }
    queue = WriteHandoff();
    context_.restart();
    context_.run_for(std::chrono::milliseconds(50));
    drain();
  }

  template <class Handler>
  void start(Kind kind, const WriteHandoff& queue, Handler handler) {
    if (kind == Kind::kToQueue) {
      async_relay(buffer_, in_, queue, std::move(handler));
    } else if (kind == Kind::kTunnel) {
      async_tunnel(TunnelEnd(buffer_, in_), TunnelEnd(back_, out_),
                   {.idle_timeout = std::chrono::hours(1)},
                   [handler = std::move(handler)](net_error_code error, const TunnelResult& how) {
                     handler(error, how.a_to_b.counts);
                   });
    } else {
      async_relay(buffer_, in_, out_, std::move(handler));
    }
  }

  void drain() {
    std::array<char, 65536> room;
    net_error_code error;
    while (!error) {
      received_.append(room.data(), sink_.read_some(net::buffer(room), error));
    }
    has_ended_ = has_ended_ || error == net::error::eof;
  }

  void look() {
    EXPECT_EQ(life_.use_count(), 1) << "the relay never ends";
    EXPECT_TRUE(outcome_.is_over() || was_thrown_) << "nobody was told";
    EXPECT_EQ(received_, text_.substr(0, received_.size()));
    const std::string left(buffer_.peek_view());
    if (was_thrown_) {
      EXPECT_EQ(left.size(), 1000U);
    } else {
      const RelayCounts& counts = outcome_.counts();
      EXPECT_EQ(counts.received - counts.passed_on, left.size());
      EXPECT_EQ(left, text_.substr(counts.passed_on, left.size()));
    }
    if (outcome_.is_over() && !outcome_.error()) {
      EXPECT_EQ(received_, text_);
      EXPECT_TRUE(has_ended_);
    }
  }

  net::io_context context_{1};
  std::pair<Socket, Socket> first_ = UnixPair::make(context_);
  std::pair<Socket, Socket> second_ = UnixPair::make(context_);
  Socket& client_ = first_.first;
  Socket& in_ = first_.second;
  Socket& out_ = second_.first;
  Socket& sink_ = make_non_blocking(second_.second);
  const std::string text_ = pattern(kBytes);
  HandoffBuffer buffer_;
  HandoffBuffer back_;  // of a tunnel
  RelayOutcome outcome_;
  std::shared_ptr<int> life_ = std::make_shared<int>(0);
  std::string received_;
  bool was_thrown_ = false;
  bool has_ended_ = false;

  static Socket& make_non_blocking(Socket& socket) {
    socket.non_blocking(true);
    return socket;
  }
};

TEST(RelayAllocationFaults, at_every_allocation_break_no_promise_and_leak_nothing) {
  std::size_t points = 0;
  using Kind = RelayWithoutMemory::Kind;
  for (const Kind kind : {Kind::kToStream, Kind::kToQueue, Kind::kTunnel}) {
    for (const bool and_all_behind : {false, true}) {
      for (std::size_t at = 0;; ++at, ++points) {
        SCOPED_TRACE(std::to_string(static_cast<int>(kind)) + " " + std::to_string(and_all_behind) +
                     " " + std::to_string(at));
        if (!RelayWithoutMemory::run(kind, at, and_all_behind) || testing::Test::HasFailure()) {
          break;
        }
      }
    }
  }
  EXPECT_GE(points, 45U);
}

}  // namespace
}  // namespace bytes_handoff::test
