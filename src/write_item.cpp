#include "bytes_handoff/detail/write_item.hpp"

namespace bytes_handoff::detail {

void WriteBatch::gather(WriteItems& from, std::size_t offset) noexcept {
  count = bytes = items = 0;
  const Owner* previous_owner = nullptr;
  auto at = from.front_cursor();
  const std::size_t most_items = std::min(from.size(), kMaxBatchItems);
  for (; items < most_items && bytes < kMaxBatchBytes; ++items, ++at, offset = 0) {
    const std::byte* data = at->data + offset;
    const std::size_t size = std::min(at->size - offset, kMaxBatchBytes - bytes);
    if (size == 0) {
      continue;
    }
    const bool extends = count != 0 && at->owner == previous_owner &&
                         buffers[count - 1].data + buffers[count - 1].size == data;
    if (extends) {
      buffers[count - 1].size += size;
    } else if (count < kMaxBatchBuffers) {
      buffers[count++] = {data, size};
    } else {
      return;
    }
    previous_owner = at->owner;
    bytes += size;
  }
}

}  // namespace bytes_handoff::detail
