#pragma once

// A pair of small ends: what operations on streams start from.

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/testing/duplex.hpp"
#include "support/asio.hpp"
#include "tokens/record.hpp"

namespace bytes_handoff::test {

/// The handlers' executor has the near end; the test's thread has the far end, and only calls there
/// what returns at once. The near end can go on at once, must wait for the far end, or is closed.
class DuplexOperation {
 public:
  using Stream = DuplexStream;
  static constexpr bool kHasErrorCode = true;
  static std::vector<std::string> states() { return {"ready", "waits", "closed"}; }

  DuplexOperation(Environment& environment, unsigned state)
      : DuplexOperation(make_duplex(environment.streams(), kCapacity), state) {}

  static bool is_meanwhile(unsigned) { return false; }
  void meanwhile() {}
  void let_go() { near_.reset(); }
  void end() { far_.close(); }

 protected:
  static constexpr std::size_t kCapacity = 4;

  [[nodiscard]] static std::string expected_of(unsigned state, std::string done) {
    return state == 2 ? describe(net_error_code(net::error::bad_descriptor)) : done;
  }

  [[nodiscard]] Stream& near_end() { return *near_; }
  [[nodiscard]] bool is_to_wait() const { return is_to_wait_; }
  [[nodiscard]] auto room() { return net::buffer(room_); }
  void far_end_writes() {
    net_error_code ignored;
    far_.write_some(net::buffer("4 b.", 4), ignored);
  }
  void far_end_reads() {
    std::array<char, kCapacity> into{};
    net_error_code ignored;
    far_.read_some(net::buffer(into), ignored);
  }
  void fill() { near_->write_some(net::buffer("full", kCapacity)); }

 private:
  DuplexOperation(std::pair<Stream, Stream> ends, unsigned state)
      : near_(std::move(ends.first)), far_(std::move(ends.second)), is_to_wait_(state == 1) {
    if (state == 2) {
      near_->close();
    }
  }

  std::array<char, 4> room_{};
  std::optional<Stream> near_;
  Stream far_;
  const bool is_to_wait_;
};

}  // namespace bytes_handoff::test
