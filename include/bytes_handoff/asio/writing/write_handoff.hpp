#pragma once

#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "bytes_handoff/asio/writing/write_operations.hpp"
#include "bytes_handoff/asio/writing/writer.hpp"
#include "bytes_handoff/write_handoff.hpp"

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

inline WriteHandoff::WriteHandoff(std::shared_ptr<detail::WriterBase> writer) {
  auto* const address = writer.get();
  writer_ = std::shared_ptr<detail::WriterBase>(
      address,
      [writer = std::move(writer)](detail::WriterBase*) { writer->end_without_handles(); });
}

template <detail::AtEnd kAtEnd, class Stream>
expected<WriteHandoff, ConfigError> WriteHandoff::make(std::shared_ptr<Stream> stream,
                                                       detail::StreamOwnership ownership,
                                                       const WriteHandoffConfig& config) {
  if constexpr (kAtEnd == detail::AtEnd::kEnd) {
    detail::require_known_end<Stream>();
  }
  if (auto valid = config.validate(); !valid) {
    return unexpected(valid.error());
  }
  return WriteHandoff(
      std::make_shared<detail::Writer<Stream, kAtEnd>>(std::move(stream), ownership, config));
}

template <class AsyncWriteStream>
expected<WriteHandoff, ConfigError> WriteHandoff::spawn(std::shared_ptr<AsyncWriteStream> stream,
                                                        const WriteHandoffConfig& config) {
  return make<detail::AtEnd::kEnd>(std::move(stream), detail::StreamOwnership::kShared, config);
}

template <class AsyncWriteStream>
expected<WriteHandoff, ConfigError> WriteHandoff::spawn(std::shared_ptr<AsyncWriteStream> stream,
                                                        const WriteHandoffConfig& config,
                                                        LeaveOpen) {
  return make<detail::AtEnd::kLeaveOpen>(std::move(stream), detail::StreamOwnership::kShared,
                                         config);
}

template <class AsyncWriteStream>
expected<WriteHandoff, ConfigError> WriteHandoff::spawn(AsyncWriteStream&& stream,
                                                        const WriteHandoffConfig& config) {
  static_assert(!std::is_lvalue_reference_v<AsyncWriteStream>,
                "move the stream in, or pass a shared_ptr to it");
  if (auto valid = config.validate(); !valid) {
    return unexpected(valid.error());
  }
  return make<detail::AtEnd::kEnd>(std::make_shared<AsyncWriteStream>(std::move(stream)),
                                   detail::StreamOwnership::kOwned, config);
}

template <class AsyncWriteStream>
expected<WriteHandoff, ConfigError> WriteHandoff::spawn(AsyncWriteStream&& stream,
                                                        const WriteHandoffConfig& config,
                                                        LeaveOpen) {
  static_assert(!std::is_lvalue_reference_v<AsyncWriteStream>,
                "move the stream in, or pass a shared_ptr to it");
  if (auto valid = config.validate(); !valid) {
    return unexpected(valid.error());
  }
  return make<detail::AtEnd::kLeaveOpen>(std::make_shared<AsyncWriteStream>(std::move(stream)),
                                         detail::StreamOwnership::kOwned, config);
}

inline detail::EndForReads end_for_reads(const WriteHandoff& out) noexcept {
  return detail::EndForReads(out.writer_->shared_from_this());
}

inline WriteHandoff::executor_type WriteHandoff::get_executor() const noexcept {
  return writer_->context()->executor();
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// The submit path of all writes that do not wait.
inline expected<void, Refusal> submit(WriterBase& writer, std::span<Bytes> slices, Ticket* ticket) {
  Effects effects(writer.guard());
  auto admitted = writer.queue().try_write(slices, ticket, effects);
  writer.carry_out(effects);
  return admitted;
}

/// As `submit`, with a ticket.
inline expected<WriteTicket, Refusal> submit_with_ticket(WriterBase& writer,
                                                         std::span<Bytes> slices) {
  NewTicket ticket(Ticket::make());
  if (auto done = submit(writer, slices, ticket.get()); !done) {
    return unexpected(done.error());
  }
  return TicketAccess::make(TicketReference(ticket.release()), writer.context());
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

inline expected<WriteTicket, WriteBackpressure> WriteHandoff::try_write(Bytes bytes) {
  auto done = detail::submit_with_ticket(*writer_, detail::slices_of(bytes));
  if (!done) {
    return unexpected(detail::go_home(done.error(), std::move(bytes)));
  }
  return std::move(*done);
}

inline expected<void, WriteBackpressure> WriteHandoff::try_write_detached(Bytes bytes) {
  if (auto done = detail::submit(*writer_, detail::slices_of(bytes), nullptr); !done) {
    return unexpected(detail::go_home(done.error(), std::move(bytes)));
  }
  return {};
}

inline expected<WriteTicket, WriteRefusal> WriteHandoff::try_write_all(std::span<Bytes> slices) {
  auto done = detail::submit_with_ticket(*writer_, slices);
  if (!done) {
    return unexpected(detail::to_refusal(done.error()));
  }
  return std::move(*done);
}

inline expected<void, WriteRefusal> WriteHandoff::try_write_all_detached(std::span<Bytes> slices) {
  if (auto done = detail::submit(*writer_, slices, nullptr); !done) {
    return unexpected(detail::to_refusal(done.error()));
  }
  return {};
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

template <class Payload, bool kTicket, class CompletionToken>
auto initiate_write(WriterPointer writer, Payload payload, CompletionToken&& token) {
  return net::async_initiate<CompletionToken, void(WriteOutcome<Payload, kTicket>)>(
      StartWrite<Payload, kTicket>(std::move(writer), std::move(payload)), token);
}

template <class Start, class CompletionToken>
auto initiate_life_wait(Start start, CompletionToken&& token) {
  return net::async_initiate<CompletionToken, void(net_error_code)>(std::move(start), token);
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

template <class CompletionToken>
auto WriteHandoff::async_write(Bytes bytes, CompletionToken&& token) {
  return detail::initiate_write<Bytes, true>(writer_->shared_from_this(), std::move(bytes),
                                             std::forward<CompletionToken>(token));
}

template <class CompletionToken>
auto WriteHandoff::async_write_detached(Bytes bytes, CompletionToken&& token) {
  return detail::initiate_write<Bytes, false>(writer_->shared_from_this(), std::move(bytes),
                                              std::forward<CompletionToken>(token));
}

template <class CompletionToken>
auto WriteHandoff::async_write_all(std::vector<Bytes> slices, CompletionToken&& token) {
  return detail::initiate_write<std::vector<Bytes>, true>(
      writer_->shared_from_this(), std::move(slices), std::forward<CompletionToken>(token));
}

template <class CompletionToken>
auto WriteHandoff::async_write_all_detached(std::vector<Bytes> slices, CompletionToken&& token) {
  return detail::initiate_write<std::vector<Bytes>, false>(
      writer_->shared_from_this(), std::move(slices), std::forward<CompletionToken>(token));
}

template <class CompletionToken>
auto WriteHandoff::async_flush(CompletionToken&& token) {
  using Start = detail::StartLifeWait<detail::FlushWaiter, false>;
  return detail::initiate_life_wait(Start(writer_->shared_from_this()),
                                    std::forward<CompletionToken>(token));
}

template <class CompletionToken>
auto WriteHandoff::async_close(CompletionToken&& token) {
  return async_close(Waiters::refuse, std::forward<CompletionToken>(token));
}

template <class CompletionToken>
auto WriteHandoff::async_close(Waiters waiters, CompletionToken&& token) {
  using Start = detail::StartLifeWait<detail::CloseWaiter, true>;
  return detail::initiate_life_wait(Start(writer_->shared_from_this(), waiters),
                                    std::forward<CompletionToken>(token));
}

template <class CompletionToken>
auto WriteHandoff::async_closed(CompletionToken&& token) {
  using Start = detail::StartLifeWait<detail::CloseWaiter, false>;
  return detail::initiate_life_wait(Start(writer_->shared_from_this()),
                                    std::forward<CompletionToken>(token));
}

template <class CompletionToken>
auto WriteHandoff::async_unwritten(CompletionToken&& token) {
  return net::async_initiate<CompletionToken, void(net_error_code, UnwrittenEntries)>(
      detail::StartUnwrittenWait(writer_->shared_from_this()), token);
}

inline void WriteHandoff::close(Waiters waiters) noexcept { writer_->close(waiters); }

inline void WriteHandoff::abort() noexcept {
  writer_->abort(detail::ErrorValue::of(Errc::aborted));
}

inline void WriteHandoff::abort(AfterWritten) noexcept { writer_->abort_after_written(); }

inline expected<WriteTicket, WriteRefusal> replay(WriteHandoff& into, UnwrittenEntries& unwritten,
                                                  ReplayFrom from) {
  std::vector<Bytes> slices = unwritten.entries;
  if (from == ReplayFrom::cut && !slices.empty()) {
    static_cast<void>(slices.front().advance(unwritten.first_written));
  }
  auto written = into.try_write_all(slices);
  if (written) {
    unwritten = {};
  }
  return written;
}

inline bool WriteHandoff::is_open() const noexcept { return writer_->queue().is_open(); }

inline std::size_t WriteHandoff::pending_bytes() const noexcept {
  return writer_->queue().pending_bytes();
}

inline std::size_t WriteHandoff::pending_items() const noexcept {
  return writer_->queue().pending_items();
}

inline WriteStatistics WriteHandoff::statistics() const noexcept {
  return writer_->queue().statistics();
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff
