#pragma once

#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/core/support/counted_pointer.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

class WriterBase;
struct TicketAccess;
struct PermitAccess;

/// Keeps the memory of a writer and its queue. The queue is not kept open.
struct WriterReference {
  static void add(WriterBase* writer) noexcept;
  static void drop(WriterBase* writer) noexcept;
  static void destroy(WriterBase* writer) noexcept;
};
using WriterPointer = CountedPointer<WriterBase, WriterReference>;

/// Keeps the queue open, too: its end begins when the last one is dropped.
struct WriterHandle {
  static void add(WriterBase* writer) noexcept;
  static void drop(WriterBase* writer) noexcept;
};
using HandlePointer = CountedPointer<WriterBase, WriterHandle>;

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
