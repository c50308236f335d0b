#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "bytes_handoff/relay.hpp"
#include "bytes_handoff/testing/duplex.hpp"
#include "tokens/record.hpp"
#include "tokens/run_case.hpp"

namespace bytes_handoff::test {
namespace {

/// A relay between two small ends: with a tail before an end, or before one that comes later; to an
/// output that has ended; and one that is cancelled while it waits. `Out` is a stream or a queue.
template <class Out>
class RelayOperation {
 public:
  static constexpr bool kHasErrorCode = true;
  static std::vector<std::string> states() { return {"ready", "waits", "closed", "is_cancelled"}; }
  static bool is_meanwhile(unsigned) { return false; }
  void meanwhile() {}
  static bool is_cancelled(unsigned state) { return state == 3; }
  static std::string expected(unsigned state) {
    switch (state) {
      case 2:
        return kIsQueue ? describe(Errc::aborted)
                        : describe(net_error_code(net::error::bad_descriptor));
      case 3:
        return describe(net_error_code(net::error::operation_aborted));
      default:
        return describe(RelayCounts{4, 4, RelaySide::none});
    }
  }

  RelayOperation(Environment& environment, unsigned state)
      : RelayOperation(make_duplex(environment.streams(), kCapacity),
                       make_duplex(environment.streams(), kCapacity), state) {}

  bool is_waiting() { return progress_.counts().passed_on == 4; }
  void go_on() {
    if (!is_cancelled(state_)) {
      net_error_code ignored;
      client_.shutdown(client_.shutdown_send, ignored);
    }
  }
  void let_go() {
    buffer_.reset();
    in_.reset();
    out_.reset();
  }
  void end() {
    if constexpr (kIsQueue) {
      if (out_) {
        out_->abort();
      }
    }
    client_.close();
    sink_.close();
  }
  template <class Token>
  auto start(Token&& token) {
    const RelayOptions options{.progress = &progress_};
    return async_relay(*buffer_, *in_, *out_, options, std::forward<Token>(token));
  }

 private:
  using Stream = DuplexStream;
  static constexpr bool kIsQueue = std::is_same_v<Out, WriteHandoff>;
  static constexpr std::size_t kCapacity = 8;

  RelayOperation(std::pair<Stream, Stream> first, std::pair<Stream, Stream> second, unsigned state)
      : state_(state),
        client_(std::move(first.first)),
        in_(std::move(first.second)),
        out_(std::in_place, std::move(second.first)),
        sink_(std::move(second.second)) {
    BytesMut tail;
    tail.extend(std::string_view("4 b."));
    buffer_.emplace(std::move(*HandoffBuffer::from_tail(tail, {})));
    if (state == 0) {
      go_on();
    } else if (state == 2) {
      if constexpr (kIsQueue) {
        out_->abort();
      } else {
        out_->close();
      }
    }
  }

  const unsigned state_;
  Stream client_;
  std::optional<Stream> in_;
  std::optional<Out> out_;
  Stream sink_;
  std::optional<HandoffBuffer> buffer_;
  RelayProgress progress_;
};

TEST(Tokens, async_relay) {
  run_operation<RelayOperation<DuplexStream>>("async_relay");
  run_operation<RelayOperation<WriteHandoff>>("async_relay_to_a_queue");
}

}  // namespace
}  // namespace bytes_handoff::test
