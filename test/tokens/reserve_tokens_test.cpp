#include <cstddef>
#include <string>
#include <vector>

#include "tokens/queue_operation.hpp"
#include "tokens/run_case.hpp"

namespace bytes_handoff::test {
namespace {

/// A reservation of 8 bytes that finds room, or must wait for it; one that can never fit; one that
/// finds the queue aborted while it starts; one that is cancelled while it waits. The permit
/// outlives the handle, which goes where the end of the reservation is told.
template <std::size_t kItems>
class ReserveOperation : public QueueOperation {
 public:
  static constexpr bool kHasErrorCode = true;
  static std::vector<std::string> states() {
    return {"room", "waits", "never_fits", "is_aborted", "is_cancelled"};
  }
  static bool is_meanwhile(unsigned state) { return state == 3; }
  static bool is_cancelled(unsigned state) { return state == 4; }
  static std::string expected(unsigned state) {
    switch (state) {
      case 2:
        return describe(Errc::can_never_fit);
      case 3:
        return describe(Errc::closed);
      case 4:
        return describe(net_error_code(net::error::operation_aborted));
      default:
        return "done, a permit for " + std::to_string(kBytes) + " in " + std::to_string(kItems);
    }
  }

  ReserveOperation(Environment& environment, unsigned state)
      : QueueOperation(environment), state_(state) {
    if (state == 1 || is_cancelled(state)) {
      static_cast<void>(fill());
    } else if (is_meanwhile(state)) {
      let_another_abort();
    }
  }
  bool is_waiting() { return out().statistics().waits != 0; }
  void go_on() {
    if (!is_cancelled(state_)) {
      read_all();
    }
  }
  template <class Token>
  auto start(Token&& token) {
    const std::size_t bytes = state_ == 2 ? 17 : kBytes;
    if constexpr (kItems == 1) {
      return out().async_reserve(bytes, std::forward<Token>(token));
    } else {
      return out().async_reserve(bytes, kItems, std::forward<Token>(token));
    }
  }

 private:
  static constexpr std::size_t kBytes = 8;

  const unsigned state_;
};

TEST(WriteHandoffTokens, async_reserve) { run_operation<ReserveOperation<1>>("async_reserve"); }
TEST(WriteHandoffTokens, async_reserve_of_items) {
  run_operation<ReserveOperation<2>>("async_reserve_of_items");
}

}  // namespace
}  // namespace bytes_handoff::test
