// Step by step, with an acceptor that answers as the test says, and a clock that the test sets.

#include "support/service/accept_steps.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <memory_resource>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/service/accept_each.hpp"
#include "support/asio.hpp"
#include "support/memory/counting_resource.hpp"
#include "support/queue/probes.hpp"
#include "support/run_for.hpp"
#include "support/service/accept_outcome.hpp"
#include "support/service/scripted_acceptor.hpp"

namespace bytes_handoff::test {
namespace {

using namespace std::chrono_literals;
using testing::Each;
using testing::ElementsAre;
using testing::SizeIs;
using Options = AcceptSteps::Options;
using How = ScriptedAcceptor::How;

TEST_F(AcceptSteps, accepts_one_after_the_other_and_nothing_inside_of_the_call) {
  acceptor.answer({}, 3);
  start();
  EXPECT_EQ(acceptor.started(), 0);
  run_ready(context);
  EXPECT_THAT(accepted, ElementsAre(1, 2, 3));
  EXPECT_EQ(acceptor.started(), 4);
  EXPECT_TRUE(acceptor.is_waiting());
  EXPECT_FALSE(outcome.is_over());
  cancel.emit(net::cancellation_type::terminal);
  EXPECT_FALSE(outcome.is_over()) << "not inside of the emission";
  expect_over(net::error::operation_aborted);
}

TEST_F(AcceptSteps, goes_on_at_once_behind_errors_of_connections_and_pauses_behind_many) {
  acceptor.answer(net::error::connection_aborted, 17);
  acceptor.answer({});
  start();
  run_ready(context);
  EXPECT_EQ(acceptor.started(), 17);
  EXPECT_THAT(pauses, ElementsAre(net::error::connection_aborted));
  pass(10s);
  EXPECT_THAT(accepted, ElementsAre(1));
  EXPECT_EQ(pauses.size(), 1U);
}

TEST_F(AcceptSteps, pauses_behind_each_shortage_and_tries_no_sooner) {
  acceptor.answer(net::error::no_descriptors, 2);
  acceptor.answer({});
  start();
  for (int times = 1; times <= 2; ++times) {
    run_ready(context);
    EXPECT_EQ(acceptor.started(), times);
    EXPECT_THAT(pauses, SizeIs(times));
    EXPECT_THAT(pauses, Each(net::error::no_descriptors));
    SetClock::pass(9s);
    context.restart();
    context.run_for(5ms);
    EXPECT_EQ(acceptor.started(), times) << "it goes on before its time";
    pass(1s);
  }
  EXPECT_THAT(accepted, ElementsAre(1));
}

TEST_F(AcceptSteps, ends_with_an_error_of_the_acceptor) {
  acceptor.answer({});
  acceptor.answer(system_error_of(EINVAL));
  start();
  expect_over(system_error_of(EINVAL));
  EXPECT_THAT(accepted, ElementsAre(1));
}

TEST_F(AcceptSteps, ends_with_an_error_that_is_none_of_the_systems) {
  acceptor.answer(detail::to_net_error(Errc::limit_exceeded));
  start();
  expect_over(detail::to_net_error(Errc::limit_exceeded));
}

TEST_F(AcceptSteps, knows_the_errors_of_the_standard_library) {
  acceptor.answer(std::make_error_code(std::errc::too_many_files_open));
  start();
  run_ready(context);
  EXPECT_EQ(pauses.size(), 1U);
  EXPECT_FALSE(outcome.is_over());
  cancel.emit(net::cancellation_type::terminal);
  expect_over(net::error::operation_aborted);
}

TEST_F(AcceptSteps, prepares_before_each_accept_and_pauses_without_what_it_needs) {
  std::vector<std::string> order;
  std::optional<net_error_code> refused = net::error::no_buffer_space;
  options.prepare = [&] {
    order.emplace_back("prepare");
    return refused.value_or(net_error_code());
  };
  acceptor.answer(net::error::connection_aborted);
  acceptor.answer({});
  start_with([&](const ScriptedAcceptor::Socket&) { order.emplace_back("accepted"); });
  run_ready(context);
  EXPECT_EQ(acceptor.started(), 0);
  EXPECT_THAT(order, ElementsAre("prepare"));
  EXPECT_THAT(pauses, ElementsAre(net::error::no_buffer_space));
  refused.reset();
  pass(10s);
  EXPECT_THAT(order, ElementsAre("prepare", "prepare", "prepare", "accepted", "prepare"));
  EXPECT_TRUE(acceptor.is_waiting());
}

TEST_F(AcceptSteps, takes_what_is_thrown_at_the_start_of_an_accept_for_its_error) {
  acceptor.set(How::throws);
  start();
  run_ready(context);
  EXPECT_THAT(pauses, ElementsAre(net::error::no_memory));
  acceptor.set(How::later);
  acceptor.answer({});
  pass(10s);
  EXPECT_THAT(accepted, ElementsAre(1));
}

TEST_F(AcceptSteps, an_acceptor_may_complete_inside_of_its_call) {
  constexpr int kMany = 100'000;
  acceptor.set(How::inside);
  acceptor.answer({}, kMany);
  bool has_run = false;
  start();
  net::post(context, [&] { net::post(context, [&] { has_run = accepted.size() < 10; }); });
  run_ready(context);
  EXPECT_EQ(accepted.size(), std::size_t{kMany});
  EXPECT_TRUE(has_run) << "it must let others run";
}

TEST_F(AcceptSteps, is_cancelled_by_every_type_in_an_accept_and_in_a_pause) {
  for (const auto type : {net::cancellation_type::terminal, net::cancellation_type::partial,
                          net::cancellation_type::total}) {
    for (const bool in_pause : {false, true}) {
      outcome = {};
      if (in_pause) {
        acceptor.answer(net::error::no_descriptors);
      }
      start();
      run_ready(context);
      EXPECT_EQ(acceptor.is_waiting(), !in_pause);
      cancel.emit(net::cancellation_type::none);
      run_ready(context);
      EXPECT_FALSE(outcome.is_over());
      cancel.emit(type);
      expect_over(net::error::operation_aborted);
      cancel.emit(type);
    }
  }
}

TEST_F(AcceptSteps, is_cancelled_before_its_first_turn_and_from_inside_of_its_functions) {
  start();
  cancel.emit(net::cancellation_type::terminal);
  expect_over(net::error::operation_aborted);
  EXPECT_EQ(acceptor.started(), 0);
  const auto emit = [this](auto&&...) { cancel.emit(net::cancellation_type::terminal); };
  outcome = {};
  acceptor.answer({});
  start_with(emit);
  expect_over(net::error::operation_aborted);
  EXPECT_EQ(acceptor.started(), 1);
  outcome = {};
  acceptor.answer(net::error::no_descriptors);
  options.on_pause = emit;
  start();
  expect_over(net::error::operation_aborted);
  EXPECT_EQ(acceptor.started(), 2);
  outcome = {};
  options.prepare = [&] {
    emit();
    return net_error_code();
  };
  start();
  expect_over(net::error::operation_aborted);
  EXPECT_EQ(acceptor.started(), 2);
}

TEST_F(AcceptSteps, a_connection_that_was_accepted_before_a_cancellation_is_not_lost) {
  acceptor.answer({}, 2);
  start();
  context.run_one();
  EXPECT_EQ(acceptor.started(), 1);
  EXPECT_TRUE(accepted.empty());
  cancel.emit(net::cancellation_type::terminal);
  expect_over(net::error::operation_aborted);
  EXPECT_THAT(accepted, ElementsAre(1));
}

TEST_F(AcceptSteps, an_acceptor_that_cannot_tell_is_found_closed_behind_a_pause) {
  acceptor.answer(net::error::no_descriptors);
  acceptor.answer(net::error::bad_descriptor);
  start();
  run_ready(context);
  SetClock::pass(10s);
  expect_over(net::error::operation_aborted);
}

TEST_F(AcceptSteps, a_pause_is_ended_early) {
  options.pause = std::make_shared<AcceptPause>();
  acceptor.answer(net::error::no_descriptors, 2);
  acceptor.answer({});
  start();
  options.pause->end();
  for (int times = 1; times <= 2; ++times) {
    run_ready(context);
    EXPECT_TRUE(options.pause->is_on());
    EXPECT_EQ(acceptor.started(), times);
    options.pause->end();
    options.pause->end();
    EXPECT_EQ(acceptor.started(), times) << "not inside of the call";
    ASSERT_TRUE(run_until(context, [&] { return acceptor.started() == times + 1; }));
  }
  run_ready(context);
  EXPECT_FALSE(options.pause->is_on());
  EXPECT_THAT(accepted, ElementsAre(1));
  options.pause->end();
  cancel.emit(net::cancellation_type::terminal);
  expect_over(net::error::operation_aborted);
  options.pause->end();
}

TEST_F(AcceptSteps, a_pause_that_is_ended_as_it_ends_leaves_the_next_accept_alone) {
  options.pause = std::make_shared<AcceptPause>();
  acceptor.answer(net::error::no_descriptors);
  start();
  run_ready(context);
  options.pause->end();
  context.restart();
  context.poll_one();  // the timer is stopped, and its handler is yet to run
  ASSERT_TRUE(options.pause->is_on());
  options.pause->end();
  run_ready(context);
  EXPECT_FALSE(outcome.is_over());
  EXPECT_TRUE(acceptor.is_waiting());
}

TEST_F(AcceptSteps, a_pause_object_can_be_used_again_but_not_by_two) {
  options.pause = std::make_shared<AcceptPause>();
  start();
  Sentinel second;
  EXPECT_THROW(accept_each_with_set_clock(acceptor, on_accept(), options, second.handler()),
               std::invalid_argument);
  EXPECT_TRUE(second.is_destroyed());
  EXPECT_EQ(second.calls(), 0U);
  cancel.emit(net::cancellation_type::terminal);
  expect_over(net::error::operation_aborted);
  outcome = {};
  start();
  run_ready(context);
  EXPECT_TRUE(acceptor.is_waiting());
  cancel.emit(net::cancellation_type::terminal);
  expect_over(net::error::operation_aborted);
}

TEST_F(AcceptSteps, refuses_options_that_can_never_work) {
  for (const auto time : {0ns, -1ns}) {
    options.retry_after = time;
    EXPECT_THROW(start(), std::invalid_argument);
  }
  options.retry_after = 1ns;
  options.next_executor = [this] { return context.get_executor(); };
  EXPECT_THROW(start(), std::invalid_argument);
}

TEST_F(AcceptSteps, goes_on_behind_what_on_accept_throws) {
  acceptor.answer({}, 2);
  start_with([this](ScriptedAcceptor::Socket socket) {
    accepted.push_back(*socket);
    if (accepted.size() == 1) {
      throw std::runtime_error("the user's");
    }
  });
  EXPECT_THROW(run_ready(context), std::runtime_error);
  EXPECT_FALSE(outcome.is_over());
  run_ready(context);
  EXPECT_THAT(accepted, ElementsAre(1, 2));
  EXPECT_TRUE(acceptor.is_waiting());
}

TEST_F(AcceptSteps, goes_on_behind_a_pause_after_what_its_other_functions_throw) {
  bool throws = true;
  const auto may_throw = [&] {
    if (throws) {
      throw std::runtime_error("the user's");
    }
  };
  options.prepare = [&] {
    may_throw();
    return net_error_code();
  };
  acceptor.answer({});
  start();
  EXPECT_THROW(run_ready(context), std::runtime_error);
  run_ready(context);
  EXPECT_EQ(acceptor.started(), 0);
  throws = false;
  pass(10s);
  EXPECT_THAT(accepted, ElementsAre(1));
  cancel.emit(net::cancellation_type::terminal);
  expect_over(net::error::operation_aborted);

  throws = true;
  outcome = {};
  options.prepare = {};
  options.on_pause = [&](const net_error_code&) { may_throw(); };
  acceptor.answer(net::error::no_descriptors);
  acceptor.answer({});
  start();
  EXPECT_THROW(run_ready(context), std::runtime_error);
  pass(10s);
  EXPECT_THAT(accepted, ElementsAre(1, 2));
}

TEST_F(AcceptSteps, honours_executor_and_allocator_and_takes_a_function_that_can_only_move) {
  net::io_context other(1);
  CountingResource resource;
  const std::pmr::polymorphic_allocator<std::byte> allocator(&resource);
  acceptor.answer({});
  acceptor.answer(system_error_of(EINVAL));
  accept_each_with_set_clock(
      acceptor,
      [this, only = std::make_unique<int>(7)](ScriptedAcceptor::Socket socket) {
        accepted.push_back(*only + *socket);
      },
      options,
      net::bind_executor(other.get_executor(), net::bind_allocator(allocator, outcome.handler())));
  EXPECT_EQ(resource.blocks_out(), 1U);
  run_ready(context);
  EXPECT_THAT(accepted, ElementsAre(8));
  EXPECT_FALSE(outcome.is_over());
  ASSERT_TRUE(run_out(other));
  outcome.expect(system_error_of(EINVAL));
  EXPECT_EQ(resource.blocks_out(), 0U);
}

TEST_F(AcceptSteps, its_functions_go_on_the_acceptors_executor_before_the_handler_is_called) {
  net::io_context other(1);
  Sentinel function;
  options.on_pause = function.handler();
  acceptor.answer(system_error_of(EINVAL));
  accept_each_with_set_clock(
      acceptor, [kept = function.handler()](const ScriptedAcceptor::Socket&) {},
      std::exchange(options, {}), net::bind_executor(other, outcome.handler()));
  EXPECT_FALSE(function.is_destroyed());
  ASSERT_TRUE(run_out(context));
  EXPECT_TRUE(function.is_destroyed());
  EXPECT_FALSE(outcome.is_over());
  ASSERT_TRUE(run_out(other));
  outcome.expect(system_error_of(EINVAL));
}

}  // namespace
}  // namespace bytes_handoff::test
