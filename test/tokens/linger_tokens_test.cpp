#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/linger.hpp"
#include "tokens/run_case.hpp"

namespace bytes_handoff::test {
namespace {

/// The linger of a socket whose peer has ended, or ends later, or has sent too much; and of one
/// that is closed.
class LingerOperation {
 public:
  static constexpr bool kHasErrorCode = true;
  static std::vector<std::string> states() { return {"ready", "waits", "closed", "full"}; }
  static std::string expected(unsigned state) {
    switch (state) {
      case 2:
        return describe(net_error_code(net::error::bad_descriptor));
      case 3:
        return describe(Errc::limit_exceeded);
      default:
        return describe(4);
    }
  }

  LingerOperation(Environment& environment, unsigned state) : near_(environment.streams()) {
    net::ip::tcp::acceptor acceptor(of_peer_, {net::ip::address_v4::loopback(), 0});
    near_->connect(acceptor.local_endpoint());
    far_ = acceptor.accept();
    net::write(far_, net::buffer("4 b.", 4));
    if (state == 0) {
      go_on();
    } else if (state == 2) {
      near_->close();
    } else if (state == 3) {
      limits_.max_bytes = 3;
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
    return async_linger(*near_, limits_, std::forward<Token>(token));
  }

 private:
  net::io_context of_peer_{1};
  std::optional<net::ip::tcp::socket> near_;
  net::ip::tcp::socket far_{of_peer_};
  LingerLimits limits_;
};

TEST(Tokens, async_linger) { run_operation<LingerOperation>("async_linger"); }

}  // namespace
}  // namespace bytes_handoff::test
