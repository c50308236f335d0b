#include "bytes_handoff/core/queue/queue_check.hpp"

#include <array>
#include <cstdio>
#include <system_error>

namespace bytes_handoff {
namespace {

// Of another kind of category only the value is known.
const char* category_name(const detail::ErrorValue& error) noexcept {
  return error.has_std_category ? static_cast<const std::error_category*>(error.category)->name()
                                : "other";
}

}  // namespace

void detail::queue_check_failed(const WriteQueue& queue, const char* wrong) noexcept {
  const QueueFigures figures = queue.figures();
  std::array<char, 96> error{"none"};
  if (figures.first_error) {
    std::snprintf(error.data(), error.size(), "%.64s:%d", category_name(figures.first_error),
                  figures.first_error.value);
  }
  std::array<char, 80> name{};
  if (!figures.name.empty()) {
    std::snprintf(name.data(), name.size(), " \"%.64s\"", figures.name.data());
  }
  std::array<char, 1024> line{};
  std::snprintf(
      line.data(), line.size(),
      "%.256s\nbytes_handoff: queue%s state=%s writer=%s pending_items=%zu pending_bytes=%zu "
      "items_with_stream=%zu waiting_writes=%zu waiting_items=%zu waiting_bytes=%zu "
      "reserved_items=%zu reserved_bytes=%zu flush_waiters=%zu close_waiters=%zu first_error=%s",
      wrong, name.data(), figures.state, figures.writer, figures.pending_items,
      figures.pending_bytes, figures.items_with_stream, figures.waiting_writes,
      figures.waiting_items, figures.waiting_bytes, figures.reserved_items, figures.reserved_bytes,
      figures.flush_waiters, figures.close_waiters, error.data());
  check_failed(line.data());
}

}  // namespace bytes_handoff
