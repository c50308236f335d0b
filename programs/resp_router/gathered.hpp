#pragma once

#include <bytes_handoff/bytes.hpp>
#include <bytes_handoff/bytes_mut.hpp>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace programs {

/// What is to leave in one write. Small pieces are copied together: a piece of a write costs more
/// than their copy, and keeps a whole block of a read. Large ones keep their memory.
class Gathered {
 public:
  /// The largest piece that is copied.
  static constexpr std::size_t kSmall = 1024;

  /// `block_bytes`: of the blocks that small pieces are copied to; at least `kSmall`.
  explicit Gathered(std::size_t block_bytes) : block_bytes_(block_bytes) {}

  /// A large piece is left empty.
  void add(bytes_handoff::Bytes& piece) {
    if (piece.size() > kSmall) {
      end_small();
      slices_.push_back(std::move(piece));
      return;
    }
    if (piece.size() > small_.capacity() - small_.size()) {
      end_small();
      small_ = bytes_handoff::BytesMut::with_capacity(block_bytes_);
    }
    small_.extend(piece.span());
  }

  /// All that was added, in order.
  [[nodiscard]] std::span<bytes_handoff::Bytes> slices() {
    end_small();
    return slices_;
  }
  void clear() noexcept {
    slices_.clear();
    small_ = bytes_handoff::BytesMut();
  }

 private:
  void end_small() {
    if (!small_.empty()) slices_.push_back(std::move(small_).freeze());
  }

  const std::size_t block_bytes_;
  std::vector<bytes_handoff::Bytes> slices_;
  bytes_handoff::BytesMut small_;
};

}  // namespace programs
