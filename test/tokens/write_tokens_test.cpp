#include "tokens/run_case.hpp"
#include "tokens/write_operations.hpp"

namespace bytes_handoff::test {
namespace {

class Write : public WriteOperation {
 public:
  using WriteOperation::WriteOperation;
  static std::string expected(unsigned state) { return expected_of(state, "done, a ticket"); }
  template <class Token>
  auto start(Token&& token) {
    return out().async_write(bytes(), std::forward<Token>(token));
  }
};

class WriteDetached : public WriteOperation {
 public:
  using WriteOperation::WriteOperation;
  static std::string expected(unsigned state) { return expected_of(state, "done"); }
  template <class Token>
  auto start(Token&& token) {
    return out().async_write_detached(bytes(), std::forward<Token>(token));
  }
};

TEST(WriteHandoffTokens, async_write) { run_operation<Write>("async_write"); }
TEST(WriteHandoffTokens, async_write_detached) {
  run_operation<WriteDetached>("async_write_detached");
}

}  // namespace
}  // namespace bytes_handoff::test
