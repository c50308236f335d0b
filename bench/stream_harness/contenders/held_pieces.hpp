#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "bytes_handoff/bytes.hpp"

namespace stream_harness {

/// The pieces of a frame that is longer than a read's block, in order, until it is complete; then
/// they are taken from the front, and each block goes when its piece does. Taken in full before
/// more is added.
class HeldPieces {
 public:
  [[nodiscard]] bool is_empty() const noexcept { return bytes_ == 0; }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

  void add(bytes_handoff::Bytes piece) {
    bytes_ += piece.size();
    pieces_.push_back(std::move(piece));
  }

  /// The first bytes, at most `most`, as far as they lie in one piece. Precondition: neither is 0.
  [[nodiscard]] bytes_handoff::Bytes take(std::size_t most) {
    bytes_handoff::Bytes& first = pieces_[taken_];
    bytes_handoff::Bytes front = *first.split_to(std::min(most, first.size()));
    bytes_ -= front.size();
    if (first.empty()) ++taken_;
    if (bytes_ == 0) {
      pieces_ = {};
      taken_ = 0;
    }
    return front;
  }

 private:
  std::vector<bytes_handoff::Bytes> pieces_;
  std::size_t taken_ = 0;  // pieces
  std::size_t bytes_ = 0;
};

}  // namespace stream_harness
