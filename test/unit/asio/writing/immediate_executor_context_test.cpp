// What an immediate executor needs of the stream's context, and what its handlers may do to that.

#include <atomic>
#include <cstddef>
#include <memory>
#include <thread>
#include <utility>

#include "bytes_handoff/write_handoff.hpp"
#include "support/queue/immediate_fixture.hpp"

namespace bytes_handoff::test {
namespace {

#if defined(BYTES_HANDOFF_HAS_IMMEDIATE_EXECUTOR)

using SerialStream = ScriptedStream<net::strand<net::io_context::executor_type>>;

// The shutdown of the context waits for who posts to it: a handler inside of that would wait for
// itself.
TEST_F(WithImmediateExecutor, the_handler_of_a_write_may_destroy_the_context) {
  auto out = spawn_held();
  Bytes bytes = text("abc");
  bool was_called = false;
  out.async_write(bytes, at_once([&](net_error_code error, const WriteTicket& ticket) {
                    context.reset();
                    EXPECT_FALSE(error) << error.message();
                    EXPECT_TRUE(ticket.is_done());
                    was_called = true;
                  }));
  EXPECT_TRUE(was_called);
  EXPECT_FALSE(out.is_open());
}

TEST_F(WithImmediateExecutor, the_handler_of_a_wait_may_destroy_the_context_and_the_queue) {
  for (int wait = 0; wait < 4; ++wait) {
    script = std::make_shared<StreamScript>();
    context = std::make_unique<net::io_context>(1);
    auto out = std::make_unique<WriteHandoff>(
        SerialStream(net::make_strand(context->get_executor()), script));
    auto ticket = std::make_unique<WriteTicket>(try_send(*out, "abc").value());
    run_ready(*context);
    bool was_called = false;
    auto destroy = at_once([&](auto&&...) {
      context.reset();
      out.reset();
      ticket.reset();
      was_called = true;
    });
    if (wait == 0) {
      ticket->async_wait(std::move(destroy));
    } else if (wait == 1) {
      out->async_flush(std::move(destroy));
    } else {
      out->abort();
      run_ready(*context);
      if (wait == 2) {
        out->async_close(std::move(destroy));
      } else {
        out->async_unwritten(std::move(destroy));
      }
    }
    EXPECT_TRUE(was_called);
  }
}

/// A thread writes while the context of the stream is destroyed. `bind(handler)` binds it.
class WhileTheContextGoes : public WithImmediateExecutor {
 protected:
  template <class Bind>
  void write_meanwhile(Bind bind) {
    script = std::make_shared<StreamScript>();
    auto out = spawn(limits(4, 16));
    std::atomic<bool> has_begun{false};
    std::thread writer([&] {
      for (int i = 0; i < 200; ++i) {
        auto bytes = std::make_unique<Bytes>(text("b"));
        Bytes& slice = *bytes;
        out.async_write(slice, bind([bytes = std::move(bytes)](auto&&...) {}));
        has_begun = true;
      }
    });
    while (!has_begun) {
      std::this_thread::yield();
    }
    context.reset();
    writer.join();
    EXPECT_FALSE(out.is_open());
  }
};

TEST_F(WhileTheContextGoes, handlers_that_live_elsewhere_do_not_need_it) {
  for (int round = 0; round < 50; ++round) {
    context = std::make_unique<net::io_context>(1);
    net::io_context own(1);
    write_meanwhile(
        [&](auto handler) { return at_once(net::bind_executor(own, std::move(handler))); });
    ASSERT_TRUE(run_out(own));
  }
}

TEST_F(WhileTheContextGoes, handlers_whose_immediate_executor_is_its_own_are_queued_before) {
  for (int round = 0; round < 50; ++round) {
    context = std::make_unique<net::io_context>(1);
    const auto own = context->get_executor();
    write_meanwhile(
        [&](auto handler) { return net::bind_immediate_executor(own, std::move(handler)); });
  }
}

/// What happens inside of `execute` of a `ProbedExecutor`.
struct Probe {
  std::unique_ptr<net::io_context>* context;
  const WriteHandoff* out;
  std::atomic<bool> is_gone{false};
  bool was_gone_inside = false;
  std::thread destroyer{};

  void let_the_context_go() {
    destroyer = std::thread([this] {
      context->reset();
      is_gone = true;
    });
    while (out->is_open()) {
      std::this_thread::yield();
    }
    for (int i = 0; i < 10000 && !is_gone; ++i) {
      std::this_thread::yield();
    }
    was_gone_inside = is_gone;
  }
};

/// An executor of the stream's context, which another thread is destroying when it is used.
struct ProbedExecutor {
  Probe* probe;
  net::execution_context* of;

  friend bool operator==(const ProbedExecutor&, const ProbedExecutor&) noexcept = default;
  [[nodiscard]] net::execution_context& query(net::execution::context_t) const noexcept {
    return *of;
  }
  template <class Function>
  void execute(Function function) const {
    probe->let_the_context_go();
    std::move(function)();
  }
};

TEST_F(WithImmediateExecutor, that_is_of_the_streams_context_keeps_that_while_it_is_used) {
  auto out = spawn_held();
  WriteOutcome outcome;
  Probe probe{&context, &out};
  out.async_write(
      outcome.from("abc"),
      net::bind_immediate_executor(ProbedExecutor{&probe, context.get()}, outcome.handler()));
  probe.destroyer.join();
  EXPECT_TRUE(outcome.was_admitted());
  EXPECT_FALSE(probe.was_gone_inside);
  EXPECT_TRUE(probe.is_gone);
}

#endif

}  // namespace
}  // namespace bytes_handoff::test
