#include <bytes_handoff/bytes.hpp>

bytes_handoff::Bytes value_or_empty(
    const bytes_handoff::expected<bytes_handoff::Bytes, bytes_handoff::SplitOutOfBounds>& part);

bytes_handoff::Bytes value_or_empty(
    const bytes_handoff::expected<bytes_handoff::Bytes, bytes_handoff::SplitOutOfBounds>& part) {
  return part ? *part : bytes_handoff::Bytes();
}
