#include "bytes_handoff/core/queue/write_item.hpp"

#include <span>
#include <utility>

namespace bytes_handoff::detail {

Owner* move_bytes(WriteItem& item, BytesMut& into) noexcept {
  into.extend(std::span(item.data, item.size));
  auto copy = into.split_to_frozen(item.size);
  item.data = copy->data();
  return std::exchange(item.owner, BytesAccess::release(*copy));
}

}  // namespace bytes_handoff::detail
