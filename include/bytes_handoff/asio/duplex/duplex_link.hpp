#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <memory>
#include <memory_resource>
#include <mutex>
#include <span>
#include <type_traits>

#include "bytes_handoff/asio/support/context_registry.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/core/pipe/duplex_pipe.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

class DuplexLink;

enum class DuplexSide : unsigned char { kFirst, kSecond };

/// One end of a link, as its execution context sees it.
class DuplexEnd final : public ContextMember {
 public:
  /// Called once, before the end is used.
  void attach(DuplexLink& link, DuplexSide side, net::execution_context& context);
  /// The end's stream is being destroyed.
  void detach() noexcept { leave_context(); }
  [[nodiscard]] const void* context() const noexcept { return context_; }

 private:
  std::shared_ptr<void> keep_alive() noexcept override;
  void end_with_context(const void* context) noexcept override;

  DuplexLink* link_ = nullptr;
  DuplexSide side_ = DuplexSide::kFirst;
  const void* context_ = nullptr;
};

/// Both directions of a duplex behind one lock, shared by its two ends. What a call has settled is
/// resumed after the lock is released: first the peer's requests, then the caller's own. Once one
/// of these is parked or resumed its handler, on another thread, may have destroyed both streams:
/// so who calls keeps the link alive.
class DuplexLink : public std::enable_shared_from_this<DuplexLink> {
 public:
  DuplexLink(std::size_t capacity, std::pmr::memory_resource* block_source) noexcept
      : pipes_{DuplexPipe(capacity, block_source), DuplexPipe(capacity, block_source)} {}

  [[nodiscard]] DuplexEnd& end(DuplexSide side) noexcept { return ends_[index(side)]; }
  [[nodiscard]] std::size_t capacity() const noexcept { return pipes_[0].capacity(); }
  [[nodiscard]] bool is_open(DuplexSide side) {
    const std::lock_guard lock(mutex_);
    return is_open_locked(side);
  }
  [[nodiscard]] std::size_t available(DuplexSide side) {
    const std::lock_guard lock(mutex_);
    return incoming(side).size();
  }

  /// A read, or a write.
  template <class Segment>
  PipeResult transfer(DuplexSide side, std::span<const Segment> segments) noexcept {
    return in_one_step(side, [&](Settled& settled) { return attempt(side, segments, settled); });
  }
  /// What a wait would complete with, or `kWouldBlock`.
  [[nodiscard]] PipeStatus poll(DuplexSide side, PipeCondition condition) noexcept {
    const std::lock_guard lock(mutex_);
    return poll_locked(side, condition);
  }

  /// Settles a request, or parks it. From here on it is the link's.
  template <class Request>
  void start(DuplexSide side, Request& request) noexcept {
    in_one_step(side, [&](Settled& settled) {
      PipeResult result = attempt(side, request, settled);
      if (result.status == PipeStatus::kWouldBlock) {
        if (pipe_of(side, request).park(request)) return;
        assert(false && "a duplex stream allows one read and one write at a time");
        result.status = PipeStatus::kBusy;
      }
      request.bytes = result.bytes;
      settled.own.add(request, result.status);
    });
  }

  /// Aborts one request of this end, where it is still parked.
  template <class Request>
  void cancel(DuplexSide side, Request& request) noexcept {
    in_one_step(side,
                [&](Settled& settled) { pipe_of(side, request).cancel(request, settled.own); });
  }
  /// Aborts all requests of this end.
  void cancel(DuplexSide side) noexcept {
    const auto self = shared_from_this();
    in_one_step(side, [&](Settled& settled) {
      incoming(side).cancel_reader(settled.own);
      outgoing(side).cancel_writer(settled.own);
    });
  }
  /// False when the end is closed.
  bool shut(DuplexSide side, bool receive, bool send) noexcept {
    const auto self = shared_from_this();
    return in_one_step(side, [&](Settled& settled) {
      if (!is_open_locked(side)) return false;
      if (receive) incoming(side).shut_reader(settled.incoming());
      if (send) outgoing(side).shut_writer(settled.outgoing());
      return true;
    });
  }
  void close(DuplexSide side) noexcept {
    const auto self = shared_from_this();
    in_one_step(side, [&](Settled& settled) {
      // A stream may be destroyed while another thread destroys the context of both ends.
      settled.peer.guard = &peer_of(side).guard();
      close_locked(side, settled);
    });
  }
  /// The same, as the peer can tell.
  void reset(DuplexSide side) noexcept {
    const auto self = shared_from_this();
    in_one_step(side, [&](Settled& settled) { reset_locked(side, settled); });
  }
  /// As `reset`, for an end whose context is being destroyed.
  void end_with_context(DuplexSide side, const void* context) noexcept {
    Settled settled(*this, side);
    settled.own.guard = nullptr;
    {
      const std::lock_guard lock(mutex_);
      reset_locked(side, settled);
    }
    end(side).guard().wait_until_left();
    settled.resume_all(context);
  }

 private:
  /// What one call on an end has settled.
  struct Settled {
    Settled(DuplexLink& link, DuplexSide side) noexcept {
      own.guard = &link.end(side).guard();
      DuplexEnd& other = link.peer_of(side);
      // Who uses one end keeps the context of both alive.
      peer.guard = other.context() == link.end(side).context() ? nullptr : &other.guard();
    }

    [[nodiscard]] PipeSettled incoming() noexcept { return {own, peer}; }
    [[nodiscard]] PipeSettled outgoing() noexcept { return {peer, own}; }
    void resume_all(const void* destroyed_context) noexcept {
      resume(peer.requests, destroyed_context);
      resume(own.requests, destroyed_context);
    }
    static void resume(WaitingList& settled, const void* destroyed_context) noexcept {
      while (Waiting* const request = settled.pop_front()) {
        request->resume(destroyed_context);
      }
    }

    SettledRequests own;
    SettledRequests peer;
  };

  /// Does `step(settled)` under the lock, then resumes what it has settled.
  template <class Step>
  std::invoke_result_t<Step, Settled&> in_one_step(DuplexSide side, Step step) noexcept {
    Settled settled(*this, side);
    std::unique_lock lock(mutex_);
    if constexpr (std::is_void_v<std::invoke_result_t<Step, Settled&>>) {
      step(settled);
      lock.unlock();
      settled.resume_all(nullptr);
    } else {
      const auto result = step(settled);
      lock.unlock();
      settled.resume_all(nullptr);
      return result;
    }
  }

  static std::size_t index(DuplexSide side) noexcept { return static_cast<std::size_t>(side); }
  [[nodiscard]] DuplexEnd& peer_of(DuplexSide side) noexcept { return ends_[1 - index(side)]; }
  [[nodiscard]] DuplexPipe& incoming(DuplexSide side) noexcept { return pipes_[1 - index(side)]; }
  [[nodiscard]] DuplexPipe& outgoing(DuplexSide side) noexcept { return pipes_[index(side)]; }
  [[nodiscard]] DuplexPipe& pipe_of(DuplexSide side, const PipeRead&) noexcept {
    return incoming(side);
  }
  [[nodiscard]] DuplexPipe& pipe_of(DuplexSide side, const PipeWrite&) noexcept {
    return outgoing(side);
  }
  [[nodiscard]] DuplexPipe& pipe_of(DuplexSide side, const PipeWait& request) noexcept {
    return pipe_of(side, request.condition);
  }
  [[nodiscard]] DuplexPipe& pipe_of(DuplexSide side, PipeCondition condition) noexcept {
    return condition == PipeCondition::kReadable ? incoming(side) : outgoing(side);
  }

  PipeResult attempt(DuplexSide side, std::span<const MutableSegment> into,
                     Settled& settled) noexcept {
    return incoming(side).read(into, settled.incoming());
  }
  PipeResult attempt(DuplexSide side, std::span<const ConstSegment> from,
                     Settled& settled) noexcept {
    return outgoing(side).write(from, settled.outgoing());
  }
  PipeResult attempt(DuplexSide side, const PipeRead& request, Settled& settled) noexcept {
    return attempt(side, request.into, settled);
  }
  PipeResult attempt(DuplexSide side, const PipeWrite& request, Settled& settled) noexcept {
    return attempt(side, request.from, settled);
  }
  PipeResult attempt(DuplexSide side, const PipeWait& request, Settled& /*settled*/) noexcept {
    return {poll_locked(side, request.condition), 0};
  }

  [[nodiscard]] bool is_open_locked(DuplexSide side) noexcept {
    return !outgoing(side).writer_closed();
  }
  [[nodiscard]] PipeStatus poll_locked(DuplexSide side, PipeCondition condition) noexcept {
    if (!is_open_locked(side)) return PipeStatus::kClosed;
    return pipe_of(side, condition).holds(condition) ? PipeStatus::kDone : PipeStatus::kWouldBlock;
  }
  void reset_locked(DuplexSide side, Settled& settled) noexcept {
    if (is_open_locked(side)) {
      incoming(side).reset_reader(settled.incoming());
      outgoing(side).reset_writer(settled.outgoing());
    }
  }
  void close_locked(DuplexSide side, Settled& settled) noexcept {
    if (!is_open_locked(side)) return;
    incoming(side).close_reader(settled.incoming());
    outgoing(side).close_writer(settled.outgoing());
  }

  std::mutex mutex_;
  std::array<DuplexPipe, 2> pipes_;  ///< By the end that writes.
  std::array<DuplexEnd, 2> ends_;
};

inline void DuplexEnd::attach(DuplexLink& link, DuplexSide side, net::execution_context& context) {
  link_ = &link;
  side_ = side;
  context_ = &context;
  if (!enter_context(context)) {
    link.end_with_context(side, &context);
  }
}

inline std::shared_ptr<void> DuplexEnd::keep_alive() noexcept {
  return link_->weak_from_this().lock();
}

inline void DuplexEnd::end_with_context(const void* context) noexcept {
  link_->end_with_context(side_, context);
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
