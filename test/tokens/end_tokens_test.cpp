#include "support/run_for.hpp"
#include "tokens/queue_operation.hpp"
#include "tokens/run_case.hpp"

namespace bytes_handoff::test {
namespace {

/// The queue is open with nothing to write, or with more than the stream takes; it was aborted, or
/// is while the operation starts.
class LifeOperation : public QueueOperation {
 public:
  static constexpr bool kHasErrorCode = true;
  static std::vector<std::string> states() { return {"idle", "waits", "ended", "is_aborted"}; }
  static std::string expected(unsigned state) {
    return state >= 2 ? describe(Errc::aborted) : describe();
  }

  LifeOperation(Environment& environment, unsigned state) : QueueOperation(environment) {
    is_read_ = state == 1;
    if (state == 1 || is_meanwhile(state)) {
      static_cast<void>(fill());
    }
    if (state == 2) {
      out().abort();
    } else if (is_meanwhile(state)) {
      let_another_abort();
    }
  }
  static bool is_meanwhile(unsigned state) { return state == 3; }
  void go_on() {
    if (is_read_) {
      read_all();
    }
  }

 private:
  bool is_read_ = false;
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
    return out().async_close(std::forward<Token>(token));
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

class Unwritten : public LifeOperation {
 public:
  static std::string expected(unsigned) { return describe(); }

  Unwritten(Environment& environment, unsigned state) : LifeOperation(environment, state) {
    out().close();
  }
  template <class Token>
  auto start(Token&& token) {
    return out().async_unwritten(std::forward<Token>(token));
  }
};

TEST(WriteHandoffTokens, async_flush) { run_operation<Flush>("async_flush"); }
TEST(WriteHandoffTokens, async_close) { run_operation<Close>("async_close"); }
TEST(WriteHandoffTokens, async_closed) { run_operation<Closed>("async_closed"); }
TEST(WriteHandoffTokens, async_unwritten) { run_operation<Unwritten>("async_unwritten"); }

}  // namespace
}  // namespace bytes_handoff::test
