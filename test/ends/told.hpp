#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <utility>

#include "bytes_handoff/write_handoff.hpp"
#include "support/asio.hpp"

namespace bytes_handoff::test {

/// What became of one operation. Shared with its handler, which may outlive it.
class Watch {
 public:
  enum class Became { kWaits, kCompleted, kDestroyed };

  struct State {
    Became became = Became::kWaits;
    int calls = 0;
    bool was_refused = false;  ///< a write, or a reservation; then `error` is why
    net_error_code error;
    std::size_t n = 0;
  };

  /// A handler for one operation, of any signature that begins with an error or has a result.
  [[nodiscard]] auto handler() {
    return [state = state_, life = std::make_shared<Life>(state_)](auto&&... results) {
      ++state->calls;
      state->became = Became::kCompleted;
      take(*state, std::forward<decltype(results)>(results)...);
    };
  }

  [[nodiscard]] bool has_come() const { return state_->became != Became::kWaits; }
  [[nodiscard]] const State& state() const { return *state_; }

 private:
  struct Life {
    explicit Life(std::shared_ptr<State> of) : state(std::move(of)) {}
    Life(const Life&) = delete;
    Life& operator=(const Life&) = delete;
    ~Life() {
      if (state->became == Became::kWaits) {
        state->became = Became::kDestroyed;
      }
    }
    std::shared_ptr<State> state;
  };

  static void take(State& state, net_error_code error, std::size_t n = 0) {
    state.error = error;
    state.n = n;
  }

  static void take(State& state, net_error_code error, const WriteTicket& ticket) {
    EXPECT_EQ(ticket.valid(), !error);
    state.was_refused = static_cast<bool>(error);
    state.error = error;
  }

  static void take(State& state, net_error_code error, const WritePermit& permit) {
    EXPECT_EQ(permit.valid(), !error);
    state.was_refused = static_cast<bool>(error);
    state.error = error;
  }

  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace bytes_handoff::test
