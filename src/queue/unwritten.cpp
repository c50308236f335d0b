#include "bytes_handoff/core/queue/unwritten.hpp"

#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/core/kernel/piped_piece.hpp"

namespace bytes_handoff::detail {

UnwrittenItems::~UnwrittenItems() {
  for (; !items_.empty(); items_.pop_front()) {
    if (Owner* owner = items_.front().owner) {
      owner->release(1);
    }
  }
}

// For good, so nothing is lost where it throws. Of an item that is partly written it is the rest.
void UnwrittenItems::copy_out_of_pipes() {
#if BYTES_HANDOFF_HAS_SPLICE
  if (items_.empty()) {
    return;
  }
  std::size_t written = first_written_;
  auto at = items_.front_cursor();
  for (std::size_t left = items_.size(); left != 0; --left, ++at, written = 0) {
    if (at->is_piped()) {
      PipedPiece* const piece = PipedPiece::of(at->owner);
      Bytes rest = piece->rest_of(at->size - written);
      piece->release(1);
      *at = WriteItem::take(rest);
      first_written_ -= written;
    }
  }
#endif
}

UnwrittenEntries UnwrittenItems::take() {
  copy_out_of_pipes();
  UnwrittenEntries unwritten;
  unwritten.entries.reserve(items_.size());
  unwritten.first_written = std::exchange(first_written_, 0);
  if (items_.empty()) {
    return unwritten;
  }
  auto at = items_.front_cursor();
  for (std::size_t left = items_.size(); left != 0; --left, ++at) {
    unwritten.entries.push_back(BytesAccess::adopt(at->data, at->size, at->owner));
  }
  items_.release_segments();
  return unwritten;
}

}  // namespace bytes_handoff::detail
