#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bytes_handoff/testing/duplex.hpp"
#include "bytes_handoff/tunnel.hpp"
#include "tokens/record.hpp"
#include "tokens/run_case.hpp"

namespace bytes_handoff::test {
namespace {

/// A tunnel between two small ends, with a tail on one side: before both ends, or before ends that
/// come later; to an output that has ended; and one that is cancelled while it waits.
class TunnelOperation {
 public:
  static constexpr bool kHasErrorCode = true;
  static std::vector<std::string> states() { return {"ready", "waits", "closed", "is_cancelled"}; }
  static bool is_meanwhile(unsigned) { return false; }
  void meanwhile() {}
  static bool is_cancelled(unsigned state) { return state == 3; }
  static std::string expected(unsigned state) {
    switch (state) {
      case 2:
        return describe(net_error_code(net::error::bad_descriptor));
      case 3:
        return describe(net_error_code(net::error::operation_aborted));
      default:
        return describe(RelayCounts{4, 4, RelaySide::none});
    }
  }

  TunnelOperation(Environment& environment, unsigned state)
      : TunnelOperation(make_duplex(environment.streams(), kCapacity),
                        make_duplex(environment.streams(), kCapacity), state) {}

  bool is_waiting() { return progress_.counts().passed_on == 4; }
  void go_on() {
    if (!is_cancelled(state_)) {
      net_error_code ignored;
      left_.shutdown(left_.shutdown_send, ignored);
      right_.shutdown(right_.shutdown_send, ignored);
    }
  }
  void let_go() {
    a_buffer_.reset();
    b_buffer_.reset();
    a_.reset();
    b_.reset();
  }
  void end() {
    left_.close();
    right_.close();
  }
  template <class Token>
  auto start(Token&& token) {
    const TunnelOptions options{.idle_timeout = std::chrono::hours(1), .a_to_b = &progress_};
    return async_tunnel(TunnelEnd(*a_buffer_, *a_), TunnelEnd(*b_buffer_, *b_), options,
                        std::forward<Token>(token));
  }

 private:
  using Stream = DuplexStream;
  static constexpr std::size_t kCapacity = 8;

  TunnelOperation(std::pair<Stream, Stream> first, std::pair<Stream, Stream> second, unsigned state)
      : state_(state),
        left_(std::move(first.first)),
        a_(std::move(first.second)),
        b_(std::move(second.first)),
        right_(std::move(second.second)) {
    BytesMut tail;
    tail.extend(std::string_view("4 b."));
    a_buffer_.emplace(std::move(*HandoffBuffer::from_tail(tail, {})));
    b_buffer_.emplace();
    if (state == 0) {
      go_on();
    } else if (state == 2) {
      b_->close();
    }
  }

  const unsigned state_;
  Stream left_;
  std::optional<Stream> a_;
  std::optional<Stream> b_;
  Stream right_;
  std::optional<HandoffBuffer> a_buffer_;
  std::optional<HandoffBuffer> b_buffer_;
  RelayProgress progress_;
};

TEST(Tokens, async_tunnel) { run_operation<TunnelOperation>("async_tunnel"); }

}  // namespace
}  // namespace bytes_handoff::test
