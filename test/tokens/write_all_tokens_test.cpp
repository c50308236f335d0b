#include "tokens/run_case.hpp"
#include "tokens/write_operations.hpp"

namespace bytes_handoff::test {
namespace {

class WriteAll : public WriteOperation {
 public:
  using WriteOperation::WriteOperation;
  static std::string expected(unsigned state) { return expected_of(state, "done, a ticket"); }
  template <class Token>
  auto start(Token&& token) {
    return out().async_write_all(slices(), std::forward<Token>(token));
  }
};

class WriteAllDetached : public WriteOperation {
 public:
  using WriteOperation::WriteOperation;
  static std::string expected(unsigned state) { return expected_of(state, "done"); }
  template <class Token>
  auto start(Token&& token) {
    return out().async_write_all_detached(slices(), std::forward<Token>(token));
  }
};

TEST(WriteHandoffTokens, async_write_all) { run_operation<WriteAll>("async_write_all"); }
TEST(WriteHandoffTokens, async_write_all_detached) {
  run_operation<WriteAllDetached>("async_write_all_detached");
}

}  // namespace
}  // namespace bytes_handoff::test
