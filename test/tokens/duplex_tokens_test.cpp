#include "tokens/duplex_operation.hpp"
#include "tokens/run_case.hpp"

namespace bytes_handoff::test {
namespace {

class Read : public DuplexOperation {
 public:
  static std::string expected(unsigned state) { return expected_of(state, describe(4)); }
  Read(Environment& environment, unsigned state) : DuplexOperation(environment, state) {
    if (!is_to_wait()) {
      far_end_writes();
    }
  }
  void go_on() { far_end_writes(); }
  template <class Token>
  auto start(Token&& token) {
    return near_end().async_read_some(room(), std::forward<Token>(token));
  }
};

class DuplexWrite : public DuplexOperation {
 public:
  static std::string expected(unsigned state) { return expected_of(state, describe(4)); }
  DuplexWrite(Environment& environment, unsigned state) : DuplexOperation(environment, state) {
    if (is_to_wait()) {
      fill();
    }
  }
  void go_on() { far_end_reads(); }
  template <class Token>
  auto start(Token&& token) {
    return near_end().async_write_some(net::buffer("4 b.", 4), std::forward<Token>(token));
  }
};

class Wait : public Read {
 public:
  using Read::Read;
  static std::string expected(unsigned state) { return expected_of(state, describe()); }
  template <class Token>
  auto start(Token&& token) {
    return near_end().async_wait(Stream::wait_read, std::forward<Token>(token));
  }
};

TEST(BasicDuplexStreamTokens, async_read_some) { run_operation<Read>("duplex.async_read_some"); }
TEST(BasicDuplexStreamTokens, async_write_some) {
  run_operation<DuplexWrite>("duplex.async_write_some");
}
TEST(BasicDuplexStreamTokens, async_wait) { run_operation<Wait>("duplex.async_wait"); }

}  // namespace
}  // namespace bytes_handoff::test
