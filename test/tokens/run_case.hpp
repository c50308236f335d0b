#pragma once

// One case of the table: an operation with a kind of token, on an executor, from a state.
//
// An `Operation` has
//
//     static constexpr bool kHasErrorCode;  // the first result is an error_code
//     static std::vector<std::string> states();  // names of what it can be started in
//     static std::string expected(unsigned state);  // its result, as a text
//     Operation(Environment& environment, unsigned state);
//
//     // On the handler's executor: the operation; and, where its end is told, the end of what it
//     // was called on.
//     template <class Token> auto start(Token&& token);
//     void let_go();
//
//     // From inside of the initiating function, in the states where that is so.
//     static bool is_meanwhile(unsigned state);
//     void meanwhile();
//
//     // If there: the states in which it is cancelled once it waits.
//     static bool is_cancelled(unsigned state);
//     bool is_waiting();
//
//     // By the test's thread: lets it complete, called again and again; in the end nothing waits.
//     void go_on();
//     void end();

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/asio.hpp"
#include "support/run_for.hpp"
#include "tokens/cases.hpp"
#include "tokens/concrete_environments.hpp"
#include "tokens/record.hpp"

namespace bytes_handoff::test {

/// A handler that says what it is called with, and counts its copies.
class Callback {
 public:
  explicit Callback(Record& record) : record_(&record), life_(record.life()) {}
  template <class... Results>
  void operator()(Results... results) {
    record_->complete(describe(std::move(results)...));
  }

 private:
  Record* record_;
  std::shared_ptr<int> life_;
};

class MoveOnlyCallback : public Callback {
 public:
  explicit MoveOnlyCallback(Record& record) : Callback(record) {}

 private:
  std::unique_ptr<int> only_ = std::make_unique<int>(1);
};

/// The token bound to an executor, an allocator and a cancellation slot.
template <class Executor, class Token>
[[nodiscard]] auto dress(Record& record, const Executor& executor, Token token) {
  return net::bind_executor(
      executor,
      net::bind_allocator(record.allocator(),
                          net::bind_cancellation_slot(record.signal().slot(), std::move(token))));
}

template <class Operation>
[[nodiscard]] bool is_cancelled(unsigned state) {
  if constexpr (requires { Operation::is_cancelled(state); }) {
    return Operation::is_cancelled(state);
  } else {
    return false;
  }
}

template <class Operation>
class Case {
 public:
  Case(const CaseId& id, unsigned state, std::uint64_t seed)
      : id_(id),
        state_(state),
        environment_(Environment::make(id.where, seed)),
        record_(*environment_, id.kind == Kind::unbound),
        operation_(std::in_place, *environment_, state) {
    record_.at_the_end([this] { operation_->let_go(); });
    if (Operation::is_meanwhile(state)) {
      record_.at_first_allocation([this] { operation_->meanwhile(); });
    }
  }

  void run() {
    start();
    const bool is_told = id_.kind != Kind::detached;
    wait(is_told);
    operation_->end();
    environment_->settle();
    record_.signal().emit(net::cancellation_type::all);  // too late for anybody
    operation_.reset();
    if (is_told && id_.kind != Kind::future) {  // a future is asked as it comes
      record_.expect_ended_once(Operation::expected(state_));
    }
    record_.expect_nothing_left();
  }

 private:
  using AnyExecutor = net::any_io_executor;

  void wait(bool is_told) {
    if (!is_told) {
      for (int turns = 0; turns < 50 || !record_.has_started() || must_cancel() || is_emitting();
           ++turns) {
        cancel_if_it_waits();
        operation_->go_on();
        environment_->turn();
      }
      return;
    }
    const auto give_up = std::chrono::steady_clock::now() + kPatience;
    while (!record_.is_over() || is_emitting()) {
      cancel_if_it_waits();
      operation_->go_on();
      environment_->turn();
      if (std::chrono::steady_clock::now() > give_up) {
        ADD_FAILURE() << "it never completes";
        return;
      }
    }
  }

  [[nodiscard]] bool must_cancel() const {
    return is_cancelled<Operation>(state_) && !was_cancelled_;
  }
  [[nodiscard]] bool is_emitting() const { return was_cancelled_ && !has_emitted_; }
  // Where its handler runs.
  void cancel_if_it_waits() {
    if constexpr (requires { operation_->is_waiting(); }) {
      if (must_cancel() && operation_->is_waiting()) {
        was_cancelled_ = true;
        net::post(environment_->executor(), [this] {
          record_.signal().emit(net::cancellation_type::total);
          has_emitted_ = true;
        });
      }
    }
  }

  // Starts the operation on the handler's executor.
  template <class Token>
  void start_with(Token token) {
    net::post(environment_->executor(),
              [this, token = std::move(token)]() mutable { initiate(std::move(token)); });
  }

  template <class Token>
  void initiate(Token token) {
    {
      const Initiating inside;
      operation_->start(std::move(token));
    }
    record_.note_started();
  }

  template <class Token>
  void start_bare_or_dressed(Token token) {
    const AnyExecutor executor = environment_->executor();
    if (id_.is_dressed) {
      start_with(dress(record_, executor, std::move(token)));
    } else {
      start_with(net::bind_executor(executor, std::move(token)));
    }
  }

  void start() {
    switch (id_.kind) {
      case Kind::callback:
        return start_bare_or_dressed(Callback(record_));
      case Kind::move_only:
        return start_bare_or_dressed(MoveOnlyCallback(record_));
      case Kind::unbound:
        return start_with(Callback(record_));
      case Kind::concrete:
        return with_concrete_executor(*environment_, id_.where, [this](auto executor) {
          this->start_with(net::bind_executor(executor, Callback(record_)));
        });
      case Kind::future:
        return id_.is_dressed
                   ? start_future(dress(record_, environment_->executor(), net::use_future))
                   : start_future(net::use_future);
      case Kind::awaitable:
        return start_coroutine(net::use_awaitable);
      case Kind::as_tuple:
        return start_coroutine(test::as_tuple(net::use_awaitable));
      case Kind::redirect_error:
        return start_redirected();
      case Kind::deferred_once:
        return start_deferred();
      case Kind::deferred_kept:
        return start_deferred_kept();
      case Kind::detached:
        return id_.is_dressed ? start_with(dress(record_, environment_->executor(), net::detached))
                              : start_with(net::detached);
    }
  }

  template <class Token>
  void start_future(Token token) {
    net::post(environment_->executor(), [this, token = std::move(token)]() mutable {
      record_.complete_when([this, future = operation_->start(std::move(token)).share()] {
        if (future.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
          return false;
        }
        EXPECT_EQ(text_of(future), Operation::expected(state_));
        return true;
      });
      record_.note_started();
    });
  }

  // Of a future that keeps its state, and by that the exception in it: ThreadSanitizer does not see
  // how the C++ library counts who holds an exception, and takes its end on another thread for a
  // race with who has looked at it. Who holds the state it sees.
  template <class Result>
  [[nodiscard]] static std::string text_of(const std::shared_future<Result>& future) {
    try {
      if constexpr (std::is_void_v<Result>) {
        future.get();
        return describe();
      } else {
        return describe(future.get());
      }
    } catch (const net_system_error& error) {
      return describe(error.code());
    }
  }

  void start_deferred() {
    net::post(environment_->executor(), [this] {
      start_stored(operation_->start(test::deferred));
      record_.note_started();
    });
  }

  void start_deferred_kept() {
    net::post(environment_->executor(), [this] {
      auto kept = operation_->start(test::deferred);
      net::post(environment_->executor(), [this, kept = std::move(kept)]() mutable {
        start_stored(std::move(kept));
        record_.note_started();
      });
    });
  }

  template <class Stored>
  void start_stored(Stored stored) {
    const Initiating inside;
    const AnyExecutor executor = environment_->executor();
    if (id_.is_dressed) {
      std::move(stored)(dress(record_, executor, Callback(record_)));
    } else {
      std::move(stored)(net::bind_executor(executor, Callback(record_)));
    }
  }

  template <class Token>
  void start_coroutine(Token token) {
    if (id_.is_dressed) {
      spawn(await(dress(record_, environment_->executor(), std::move(token))));
    } else {
      spawn(await(std::move(token)));
    }
  }

  void start_redirected() {
    if constexpr (Operation::kHasErrorCode) {
      if (id_.is_dressed) {
        spawn(await_redirected([this](auto token) {
          return dress(record_, environment_->executor(), std::move(token));
        }));
      } else {
        spawn(await_redirected([](auto token) { return token; }));
      }
    }
  }

  void spawn(net::awaitable<void> coroutine) {
    net::co_spawn(environment_->executor(), std::move(coroutine), [](std::exception_ptr thrown) {
      EXPECT_EQ(thrown, nullptr) << "a coroutine has thrown";
    });
  }

  template <class Token>
  net::awaitable<void> await(Token token) {
    const std::shared_ptr<int> life = record_.life();
    std::string text;
    try {
      using Result = typename decltype(operation_->start(std::move(token)))::value_type;
      if constexpr (std::is_void_v<Result>) {
        co_await operation_->start(std::move(token));
        text = describe();
      } else {
        Result result = co_await operation_->start(std::move(token));
        text = describe(std::move(result));
      }
    } catch (const net_system_error& error) {
      text = describe(error.code());
    }
    record_.complete(std::move(text));
  }

  template <class Wrap>
  net::awaitable<void> await_redirected(Wrap wrap) {
    const std::shared_ptr<int> life = record_.life();
    net_error_code error;
    auto token = wrap(net::redirect_error(net::use_awaitable, error));
    using Result = typename decltype(operation_->start(std::move(token)))::value_type;
    if constexpr (std::is_void_v<Result>) {
      co_await operation_->start(std::move(token));
      record_.complete(describe(error));
    } else {
      const Result result = co_await operation_->start(std::move(token));
      record_.complete(describe(error, result));
    }
  }

  const CaseId id_;
  const unsigned state_;
  bool was_cancelled_ = false;
  std::atomic<bool> has_emitted_ = false;  // of a cancellation, whose thread may be another
  const std::unique_ptr<Environment> environment_;
  Record record_;
  std::optional<Operation> operation_;
};

/// All cases of an operation that this run takes.
template <class Operation>
void run_operation(const std::string& name) {
  run_cases(name, Operation::states(), Operation::kHasErrorCode,
            [](const CaseId& id, unsigned state, std::uint64_t seed) {
              const bool needs_slot_or_allocator =
                  Operation::is_meanwhile(state) || is_cancelled<Operation>(state);
              if (id.is_dressed || !needs_slot_or_allocator) {
                Case<Operation>(id, state, seed).run();
              }
            });
}

}  // namespace bytes_handoff::test
