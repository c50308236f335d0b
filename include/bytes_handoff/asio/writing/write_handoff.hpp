#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "bytes_handoff/asio/ending/reset_stream.hpp"
#include "bytes_handoff/asio/writing/write_operations.hpp"
#include "bytes_handoff/asio/writing/writer.hpp"
#include "bytes_handoff/core/support/check.hpp"
#include "bytes_handoff/write_handoff.hpp"

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

inline detail::WriterBase* WriteHandoff::checked() const noexcept {
  BYTES_HANDOFF_CHECK(valid(), "a WriteHandoff that is not valid() was used");
  return writer_.get();
}

inline expected<WriteTicket, WriteRefusal> WriteHandoff::try_write(Bytes& bytes) const {
  detail::WriterPointer writer(checked());  // a turn may let go of a slice, and that of this
  detail::Effects effects(writer->guard());
  const auto admitted = writer->queue().try_write({&bytes, 1}, effects);
  writer->carry_out(effects, detail::TurnStart::kPost);
  if (!admitted) {
    return unexpected(writer->to_refusal(admitted.error()));
  }
  return detail::TicketAccess::make(std::move(writer), *admitted);
}

inline expected<WriteTicket, WriteRefusal> WriteHandoff::try_write(std::span<Bytes> slices) const {
  detail::WriterPointer writer(checked());  // as above
  detail::Effects effects(writer->guard());
  const auto admitted = writer->queue().try_write(slices, effects);
  writer->carry_out(effects, detail::TurnStart::kDispatch);
  if (!admitted) {
    return unexpected(writer->to_refusal(admitted.error()));
  }
  return detail::TicketAccess::make(std::move(writer), *admitted);
}

template <class CompletionToken>
auto WriteHandoff::async_write(Bytes& bytes, CompletionToken&& token) const {
  return net::async_initiate<CompletionToken, void(net_error_code, WriteTicket)>(
      detail::StartWait<detail::WriteWait>(detail::WriterPointer(checked()), {&bytes, 1}), token);
}

template <class CompletionToken>
auto WriteHandoff::async_write(std::span<Bytes> slices, CompletionToken&& token) const {
  return net::async_initiate<CompletionToken, void(net_error_code, WriteTicket)>(
      detail::StartWait<detail::WriteWait>(detail::WriterPointer(checked()), slices,
                                           detail::TurnStart::kDispatch),
      token);
}

template <class CompletionToken>
requires(!std::same_as<std::remove_cvref_t<CompletionToken>, MayCut>)  //
    auto WriteHandoff::async_send(std::span<Bytes> slices, CompletionToken&& token) const {
  return net::async_initiate<CompletionToken, void(net_error_code, std::size_t)>(
      detail::StartWait<detail::SendWait>(detail::WriterPointer(checked()),
                                          {slices, detail::AsksFor::kBurst},
                                          detail::TurnStart::kDispatch),
      token);
}

template <class CompletionToken>
auto WriteHandoff::async_send(std::span<Bytes> slices, MayCut, CompletionToken&& token) const {
  return net::async_initiate<CompletionToken, void(net_error_code, std::size_t)>(
      detail::StartWait<detail::SendWait>(detail::WriterPointer(checked()),
                                          {slices, detail::AsksFor::kCutBurst},
                                          detail::TurnStart::kDispatch),
      token);
}

inline expected<WritePermit, WriteRefusal> WriteHandoff::try_reserve(std::size_t bytes,
                                                                     std::size_t items) const {
  detail::WriterPointer writer(checked());
  const auto room = writer->queue().try_reserve(bytes, items);
  if (!room) {
    writer->tell_events();
    return unexpected(writer->to_refusal(room.error()));
  }
  return detail::PermitAccess::make(std::move(writer), *room);
}

template <class CompletionToken>
requires(!std::integral<std::remove_cvref_t<CompletionToken>>)  //
    auto WriteHandoff::async_reserve(std::size_t bytes, CompletionToken&& token) const {
  return async_reserve(bytes, 1, std::forward<CompletionToken>(token));
}

template <class CompletionToken>
auto WriteHandoff::async_reserve(std::size_t bytes, std::size_t items,
                                 CompletionToken&& token) const {
  return net::async_initiate<CompletionToken, void(net_error_code, WritePermit)>(
      detail::StartWait<detail::ReserveWait>(detail::WriterPointer(checked()), {bytes, items}),
      token);
}

inline expected<WriteTicket, WriteRefusal> replay(const WriteHandoff& into,
                                                  UnwrittenEntries& unwritten, ReplayFrom from) {
  std::vector<Bytes> slices = unwritten.entries;
  if (from == ReplayFrom::cut && !slices.empty()) {
    static_cast<void>(slices.front().advance(unwritten.first_written));
  }
  auto written = into.try_write(slices);
  if (written) {
    unwritten = {};
  }
  return written;
}

}  // namespace BYTES_HANDOFF_FLAVOUR

namespace detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// What an operation of this library needs of a queue and users do not.
struct QueueAccess {
  [[nodiscard]] static const QueueConfig& config(const WriteHandoff& out) noexcept {
    return out.checked()->queue().config();
  }
  [[nodiscard]] static std::uint64_t written_bytes(const WriteHandoff& out) noexcept {
    return out.checked()->queue().written_bytes();
  }
  [[nodiscard]] static bool takes_pieces(const WriteHandoff& out) noexcept {
    return out.checked()->takes_pieces();
  }
  static void abort(const WriteHandoff& out, const ErrorValue& error) noexcept {
    out.checked()->abort(error);
  }
  /// `abort(after_written)`, behind those who wait in line.
  static void abort_behind_waiters(const WriteHandoff& out) noexcept {
    out.checked()->abort_after_written(ErrorValue::of(Errc::aborted), Waiters::admit);
  }
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace detail

inline namespace BYTES_HANDOFF_FLAVOUR {

inline net_error_code end_error(const QueueEvent& event) noexcept {
  return detail::to_net_error(event.error);
}

// ---- The stream.

template <detail::AtEnd kAtEnd, class Stream>
detail::HandlePointer WriteHandoff::start(std::shared_ptr<Stream> stream,
                                          detail::StreamOwnership ownership,
                                          const WriteHandoffConfig& config) {
  if constexpr (kAtEnd == detail::AtEnd::kEnd) {
    detail::require_known_end<Stream>();
  }
  detail::throw_if_invalid(config);
  auto* const writer = new detail::Writer<Stream, kAtEnd>(std::move(stream), ownership, config);
  writer->enter_seats();
  return detail::HandlePointer::adopt(writer);
}

template <detail::AtEnd kAtEnd, class Stream>
detail::HandlePointer WriteHandoff::start_owning(Stream&& stream,
                                                 const WriteHandoffConfig& config) {
  constexpr bool kIsLvalue = std::is_lvalue_reference_v<Stream>;
  static_assert(!kIsLvalue, "move the stream in, or pass a shared_ptr to it");
  if constexpr (!kIsLvalue) {          // the one error is enough
    detail::throw_if_invalid(config);  // before the stream is moved
    auto owned = std::make_shared<Stream>(std::move(stream));
    try {
      return start<kAtEnd>(owned, detail::StreamOwnership::kOwned, config);
    } catch (...) {
      if constexpr (std::is_move_assignable_v<Stream>) {
        stream = std::move(*owned);
      } else {
        detail::reset_stream(*owned);  // an end in order would look as if all had been written
      }
      throw;
    }
  }
}

template <class Stream>
requires detail::OwnedWriteStream<Stream, WriteHandoff> WriteHandoff::WriteHandoff(
    Stream&& stream, const WriteHandoffConfig& config)
    : writer_(start_owning<detail::AtEnd::kEnd>(std::forward<Stream>(stream), config)) {}

template <class Stream>
requires detail::OwnedWriteStream<Stream, WriteHandoff> WriteHandoff::WriteHandoff(
    Stream&& stream, const WriteHandoffConfig& config, LeaveOpen)
    : writer_(start_owning<detail::AtEnd::kLeaveOpen>(std::forward<Stream>(stream), config)) {}

template <detail::AsyncWriteStream Stream>
WriteHandoff::WriteHandoff(std::shared_ptr<Stream> stream, const WriteHandoffConfig& config)
    : writer_(start<detail::AtEnd::kEnd>(std::move(stream), detail::StreamOwnership::kShared,
                                         config)) {}

template <detail::AsyncWriteStream Stream>
WriteHandoff::WriteHandoff(std::shared_ptr<Stream> stream, const WriteHandoffConfig& config,
                           LeaveOpen)
    : writer_(start<detail::AtEnd::kLeaveOpen>(std::move(stream), detail::StreamOwnership::kShared,
                                               config)) {}

inline WriteHandoff::executor_type WriteHandoff::get_executor() const noexcept {
  return checked()->executor();
}

inline detail::EndForReads end_for_reads(const WriteHandoff& out) noexcept {
  return detail::EndForReads(detail::WriterPointer(out.checked()));
}

inline WriteHandoff WeakWriteHandoff::lock() const noexcept {
  const bool has_handles = writer_ && writer_->try_add_handle();
  return WriteHandoff(detail::HandlePointer::adopt(has_handles ? writer_.get() : nullptr));
}

// ---- The end.

template <class CompletionToken>
auto WriteHandoff::async_flush(CompletionToken&& token) const {
  return net::async_initiate<CompletionToken, void(net_error_code)>(
      detail::StartWait<detail::FlushWait>(detail::WriterPointer(checked()), {}), token);
}

template <class CompletionToken>
requires(!std::same_as<std::remove_cvref_t<CompletionToken>, Waiters>)  //
    auto WriteHandoff::async_close(CompletionToken&& token) const {
  return async_close(Waiters::refuse, std::forward<CompletionToken>(token));
}

template <class CompletionToken>
auto WriteHandoff::async_close(Waiters waiters, CompletionToken&& token) const {
  return net::async_initiate<CompletionToken, void(net_error_code)>(
      detail::StartWait<detail::CloseWait>(detail::WriterPointer(checked()), waiters), token);
}

template <class CompletionToken>
auto WriteHandoff::async_closed(CompletionToken&& token) const {
  return net::async_initiate<CompletionToken, void(net_error_code)>(
      detail::StartWait<detail::ClosedWait>(detail::WriterPointer(checked()), {}), token);
}

template <class CompletionToken>
auto WriteHandoff::async_unwritten(CompletionToken&& token) const {
  return net::async_initiate<CompletionToken, void(net_error_code, UnwrittenEntries)>(
      detail::StartWait<detail::UnwrittenWait>(detail::WriterPointer(checked()), {}), token);
}

inline void WriteHandoff::close(Waiters waiters) const noexcept { checked()->close(waiters); }

inline void WriteHandoff::abort() const noexcept {
  checked()->abort(detail::ErrorValue::of(Errc::aborted));
}

inline void WriteHandoff::abort(AfterWritten) const noexcept { checked()->abort_after_written(); }

// ---- Observers.

inline bool WriteHandoff::is_open() const noexcept { return checked()->queue().is_open(); }

inline net_error_code WriteHandoff::first_error() const noexcept {
  return detail::to_net_error(checked()->queue().first_error());
}

inline std::size_t WriteHandoff::pending_bytes() const noexcept {
  return checked()->queue().pending_bytes();
}

inline std::size_t WriteHandoff::pending_items() const noexcept {
  return checked()->queue().pending_items();
}

inline std::string_view WriteHandoff::name() const noexcept { return checked()->queue().name(); }

inline WriteStatistics WriteHandoff::statistics() const noexcept { return checked()->statistics(); }

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff
