#include "bytes_handoff/core/queue/write_item.hpp"

#include <span>

namespace bytes_handoff::detail {

Owner* move_bytes(WriteItem& item, BytesMut& into) noexcept {
  into.extend(std::span(item.data, item.size));
  auto copy = into.split_to_frozen(item.size);
  item.data = copy->data();
  return std::exchange(item.owner, BytesAccess::release(*copy));
}

void WriteBatch::gather(WriteItems& from, std::size_t offset,
                        std::pmr::memory_resource* block_source) noexcept {
  count = bytes = items = 0;
  if (join_at_most_ != 0) {
    block_source_ = block_source;
    gather_to_join(from, offset);
    return;
  }
  const Owner* previous_owner = nullptr;
  auto at = from.front_cursor();
  const std::size_t most_items = std::min(from.size(), kMaxBatchItems);
  for (; items < most_items && bytes < kMaxBatchBytes; ++items, ++at, offset = 0) {
    const std::byte* data = at->data + offset;
    const std::size_t size = std::min(at->size - offset, kMaxBatchBytes - bytes);
    if (size == 0) {
      continue;
    }
    if (extends_last_buffer(data, at->owner, previous_owner)) {
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

// The first slice, and behind it what fits. Of a second buffer nobody needs to know more than that
// there is one.
void WriteBatch::gather_to_join(WriteItems& from, std::size_t offset) noexcept {
  const bool may_join = offset == 0;
  const Owner* previous_owner = nullptr;
  first_ = from.front_cursor();
  const std::size_t most_items = std::min(from.size(), kMaxBatchItems);
  for (auto at = first_; items < most_items && bytes < kMaxBatchBytes; ++items, ++at, offset = 0) {
    const std::byte* data = at->data + offset;
    const std::size_t size = std::min(at->size - offset, kMaxBatchBytes - bytes);
    if (size == 0) {
      continue;
    }
    const bool is_first = count == 0;
    const bool fits = is_first || (bytes <= join_at_most_ && size <= join_at_most_ - bytes);
    const bool extends = count == 1 && extends_last_buffer(data, at->owner, previous_owner);
    if (!fits || !(is_first || extends || may_join)) {
      return;
    }
    if (is_first) {
      buffers[count++] = {data, size};
    } else if (extends) {
      buffers[0].size += size;
    } else {
      count = 2;
    }
    previous_owner = at->owner;
    bytes += size;
  }
}

void WriteBatch::join() noexcept {
  count = 1;
  BytesMut block;
  try {
    block = BytesMut::with_capacity(bytes, block_source_);
  } catch (...) {
    bytes = buffers[0].size;
    return;
  }
  buffers[0] = {block.data(), bytes};
  DeferredReleases releases;
  auto at = first_;
  for (std::size_t left = items;; ++at) {
    if (at->size != 0) {
      if (!releases.has_room()) {
        releases.run();
      }
      releases.add(move_bytes(*at, block));
    }
    if (--left == 0) {
      return;  // without a step behind the last item, where the queue may be growing meanwhile
    }
  }
}

}  // namespace bytes_handoff::detail
