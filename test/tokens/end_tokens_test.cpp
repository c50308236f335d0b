#include "support/run_for.hpp"
#include "tokens/queue_operation.hpp"
#include "tokens/run_case.hpp"

namespace bytes_handoff::test {
namespace {

/// The queue is open with nothing to write, or with more than the stream takes; or it was aborted.
class LifeOperation : public QueueOperation {
 public:
  static constexpr bool kHasErrorCode = true;
  static std::vector<std::string> states() { return {"idle", "waits", "ended"}; }
  static std::string expected(unsigned state) {
    return state == 2 ? describe(Errc::aborted) : describe();
  }

  LifeOperation(Environment& environment, unsigned state) : QueueOperation(environment) {
    if (state == 1) {
      static_cast<void>(fill());
    } else if (state == 2) {
      out().abort();
    }
  }
  void go_on() { read_all(); }
};

class Flush : public LifeOperation {
 public:
  using LifeOperation::LifeOperation;
  template <class Token>
  auto start(Token&& token) {
    return out().async_flush(std::forward<Token>(token));
  }
};

class Close : public LifeOperation {
 public:
  using LifeOperation::LifeOperation;
  template <class Token>
  auto start(Token&& token) {
    return out().async_close(kPatience, std::forward<Token>(token));
  }
};

class Closed : public LifeOperation {
 public:
  Closed(Environment& environment, unsigned state) : LifeOperation(environment, state) {
    out().close();
  }
  template <class Token>
  auto start(Token&& token) {
    return out().async_closed(std::forward<Token>(token));
  }
};

TEST(WriteHandoffTokens, async_flush) { run_operation<Flush>("async_flush"); }
TEST(WriteHandoffTokens, async_close) { run_operation<Close>("async_close"); }
TEST(WriteHandoffTokens, async_closed) { run_operation<Closed>("async_closed"); }

}  // namespace
}  // namespace bytes_handoff::test
