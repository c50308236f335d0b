// Every allocation while connections are accepted fails once, alone and with all that follow.

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <memory>
#include <new>
#include <utility>

#include "bytes_handoff/service/accept_each.hpp"
#include "fault/library_calls.hpp"
#include "fault/memory/interposed_malloc.hpp"
#include "support/asio.hpp"
#include "support/service/accept_outcome.hpp"

namespace bytes_handoff::test {
namespace {

class AcceptWithoutMemory {
 public:
  /// Whether a run has gone on behind a connection that Asio has lost.
  inline static bool has_met_loss = false;

  /// Whether the allocation `at` was met.
  [[nodiscard]] static bool run(std::size_t at, bool and_all_behind, std::size_t max_open) {
    const std::size_t live_before = live_library_allocations();
    bool was_met = false;
    {
      AcceptWithoutMemory accept(max_open);
      accept.go(at, and_all_behind);
      was_met = library_allocations.made > at;
      library_allocations = {};
      accept.look(and_all_behind);
    }
    EXPECT_EQ(live_library_allocations(), live_before);
    return was_met;
  }

 private:
  // A type-erased executor needs memory to queue a handler.
  using Executor = net::io_context::executor_type;
  using Acceptor = net::basic_socket_acceptor<net::ip::tcp, Executor>;
  using Socket = net::basic_stream_socket<net::ip::tcp, Executor>;

  explicit AcceptWithoutMemory(std::size_t max_open) : max_open_(max_open) {}

  void go(std::size_t at, bool and_all_behind) {
    for (Socket& client : clients_) {
      client.connect(acceptor_.local_endpoint());
    }
    library_allocations = {};
    library_allocations.first_fails = at;
    library_allocations.last_fails = and_all_behind ? LibraryAllocations::kNone : at;
    try {
      const InLibrary in_library;
      start();
    } catch (const std::bad_alloc&) {
      was_thrown_ = true;
    }
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::milliseconds(500);
    while (life_.use_count() != 1 && std::chrono::steady_clock::now() < give_up) {
      context_.restart();
      try {
        const InLibrary in_library;
        context_.poll();
      } catch (const std::bad_alloc&) {  // by Asio, behind the system's accept
        ++lost_;
        close_behind_all();
      }
    }
  }

  void start() {
    AcceptOptions<Executor> options;
    options.max_open = max_open_;
    options.retry_after = std::chrono::milliseconds(1);
    options.prepare = [this, life = life_] {
      return is_prepared_ ? net_error_code() : system_error_of(EMFILE);
    };
    options.on_pause = [this](const net_error_code&) {
      const OutsideLibrary outside;
      is_prepared_ = true;
      slot_ = AcceptSlot();
    };
    async_accept_each(
        acceptor_,
        [this, life = life_](const Socket&, AcceptSlot slot) {
          const OutsideLibrary outside;
          slot_ = std::move(slot);
          ++accepted_;
          close_behind_all();
        },
        std::move(options),
        [told = outcome_.handler(), life = life_](const net_error_code& error) {
          const OutsideLibrary outside;
          told(error);
        });
  }

  void close_behind_all() {
    if (accepted_ + lost_ == clients_.size()) {
      acceptor_.close();
    }
  }

  void look(bool and_all_behind) {
    EXPECT_EQ(life_.use_count(), 1) << "it never ends";
    EXPECT_TRUE(outcome_.is_over() || was_thrown_) << "nobody was told";
    if (!was_thrown_ && !outcome_.is(net::error::no_memory)) {
      EXPECT_EQ(accepted_ + lost_, clients_.size());
      EXPECT_LE(lost_, and_all_behind ? clients_.size() : 1U);
    }
    has_met_loss |= lost_ == 1 && accepted_ + 1 == clients_.size();
  }

  const std::size_t max_open_;
  net::io_context context_{1};
  AcceptSlot slot_;
  Acceptor acceptor_{context_, {net::ip::address_v4::loopback(), 0}};
  std::array<Socket, 3> clients_{Socket(context_), Socket(context_), Socket(context_)};
  const std::shared_ptr<int> life_ = std::make_shared<int>();
  AcceptOutcome outcome_;
  bool is_prepared_ = false;
  bool was_thrown_ = false;
  std::size_t accepted_ = 0;
  std::size_t lost_ = 0;
};

// With a limit it pauses behind each connection.
TEST(AcceptAllocationFaults, break_no_promise) {
  for (const std::size_t max_open : {0U, 1U}) {
    for (const bool and_all_behind : {false, true}) {
      std::size_t at = 0;
      while (AcceptWithoutMemory::run(at, and_all_behind, max_open)) {
        ASSERT_FALSE(HasFailure()) << "at " << at << (and_all_behind ? " and all behind" : "");
        ++at;
      }
      EXPECT_GT(at, 5U) << "the allocations are not seen";
    }
  }
  EXPECT_TRUE(AcceptWithoutMemory::has_met_loss);
}

}  // namespace
}  // namespace bytes_handoff::test
