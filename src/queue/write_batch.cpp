#include <algorithm>
#include <cstddef>

#include "bytes_handoff/bytes_mut.hpp"
#include "bytes_handoff/core/budget/paid_entry.hpp"
#include "bytes_handoff/core/budget/region_access.hpp"
#include "bytes_handoff/core/queue/departure.hpp"

namespace bytes_handoff::detail {

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
    const bool extends =
        count == 1 && at->owner == previous_owner && buffers[0].data + buffers[0].size == data;
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
  discharged_ = 0;
  BytesMut block;
  try {
    block = RegionAccess::make_paid(bytes, block_source_, payer_);
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
      if (payer_ != nullptr) {
        discharged_ += charge_of(at->owner, at->size, payer_->budget());
      }
      releases.add(move_bytes(*at, block));
    }
    if (--left == 0) {
      break;  // without a step behind the last item, where the queue may be growing meanwhile
    }
  }
  releases.run();
}

}  // namespace bytes_handoff::detail
