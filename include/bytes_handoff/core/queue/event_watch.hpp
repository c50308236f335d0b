#pragma once

// Which events a queue has to tell, and in which order. The queue calls it under its lock, and
// calls the hook outside of it.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "bytes_handoff/core/queue/outcome.hpp"
#include "bytes_handoff/observing/queue_event.hpp"

namespace bytes_handoff::detail {

/// What the queue has at the moment of a decision.
struct QueueNow {
  std::size_t items = 0;  // pending
  std::size_t bytes = 0;
  std::size_t max_items = 0;
  std::size_t max_bytes = 0;
  std::size_t waiters = 0;
  std::size_t waiting_bytes = 0;
  std::uint64_t admitted_items = 0;  // ever
  std::uint64_t written_bytes = 0;   // ever

  /// There is room again. Events wait for that, so that a queue that is nearly full all the time
  /// does not tell one for each write.
  [[nodiscard]] bool is_half_empty() const noexcept {
    return items <= max_items / 2 && bytes <= max_bytes / 2;
  }
};

/// Compares what was told with what is, and decides what to tell next. So the kinds of a pair take
/// turns, and each change is told at most once. What has changed back before it was told is not
/// told. It allocates nothing.
class EventWatch {
 public:
  explicit EventWatch(QueueEventHook hook, std::chrono::nanoseconds stalled_after)
      : hook_(std::move(hook)), stalled_after_(stalled_after) {}

  // What happens. Each is followed by a question for `next`.

  void note_refusal(WriteRefusalReason reason, std::uint64_t admitted_items) noexcept {
    if (!is_short(reason)) {
      return;
    }
    if (refusals_++ == 0) {
      first_refusal_ = reason;
    }
    admitted_at_refusal_ = admitted_items;
  }
  /// Nothing was taken for `silent`. It lasts until more bytes are written than these.
  void note_stall(std::chrono::nanoseconds silent, std::uint64_t written_bytes) noexcept {
    has_stalled_ = true;
    written_at_stall_ = written_bytes;
    silent_ = silent;
  }
  /// Before anything is dropped or refused. `now`: what is unwritten, and who waits.
  void note_end(EndedBy by, const ErrorValue& error, const QueueNow& now) noexcept {
    has_ended_ = true;
    ended_by_ = by;
    error_ = error;
    at_end_ = now;
  }

  /// A queue is told of stalls, and has not stalled. Zero: not at all.
  [[nodiscard]] bool looks_for_stall(std::uint64_t written_bytes) const noexcept {
    return stalled_after_.count() != 0 && !is_stalled(written_bytes);
  }
  [[nodiscard]] std::chrono::nanoseconds stalled_after() const noexcept { return stalled_after_; }

  /// What is to be told next, if anything. Forgets what is over and was not told.
  [[nodiscard]] std::optional<QueueEventKind> next(const QueueNow& now) noexcept {
    using Kind = QueueEventKind;
    if (has_ended_) {
      if (ended_by_ == EndedBy::memory_budget && !told_.shed) {
        return Kind::shed;
      }
      return told_.ended ? std::nullopt : std::optional(Kind::ended);
    }
    if (!told_.refusing && has_eased(now)) {
      refusals_ = 0;
    }
    if (told_.refusing ? has_eased(now) : refusals_ != 0) {
      return told_.refusing ? Kind::admitting : Kind::refusing;
    }
    if (told_.waiting ? now.waiters == 0 && now.is_half_empty() : now.waiters != 0) {
      return told_.waiting ? Kind::nobody_waits : Kind::waiting;
    }
    if (told_.stalled != is_stalled(now.written_bytes)) {
      return told_.stalled ? Kind::moving : Kind::stalled;
    }
    return std::nullopt;
  }

  /// Who tells now. False: somebody does, and tells this, too.
  [[nodiscard]] bool begin_telling() noexcept { return !std::exchange(is_telling_, true); }
  /// What is to be told next, and counts as told from now on. If nothing is, the telling is over.
  [[nodiscard]] std::optional<QueueEvent> take(const QueueNow& now) noexcept {
    const auto kind = next(now);
    if (!kind) {
      is_telling_ = false;
      return std::nullopt;
    }
    const QueueEvent event = event_of(*kind, now);
    mark_told(*kind);
    return event;
  }

  [[nodiscard]] const QueueEventHook& hook() const noexcept { return hook_; }

 private:
  // Refusals that more room or memory would have spared.
  [[nodiscard]] static bool is_short(WriteRefusalReason reason) noexcept {
    switch (reason) {
      case WriteRefusalReason::byte_budget_exceeded:
      case WriteRefusalReason::queue_full:
      case WriteRefusalReason::too_many_waiters:
      case WriteRefusalReason::too_many_waiting_bytes:
      case WriteRefusalReason::memory_exhausted:
        return true;
      case WriteRefusalReason::closed:
      case WriteRefusalReason::can_never_fit:
      case WriteRefusalReason::cancelled:
      case WriteRefusalReason::exceeds_permit:
        break;
    }
    return false;
  }

  // Where memory is short, a queue may have room all the time: so something must have come in.
  [[nodiscard]] bool has_eased(const QueueNow& now) const noexcept {
    return now.is_half_empty() && now.admitted_items > admitted_at_refusal_;
  }

  [[nodiscard]] bool is_stalled(std::uint64_t written_bytes) const noexcept {
    return has_stalled_ && written_bytes == written_at_stall_;
  }

  [[nodiscard]] QueueEvent event_of(QueueEventKind kind, const QueueNow& now) const noexcept {
    using Kind = QueueEventKind;
    const QueueNow& of = has_ended_ ? at_end_ : now;
    QueueEvent event;
    event.kind = kind;
    event.items = of.items;
    event.bytes = of.bytes;
    event.waiters = of.waiters;
    event.waiting_bytes = of.waiting_bytes;
    if (kind == Kind::refusing || kind == Kind::admitting) {
      event.refusal = first_refusal_;
      event.refusals = refusals_;
    } else if (kind == Kind::stalled) {
      event.silent = silent_;
    } else if (has_ended_) {
      event.ended_by = ended_by_;
      event.error = error_;
    }
    return event;
  }

  void mark_told(QueueEventKind kind) noexcept {
    using Kind = QueueEventKind;
    switch (kind) {
      case Kind::refusing:
      case Kind::admitting:
        told_.refusing = kind == Kind::refusing;
        refusals_ = told_.refusing ? refusals_ : 0;
        break;
      case Kind::waiting:
      case Kind::nobody_waits:
        told_.waiting = kind == Kind::waiting;
        break;
      case Kind::stalled:
      case Kind::moving:
        told_.stalled = kind == Kind::stalled;
        break;
      case Kind::shed:
        told_.shed = true;
        break;
      case Kind::ended:
        told_.ended = true;
        break;
    }
  }

  struct Told {
    bool refusing = false;
    bool waiting = false;
    bool stalled = false;
    bool shed = false;
    bool ended = false;
  };

  const QueueEventHook hook_;
  const std::chrono::nanoseconds stalled_after_;
  Told told_;
  bool is_telling_ = false;
  bool has_stalled_ = false;
  bool has_ended_ = false;
  EndedBy ended_by_ = EndedBy::close;
  WriteRefusalReason first_refusal_ = WriteRefusalReason::closed;
  std::uint64_t refusals_ = 0;  // of the series
  std::uint64_t admitted_at_refusal_ = 0;
  std::uint64_t written_at_stall_ = 0;
  std::chrono::nanoseconds silent_{0};
  ErrorValue error_;
  QueueNow at_end_;
};

}  // namespace bytes_handoff::detail
