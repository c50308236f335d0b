// A tail that would be gone if it were refused.
#include <bytes_handoff/handoff_buffer.hpp>

auto go_on(bytes_handoff::HandoffBuffer& buffer) {
  return bytes_handoff::HandoffBuffer::from_tail(buffer.take_tail(), {});
}
