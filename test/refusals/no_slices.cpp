// Bytes that are no `Bytes`, and slices that are not contiguous. Each function refuses `kind`.
#include <asio/detached.hpp>
#include <bytes_handoff/fan_out.hpp>
#include <bytes_handoff/write_handoff.hpp>
#include <cstddef>
#include <deque>
#include <list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

using asio::detached;
using bytes_handoff::Bytes;
using bytes_handoff::BytesMut;

struct Views {
  std::string string;
  std::string_view view;
  const char* literal;
  std::vector<std::byte> vector;
  std::span<const std::byte> span;
};

void refuses(bytes_handoff::WriteHandoff& out, bytes_handoff::WritePermit& permit,
             const bytes_handoff::FanOut& log, KIND& kind) {
  static_cast<void>(out.try_write(kind));
  static_cast<void>(permit.commit(kind));
  static_cast<void>(log.publish(kind));
  static_cast<void>(log.publish(kind, 7));
  out.async_write(kind, detached);
  out.async_write(kind);
  out.async_send(kind, detached);
  out.async_send(kind, bytes_handoff::may_cut, detached);
}

#ifdef EACH_TEXT
void refuses_each(bytes_handoff::WriteHandoff& out, const Views& text) {
  static_cast<void>(out.try_write("literal"));
  static_cast<void>(out.try_write(text.string));
  static_cast<void>(out.try_write(std::string()));
  static_cast<void>(out.try_write(text.view));
  static_cast<void>(out.try_write(text.literal));
  static_cast<void>(out.try_write(text.vector));
  static_cast<void>(out.try_write(text.span));
}
#endif
