#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "bytes_handoff/relay.hpp"
#include "bytes_handoff/testing/duplex.hpp"
#include "tokens/record.hpp"
#include "tokens/run_case.hpp"

namespace bytes_handoff::test {

/// What a relay or a tunnel goes between, with a tail of 4 bytes: before an end, or before one that
/// comes later; to an output that has ended; and one that is cancelled while it waits. `Out` is a
/// stream or a queue.
template <class Out>
class SmallEnds {
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

  SmallEnds(Environment& environment, unsigned state)
      : SmallEnds(make_duplex(environment.streams(), kCapacity),
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
    buffer_.reset();
    a_.reset();
    b_.reset();
  }
  void end() {
    if constexpr (kIsQueue) {
      if (b_) {
        b_->abort();
      }
    }
    left_.close();
    right_.close();
  }

 protected:
  using Stream = DuplexStream;
  static constexpr bool kIsQueue = std::is_same_v<Out, WriteHandoff>;
  static constexpr std::size_t kCapacity = 8;

  const unsigned state_;
  Stream left_;
  std::optional<Stream> a_;
  std::optional<Out> b_;
  Stream right_;
  std::optional<HandoffBuffer> buffer_;
  RelayProgress progress_;

 private:
  SmallEnds(std::pair<Stream, Stream> first, std::pair<Stream, Stream> second, unsigned state)
      : state_(state),
        left_(std::move(first.first)),
        a_(std::move(first.second)),
        b_(std::in_place, std::move(second.first)),
        right_(std::move(second.second)) {
    BytesMut tail;
    tail.extend(std::string_view("4 b."));
    buffer_.emplace(std::move(*HandoffBuffer::from_tail(tail, {})));
    if (state == 0) {
      go_on();
    } else if (state == 2) {
      if constexpr (kIsQueue) {
        b_->abort();
      } else {
        b_->close();
      }
    }
  }
};

}  // namespace bytes_handoff::test
