#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/service/accept_each.hpp"
#include "tokens/run_case.hpp"

namespace bytes_handoff::test {
namespace {

/// An acceptor that is closed in its second accept, or in a pause; one that is not open; and one
/// that is cancelled while it waits.
class AcceptEachOperation {
 public:
  static constexpr bool kHasErrorCode = true;
  static std::vector<std::string> states() {
    return {"waits", "pauses", "closed", "is_cancelled", "is_cancelled_in_a_pause"};
  }
  static std::string expected(unsigned state) {
    return describe(net_error_code(state == 2 ? net_error_code(net::error::bad_descriptor)
                                              : net_error_code(net::error::operation_aborted)));
  }
  static bool is_meanwhile(unsigned) { return false; }
  void meanwhile() {}
  static bool is_cancelled(unsigned state) { return state >= 3; }

  AcceptEachOperation(Environment& environment, unsigned state)
      : state_(state), streams_(environment.streams()), acceptor_(std::in_place, streams_) {
    if (state == 2) {
      return;
    }
    acceptor_->open(net::ip::tcp::v4());
    acceptor_->bind({net::ip::address_v4::loopback(), 0});
    acceptor_->listen();
    client_.connect(acceptor_->local_endpoint());
  }

  bool is_waiting() { return pauses() ? pause_->is_on() : has_accepted_.load(); }
  void go_on() {
    if (!is_cancelled(state_) && is_waiting() && !std::exchange(is_told_, true)) {
      net::post(streams_, [this] { close(); });
    }
  }
  void let_go() { acceptor_.reset(); }
  void end() {
    if (acceptor_ && !is_told_) {
      net::post(streams_, [this] { close(); });
    }
    client_.close();
  }

  template <class Token>
  auto start(Token&& token) {
    AcceptOptions<> options{.retry_after = std::chrono::hours(1), .pause = pause_};
    if (pauses()) {
      options.prepare = [] { return net_error_code(net::error::no_descriptors); };
    }
    return async_accept_each(
        *acceptor_, [this](const net::ip::tcp::socket&) { has_accepted_.store(true); },
        std::move(options), std::forward<Token>(token));
  }

 private:
  [[nodiscard]] bool pauses() const { return state_ == 1 || state_ == 4; }
  void close() {
    if (acceptor_) {
      acceptor_->close();
    }
  }

  const unsigned state_;
  net::any_io_executor streams_;
  std::optional<net::ip::tcp::acceptor> acceptor_;
  net::io_context of_client_{1};
  net::ip::tcp::socket client_{of_client_};
  const std::shared_ptr<AcceptPause> pause_ = std::make_shared<AcceptPause>();
  std::atomic<bool> has_accepted_{false};
  bool is_told_ = false;
};

TEST(Tokens, async_accept_each) { run_operation<AcceptEachOperation>("async_accept_each"); }

}  // namespace
}  // namespace bytes_handoff::test
