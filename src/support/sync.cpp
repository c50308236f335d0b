#include "bytes_handoff/core/support/sync.hpp"

namespace bytes_handoff::detail {

std::size_t take_thread_number() noexcept {
  static constinit std::atomic<std::size_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

}  // namespace bytes_handoff::detail
