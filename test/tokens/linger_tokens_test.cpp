#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/linger.hpp"
#include "tokens/run_case.hpp"

namespace bytes_handoff::test {
namespace {

/// The linger of a socket whose peer has ended, or ends later. Errors are not among its states:
/// they come from the streams' thread, and ThreadSanitizer does not see how the standard library
/// shares an exception between a future and its promise.
class LingerOperation {
 public:
  static constexpr bool kHasErrorCode = true;
  static std::vector<std::string> states() { return {"ready", "waits"}; }
  static std::string expected(unsigned /*state*/) { return describe(4); }

  LingerOperation(Environment& environment, unsigned state) : near_(environment.streams()) {
    net::ip::tcp::acceptor acceptor(of_peer_, {net::ip::address_v4::loopback(), 0});
    near_->connect(acceptor.local_endpoint());
    far_ = acceptor.accept();
    net::write(far_, net::buffer("4 b.", 4));
    if (state == 0) {
      go_on();
    }
  }

  static bool is_meanwhile(unsigned) { return false; }
  void meanwhile() {}
  void let_go() { near_.reset(); }
  void go_on() {
    net_error_code ignored;
    far_.shutdown(net::socket_base::shutdown_send, ignored);
  }
  void end() { far_.close(); }

  template <class Token>
  auto start(Token&& token) {
    return async_linger(*near_, {}, std::forward<Token>(token));
  }

 private:
  net::io_context of_peer_{1};
  std::optional<net::ip::tcp::socket> near_;
  net::ip::tcp::socket far_{of_peer_};
};

TEST(Tokens, async_linger) { run_operation<LingerOperation>("async_linger"); }

}  // namespace
}  // namespace bytes_handoff::test
