#include "bytes_handoff/core/queue/unwritten.hpp"

#include "bytes_handoff/bytes.hpp"

namespace bytes_handoff::detail {

UnwrittenItems::~UnwrittenItems() {
  for (; !items_.empty(); items_.pop_front()) {
    if (Owner* owner = items_.front().owner) {
      owner->release(1);
    }
  }
}

UnwrittenEntries UnwrittenItems::take() {
  UnwrittenEntries unwritten;
  unwritten.entries.reserve(items_.size());
  unwritten.first_written = std::exchange(first_written_, 0);
  for (; !items_.empty(); items_.pop_front()) {
    const WriteItem& item = items_.front();
    unwritten.entries.push_back(BytesAccess::adopt(item.data, item.size, item.owner));
  }
  return unwritten;
}

}  // namespace bytes_handoff::detail
