#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/fan_out.hpp"
#include "tokens/queue_operation.hpp"
#include "tokens/run_case.hpp"

namespace bytes_handoff::test {
namespace {

/// A wait of a subscriber that was given all, or has a full queue; that has left; or whose queue is
/// aborted while the wait starts.
class CaughtUpOperation : public QueueOperation {
 public:
  static constexpr bool kHasErrorCode = true;
  static std::vector<std::string> states() { return {"given", "waits", "left", "is_aborted"}; }
  static std::string expected(unsigned state) {
    return state < 2 ? describe() : describe(Errc::closed);
  }

  CaughtUpOperation(Environment& environment, unsigned state) : QueueOperation(environment) {
    subscription_ = log_.subscribe(out());
    if (state == 1 || state == 3) {
      static_cast<void>(fill());
      Bytes more = text("more");
      EXPECT_TRUE(log_.publish(more));
    } else if (state == 2) {
      subscription_.leave();
    }
    if (is_meanwhile(state)) {
      let_another_abort();
    }
    is_read_ = state == 1;
  }
  static bool is_meanwhile(unsigned state) { return state == 3; }
  void go_on() {
    if (is_read_) {
      read_all();
    }
  }
  void let_go() {
    subscription_ = Subscription();
    QueueOperation::let_go();
  }
  template <class Token>
  auto start(Token&& token) {
    return subscription_.async_caught_up(std::forward<Token>(token));
  }

 private:
  FanOut log_;
  Subscription subscription_;
  bool is_read_ = false;
};

TEST(SubscriptionTokens, async_caught_up) {
  run_operation<CaughtUpOperation>("subscription.async_caught_up");
}

}  // namespace
}  // namespace bytes_handoff::test
