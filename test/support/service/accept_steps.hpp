#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <utility>
#include <vector>

#include "support/asio.hpp"
#include "support/run_for.hpp"
#include "support/service/accept_outcome.hpp"
#include "support/service/scripted_acceptor.hpp"

namespace bytes_handoff::test {

/// Accepting, step by step: the answers and the clock are the test's.
class AcceptSteps : public testing::Test {
 public:
  using Options = AcceptOptions<net::io_context::executor_type>;

 protected:
  AcceptSteps() {
    options.retry_after = std::chrono::seconds(10);
    options.on_pause = [this](const net_error_code& reason) { pauses.push_back(reason); };
  }

  auto on_accept() {
    return [this](ScriptedAcceptor::Socket socket) { accepted.push_back(*socket); };
  }
  void start() { start_with(on_accept()); }
  template <class OnAccept>
  void start_with(OnAccept function) {
    accept_each_with_set_clock(acceptor, std::move(function), options,
                               net::bind_cancellation_slot(cancel.slot(), outcome.handler()));
  }
  // What the clock has brought about; a timer looks at it each millisecond.
  void pass(SetClock::duration time) {
    const int before = acceptor.started();
    SetClock::pass(time);
    ASSERT_TRUE(
        run_until(context, [&] { return acceptor.started() != before || outcome.is_over(); }));
    run_ready(context);
  }
  void expect_over(const net_error_code& error) {
    ASSERT_TRUE(run_out(context));
    outcome.expect(error);
  }

  net::io_context context{1};
  ScriptedAcceptor acceptor{context};
  Options options;
  std::vector<int> accepted;
  std::vector<net_error_code> pauses;
  net::cancellation_signal cancel;
  AcceptOutcome outcome;
};

}  // namespace bytes_handoff::test
