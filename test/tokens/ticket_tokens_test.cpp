#include "tokens/queue_operation.hpp"
#include "tokens/run_case.hpp"

namespace bytes_handoff::test {
namespace {

/// How the tests call both operations.
struct Wait {
  static constexpr const char* kName = "ticket.async_wait";
  template <class Token>
  static auto start(WriteTicket& ticket, Token&& token) {
    return ticket.async_wait(std::forward<Token>(token));
  }
};
struct Outcome {
  static constexpr const char* kName = "ticket.async_outcome";
  template <class Token>
  static auto start(WriteTicket& ticket, Token&& token) {
    return ticket.async_outcome(std::forward<Token>(token));
  }
};

/// A wait for a write that has been written, that has not, whose queue was aborted, or is while
/// the wait starts; or that another wait waits for.
template <class Operation>
class TicketWait : public QueueOperation {
 public:
  static constexpr bool kHasErrorCode = true;
  static std::vector<std::string> states() {
    return {"written", "waits", "aborted", "busy", "is_aborted"};
  }
  static std::string expected(unsigned state) {
    switch (state) {
      case 0:
        return describe(4);
      case 1:
        return describe(16);
      case 2:
      case 4:
        return describe(Errc::aborted);
      default:
        return describe(Errc::wait_in_progress);
    }
  }

  TicketWait(Environment& environment, unsigned state) : QueueOperation(environment) {
    ticket_.emplace(state == 0 ? submit("4 b.") : fill());
    if (state == 0) {
      while (!ticket_->is_done()) {
        environment.turn();
      }
    } else if (state == 2) {
      out().abort();
    } else if (state == 3) {
      ticket_->async_wait([](net_error_code, std::size_t) {});
    }
    if (is_meanwhile(state)) {
      let_another_abort();
    }
    is_read_ = state == 1;
  }
  static bool is_meanwhile(unsigned state) { return state == 4; }
  void go_on() {
    if (is_read_) {
      read_all();
    }
  }
  void let_go() {
    ticket_.reset();
    QueueOperation::let_go();
  }
  template <class Token>
  auto start(Token&& token) {
    return Operation::start(*ticket_, std::forward<Token>(token));
  }

 private:
  std::optional<WriteTicket> ticket_;
  bool is_read_ = false;
};

TEST(WriteTicketTokens, async_wait) { run_operation<TicketWait<Wait>>(Wait::kName); }
TEST(WriteTicketTokens, async_outcome) { run_operation<TicketWait<Outcome>>(Outcome::kName); }

}  // namespace
}  // namespace bytes_handoff::test
