// On real acceptors.

#include "bytes_handoff/service/accept_each.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/asio.hpp"
#include "support/coroutine.hpp"
#include "support/queue/probes.hpp"
#include "support/run_for.hpp"
#include "support/service/accept_outcome.hpp"

namespace bytes_handoff::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

/// Listeners on a port that the system picks, and on a path without a file.
struct TcpListener {
  using Acceptor = net::ip::tcp::acceptor;
  static Acceptor make(net::io_context& context) {
    return Acceptor(context, {net::ip::address_v4::loopback(), 0});
  }
};
struct UnixListener {
  using Acceptor =
      net::basic_socket_acceptor<net::local::stream_protocol, net::io_context::executor_type>;
  static Acceptor make(net::io_context& context) {
    static int number = 0;
    // Linux: a first byte of 0 is a name that is no file's.
    const std::string name = std::string(1, '\0') + "bytes_handoff_accept_test." +
                             std::to_string(getpid()) + "." + std::to_string(++number);
    return Acceptor(context, net::local::stream_protocol::endpoint(name));
  }
};

template <class Listener>
class AcceptEach : public testing::Test {
 protected:
  using Acceptor = typename Listener::Acceptor;
  using Executor = typename Acceptor::executor_type;
  using Options = AcceptOptions<Executor>;
  using Socket = net::basic_stream_socket<typename Acceptor::protocol_type, Executor>;

  AcceptEach() { options.retry_after = std::chrono::hours(1); }

  auto on_accept() {
    return [this](Socket socket) { accepted.push_back(std::move(socket)); };
  }
  void start() {
    async_accept_each(*acceptor, on_accept(), options,
                      net::bind_cancellation_slot(cancel.slot(), outcome.handler()));
  }
  // An operation whose time is an hour away.
  void start_paused() {
    options.prepare = [] { return net_error_code(net::error::no_descriptors); };
    options.pause = std::make_shared<AcceptPause>();
    start();
    run_ready(context);
    ASSERT_TRUE(options.pause->is_on());
  }
  void connect(int clients) {
    for (; clients != 0; --clients) {
      auto& client = connected.emplace_back(context);
      client.connect(acceptor->local_endpoint());
    }
  }
  void run_to_accepted(std::size_t count) {
    ASSERT_TRUE(run_until(context, [&] { return accepted.size() >= count; }));
  }
  void expect_over(const net_error_code& error) {
    ASSERT_TRUE(run_until(context, [&] { return outcome.is_over(); }));
    outcome.expect(error);
    connected.clear();
    ASSERT_TRUE(run_out(context)) << "something is left";
  }

  net::io_context context{1};
  std::optional<Acceptor> acceptor = Listener::make(context);
  Options options;
  std::vector<Socket> accepted;
  std::vector<typename Acceptor::protocol_type::socket> connected;
  net::cancellation_signal cancel;
  AcceptOutcome outcome;
};

using Listeners = testing::Types<TcpListener, UnixListener>;
TYPED_TEST_SUITE(AcceptEach, Listeners);

TYPED_TEST(AcceptEach, gives_each_connection_that_works) {
  this->start();
  this->connect(3);
  this->run_to_accepted(3);
  this->connect(2);
  this->run_to_accepted(5);
  char got = 0;
  net::write(this->connected[4], net::buffer("x", 1));
  net::read(this->accepted[4], net::buffer(&got, 1));
  EXPECT_EQ(got, 'x');
  this->acceptor->close();
  this->expect_over(net::error::operation_aborted);
}

TYPED_TEST(AcceptEach, gives_the_peer_of_each_connection) {
  using Endpoint = typename TestFixture::Acceptor::protocol_type::endpoint;
  std::vector<Endpoint> peers;
  async_accept_each(
      *this->acceptor,
      [&](typename TestFixture::Socket socket, const Endpoint& peer) {
        this->accepted.push_back(std::move(socket));
        peers.push_back(peer);
      },
      this->options, this->outcome.handler());
  this->connect(2);
  this->run_to_accepted(2);
  EXPECT_THAT(
      peers, ElementsAre(this->connected[0].local_endpoint(), this->connected[1].local_endpoint()));
  this->acceptor->close();
  this->expect_over(net::error::operation_aborted);
}

TYPED_TEST(AcceptEach, gives_the_peer_and_a_slot_on_another_executor) {
  using Endpoint = typename TestFixture::Acceptor::protocol_type::endpoint;
  net::io_context other{1};
  const typename TestFixture::Executor of_other = other.get_executor();
  this->options.max_open = 1;
  this->options.next_executor = [&] { return of_other; };
  std::optional<Endpoint> at;
  std::optional<AcceptSlot> kept;
  async_accept_each(
      *this->acceptor,
      [&](typename TestFixture::Socket socket, Endpoint peer, AcceptSlot slot) {
        EXPECT_EQ(socket.get_executor(), of_other);
        at = peer;
        kept = std::move(slot);
      },
      this->options, this->outcome.handler());
  this->connect(1);
  ASSERT_TRUE(run_until(this->context, [&] { return at.has_value(); }));
  EXPECT_EQ(*at, this->connected[0].local_endpoint());
  EXPECT_TRUE(kept && kept->valid());
  kept.reset();
  this->acceptor->close();
  this->expect_over(net::error::operation_aborted);
}

TYPED_TEST(AcceptEach, ends_when_the_acceptor_is_cancelled) {
  this->start();
  run_ready(this->context);
  this->acceptor->cancel();
  this->expect_over(net::error::operation_aborted);
}

TYPED_TEST(AcceptEach, ends_when_its_function_closes_the_acceptor) {
  async_accept_each(
      *this->acceptor, [this](auto) { this->acceptor->close(); }, this->outcome.handler());
  this->connect(1);
  this->expect_over(net::error::operation_aborted);
}

TYPED_TEST(AcceptEach, ends_at_once_when_the_acceptor_is_closed_in_a_pause) {
  this->start_paused();
  this->acceptor->close();
  this->expect_over(net::error::operation_aborted);
}

TYPED_TEST(AcceptEach, ends_at_once_when_the_acceptor_is_cancelled_in_a_pause) {
  this->start_paused();
  this->acceptor->cancel();
  this->expect_over(net::error::operation_aborted);
}

TYPED_TEST(AcceptEach, ends_when_it_is_cancelled_and_leaves_the_acceptor_open) {
  for (const bool in_pause : {false, true}) {
    this->outcome = {};
    in_pause ? this->start_paused() : this->start();
    run_ready(this->context);
    this->cancel.emit(net::cancellation_type::total);
    EXPECT_FALSE(this->outcome.is_over());
    this->expect_over(net::error::operation_aborted);
    EXPECT_TRUE(this->acceptor->is_open());
  }
  this->outcome = {};
  this->options = {};
  this->start();
  this->connect(1);
  this->run_to_accepted(1);
}

TYPED_TEST(AcceptEach, tells_that_the_acceptor_was_never_open) {
  this->acceptor->close();
  this->start();
  this->expect_over(net::error::bad_descriptor);
}

TYPED_TEST(AcceptEach, deals_its_sockets_out_to_executors) {
  net::io_context others[2];
  std::size_t next = 0;
  std::vector<net::execution_context*> owners;
  this->options.next_executor = [&] { return others[next].get_executor(); };
  async_accept_each(
      *this->acceptor,
      [&](auto socket) {
        owners.push_back(&detail::context_of(socket.get_executor()));
        next = 1 - next;
      },
      this->options, this->outcome.handler());
  this->connect(3);
  ASSERT_TRUE(run_until(this->context, [&] { return owners.size() == 3; }));
  EXPECT_THAT(owners, ElementsAre(&others[0], &others[1], &others[0]));
  this->acceptor->close();
  this->expect_over(net::error::operation_aborted);
}

TYPED_TEST(AcceptEach, waits_for_descriptors_without_spinning_and_then_serves_all) {
  std::vector<net_error_code> reasons;
  this->options.on_pause = [&](const net_error_code& reason) { reasons.push_back(reason); };
  this->options.pause = std::make_shared<AcceptPause>();
  this->start();
  this->connect(4);
  DescriptorShortage shortage;
  ASSERT_TRUE(run_until(this->context, [&] { return this->options.pause->is_on(); }));
  EXPECT_THAT(reasons, ElementsAre(net::error::no_descriptors));
  EXPECT_TRUE(this->accepted.empty());
  run_ready(this->context);
  for (int looks = 0; looks < 100; ++looks) {
    this->context.restart();
    EXPECT_EQ(this->context.poll(), 0U) << "it does something in a pause";
  }
  this->options.pause->end();  // too early
  ASSERT_TRUE(run_until(this->context, [&] { return reasons.size() == 2; }));
  run_ready(this->context);
  EXPECT_FALSE(this->outcome.is_over());
  shortage.end();
  this->options.pause->end();
  this->run_to_accepted(4);
  EXPECT_EQ(reasons.size(), 2U);
  EXPECT_FALSE(this->outcome.is_over());
  this->acceptor->close();
  this->expect_over(net::error::operation_aborted);
}

TYPED_TEST(AcceptEach, tries_again_by_itself_when_the_pause_is_over) {
  std::size_t pauses = 0;
  this->options.retry_after = 1ms;
  this->options.on_pause = [&](const net_error_code&) { ++pauses; };
  this->start();
  this->connect(1);
  {
    const DescriptorShortage shortage;
    ASSERT_TRUE(run_until(this->context, [&] { return pauses >= 3; }));
    EXPECT_TRUE(this->accepted.empty());
  }
  this->run_to_accepted(1);
}

TYPED_TEST(AcceptEach, goes_with_its_context_at_every_step) {
  for (const bool in_pause : {false, true}) {
    for (int turns = 0; turns < 3; ++turns) {
      Sentinel handler;
      Sentinel function;
      auto own_context = std::make_unique<net::io_context>(1);
      auto own_acceptor =
          std::make_unique<typename TestFixture::Acceptor>(TypeParam::make(*own_context));
      typename TestFixture::Options own_options;
      own_options.pause = std::make_shared<AcceptPause>();
      if (in_pause) {
        own_options.prepare = [] { return net_error_code(net::error::no_memory); };
      }
      async_accept_each(
          *own_acceptor, [kept = function.handler()](auto&&) {}, own_options, handler.handler());
      for (int turn = 0; turn < turns; ++turn) {
        own_context->restart();
        own_context->poll_one();
      }
      own_acceptor.reset();
      own_context.reset();
      EXPECT_EQ(handler.calls(), 0U);
      EXPECT_TRUE(handler.is_destroyed());
      EXPECT_TRUE(function.is_destroyed());
      own_options.pause->end();
    }
  }
}

TYPED_TEST(AcceptEach, tells_a_handler_that_lives_elsewhere_when_its_context_goes) {
  for (const bool in_pause : {false, true}) {
    AcceptOutcome told;
    net::cancellation_signal late;
    auto own_context = std::make_unique<net::io_context>(1);
    std::optional own_acceptor(TypeParam::make(*own_context));
    typename TestFixture::Options own_options;
    if (in_pause) {
      own_options.prepare = [] { return net_error_code(net::error::no_memory); };
    }
    async_accept_each(
        *own_acceptor, [](auto&&) {}, own_options,
        net::bind_executor(this->context,
                           net::bind_cancellation_slot(late.slot(), told.handler())));
    run_ready(*own_context);
    own_acceptor.reset();
    own_context.reset();
    late.emit(net::cancellation_type::terminal);
    EXPECT_FALSE(told.is_over());
    ASSERT_TRUE(run_out(this->context));
    told.expect(net::error::operation_aborted);
  }
}

TEST(AcceptEachTokens, awaits_with_options_in_braces) {
  net::io_context context(1);
  auto acceptor = TcpListener::make(context);
  net::ip::tcp::socket client(context);
  client.connect(acceptor.local_endpoint());
  run_coroutine(context, [&]() -> net::awaitable<void> {
    net_error_code error;
    co_await async_accept_each(
        acceptor, [&](const net::ip::tcp::socket&) { acceptor.close(); }, {.retry_after = 5ms},
        net::redirect_error(net::use_awaitable, error));
    EXPECT_EQ(error, net::error::operation_aborted);
  });
}

}  // namespace
}  // namespace bytes_handoff::test
