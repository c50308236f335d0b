#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include "bytes_handoff/asio/writing/write_ticket.hpp"
#include "bytes_handoff/asio/writing/writer_base.hpp"
#include "bytes_handoff/core/support/check.hpp"
#include "bytes_handoff/write_permit.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

struct PermitAccess {
  [[nodiscard]] static WritePermit make(WriterPointer writer, const ReservedRoom& room) noexcept {
    return {std::move(writer), room};
  }
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

inline WritePermit::WritePermit(WritePermit&& other) noexcept
    : writer_(std::move(other.writer_)), room_(std::exchange(other.room_, {})) {}

inline WritePermit& WritePermit::operator=(WritePermit&& other) noexcept {
  WritePermit old(std::move(*this));
  writer_ = std::move(other.writer_);
  room_ = std::exchange(other.room_, {});
  return *this;
}

inline WritePermit::~WritePermit() {
  if (valid()) {
    writer_->give_back(room_);
  }
}

inline expected<WriteTicket, WriteRefusal> WritePermit::commit(Bytes& bytes) {
  return commit({&bytes, 1}, detail::TurnStart::kPost);
}

inline expected<WriteTicket, WriteRefusal> WritePermit::commit(std::span<Bytes> slices) {
  return commit(slices, detail::TurnStart::kDispatch);
}

inline expected<WriteTicket, WriteRefusal> WritePermit::commit(std::span<Bytes> slices,
                                                               detail::TurnStart turn) {
  BYTES_HANDOFF_CHECK(valid(), "a WritePermit that is not valid() was used");
  detail::Effects effects(writer_->guard());
  const auto admitted = writer_->queue().commit(room_, slices, effects);
  if (!admitted) {
    const detail::WriterPointer writer = writer_;  // a hook may let go of this
    writer->carry_out(effects);
    return unexpected(writer->to_refusal(admitted.error()));
  }
  // A turn may let go of a slice, and that of this.
  detail::WriterPointer writer = std::move(writer_);
  writer->carry_out(effects, turn);
  return detail::TicketAccess::make(std::move(writer), *admitted);
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff
