// A limit of open connections, step by step.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "bytes_handoff/service/accept_each.hpp"
#include "support/asio.hpp"
#include "support/run_for.hpp"
#include "support/service/accept_outcome.hpp"
#include "support/service/accept_steps.hpp"
#include "support/service/scripted_acceptor.hpp"

namespace bytes_handoff::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class AcceptLimited : public AcceptSteps {
 protected:
  AcceptLimited() { options.max_open = 2; }
  void start() {
    start_with([this](ScriptedAcceptor::Socket socket, AcceptSlot slot) {
      accepted.push_back(*socket);
      slots.push_back(std::move(slot));
    });
  }
  void start_full() {
    acceptor.answer({}, 4);
    start();
    run_ready(context);
    ASSERT_THAT(accepted, ElementsAre(1, 2));
  }

  std::vector<AcceptSlot> slots;
};

TEST_F(AcceptLimited, accepts_no_more_until_a_slot_is_gone) {
  start_full();
  EXPECT_EQ(acceptor.started(), 2);
  EXPECT_THAT(pauses, ElementsAre(detail::to_net_error(Errc::limit_exceeded)));
  slots.pop_back();
  run_ready(context);
  EXPECT_THAT(accepted, ElementsAre(1, 2, 3));
  EXPECT_EQ(acceptor.started(), 3);
  slots.clear();
  run_ready(context);
  EXPECT_THAT(accepted, ElementsAre(1, 2, 3, 4));
  EXPECT_TRUE(acceptor.is_waiting());
  EXPECT_EQ(pauses.size(), 2U);
}

TEST_F(AcceptLimited, a_full_service_is_told_once) {
  start_full();
  for (int i = 0; i != 3; ++i) {
    SetClock::pass(10s);
    context.restart();
    context.run_for(5ms);
  }
  EXPECT_EQ(pauses.size(), 1U);
  EXPECT_EQ(acceptor.started(), 2);
}

TEST_F(AcceptLimited, prepare_is_not_asked_while_it_is_full) {
  int prepared = 0;
  options.prepare = [&prepared] {
    ++prepared;
    return net_error_code();
  };
  start_full();
  EXPECT_EQ(prepared, 2);
}

TEST_F(AcceptLimited, a_slot_that_goes_while_the_pause_is_told_ends_it) {
  options.on_pause = [this](const net_error_code& reason) {
    pauses.push_back(reason);
    slots.clear();
  };
  acceptor.answer({}, 3);
  start();
  run_ready(context);
  EXPECT_THAT(accepted, ElementsAre(1, 2, 3));
}

TEST_F(AcceptLimited, a_slot_that_goes_ends_a_pause_for_a_shortage) {
  acceptor.answer({});
  acceptor.answer(net::error::no_descriptors);
  acceptor.answer({});
  start();
  run_ready(context);
  EXPECT_THAT(pauses, ElementsAre(net::error::no_descriptors));
  slots.clear();
  run_ready(context);
  EXPECT_THAT(accepted, ElementsAre(1, 2));
}

TEST_F(AcceptLimited, a_cancellation_ends_it_while_it_is_full_and_slots_may_go_later) {
  start_full();
  cancel.emit(net::cancellation_type::terminal);
  expect_over(net::error::operation_aborted);
  EXPECT_TRUE(slots.front().valid());
  slots.clear();
}

TEST_F(AcceptLimited, a_slot_may_go_behind_its_context) {
  auto elsewhere = std::make_unique<net::io_context>(1);
  ScriptedAcceptor there(*elsewhere);
  there.answer({}, 2);
  AcceptSlot kept;
  options.max_open = 1;
  bool is_destroyed = true;
  accept_each_with_set_clock(
      there, [&](ScriptedAcceptor::Socket, AcceptSlot slot) { kept = std::move(slot); }, options,
      [&is_destroyed](const net_error_code&) { is_destroyed = false; });
  run_ready(*elsewhere);
  EXPECT_TRUE(kept.valid());
  elsewhere.reset();
  EXPECT_TRUE(is_destroyed);
  kept = AcceptSlot();
}

TEST_F(AcceptLimited, a_slot_may_go_with_its_context_while_it_is_full) {
  auto elsewhere = std::make_unique<net::io_context>(1);
  ScriptedAcceptor there(*elsewhere);
  there.answer({}, 2);
  options.max_open = 1;
  accept_each_with_set_clock(
      there,
      [timer = std::make_shared<net::steady_timer>(*elsewhere, 1h)](ScriptedAcceptor::Socket,
                                                                    AcceptSlot slot) {
        timer->async_wait([timer, slot = std::move(slot)](const net_error_code&) {});
      },
      options, outcome.handler());
  run_ready(*elsewhere);
  EXPECT_EQ(pauses.size(), 1U);
  elsewhere.reset();
  EXPECT_FALSE(outcome.is_over());
}

TEST_F(AcceptSteps, without_a_limit_a_slot_holds_no_place) {
  acceptor.answer({});
  bool is_valid = true;
  start_with(
      [&is_valid](ScriptedAcceptor::Socket, const AcceptSlot& slot) { is_valid = slot.valid(); });
  run_ready(context);
  EXPECT_FALSE(is_valid);
}

TEST_F(AcceptSteps, a_limit_that_nobody_keeps_a_slot_for_ends_it_with_the_first_connection) {
  options.max_open = 1;
  acceptor.answer(net::error::connection_aborted);
  acceptor.answer({}, 2);
  async_accept_each(acceptor, on_accept(), options, outcome.handler());
  expect_over(net::error::invalid_argument);
  EXPECT_THAT(accepted, ElementsAre());
  EXPECT_EQ(acceptor.started(), 2);
}

TEST(AcceptLimit, is_refused_where_nobody_keeps_a_slot) {
  net::io_context context;
  net::ip::tcp::acceptor acceptor(context);
  AcceptOptions<> options;
  options.max_open = 1;
  EXPECT_THROW(async_accept_each(
                   acceptor, [](net::ip::tcp::socket) {}, options, [](const net_error_code&) {}),
               std::invalid_argument);
}

}  // namespace
}  // namespace bytes_handoff::test
