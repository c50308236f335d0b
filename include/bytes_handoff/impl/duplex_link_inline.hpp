#pragma once

#include <cassert>
#include <exception>
#include <thread>

#include "bytes_handoff/impl/duplex_link.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

struct DuplexLink::Settled {
  PipeRequestList own;
  PipeRequestList peer;
  DuplexEnd* guarded = nullptr;

  PipeSettled incoming() noexcept { return {own, peer}; }
  PipeSettled outgoing() noexcept { return {peer, own}; }
};

inline DuplexLink::DuplexLink(std::size_t capacity)
    : pipes_{DuplexPipe(capacity), DuplexPipe(capacity)} {
  for (const DuplexSide side : {DuplexSide::kFirst, DuplexSide::kSecond}) {
    end(side).link = this;
    end(side).side = side;
  }
}

inline void DuplexLink::attach(DuplexSide side, net::execution_context& context) {
  DuplexEnd& attached = end(side);
  attached.registry = net::use_service<DuplexService>(context).registry();
  if (!attached.registry->add(attached)) abandon(side);
}

inline void DuplexLink::detach(DuplexSide side) noexcept { end(side).registry->remove(end(side)); }

inline bool DuplexLink::is_open(DuplexSide side) const {
  const std::lock_guard lock(mutex_);
  return !pipes_[index(side)].writer_closed();
}

inline std::size_t DuplexLink::available(DuplexSide side) const {
  const std::lock_guard lock(mutex_);
  return pipes_[other(side)].size();
}

inline PipeResult DuplexLink::read(DuplexSide side, std::span<const MutableSegment> into) {
  Settled settled;
  PipeResult result{};
  {
    const std::lock_guard lock(mutex_);
    result = incoming(side).read(into, settled.incoming());
    guard_peer(side, settled);
  }
  deliver(settled);
  return result;
}

inline PipeResult DuplexLink::write(DuplexSide side, std::span<const ConstSegment> from) {
  Settled settled;
  PipeResult result{};
  {
    const std::lock_guard lock(mutex_);
    result = outgoing(side).write(from, settled.outgoing());
    guard_peer(side, settled);
  }
  deliver(settled);
  return result;
}

inline PipeStatus DuplexLink::poll(DuplexSide side, PipeCondition condition) const {
  const std::lock_guard lock(mutex_);
  return poll_locked(side, condition);
}

inline PipeStatus DuplexLink::poll_locked(DuplexSide side, PipeCondition condition) const noexcept {
  if (pipes_[index(side)].writer_closed()) return PipeStatus::kClosed;
  const bool reads = condition == PipeCondition::kReadable;
  const DuplexPipe& pipe = pipes_[reads ? other(side) : index(side)];
  return pipe.holds(condition) ? PipeStatus::kDone : PipeStatus::kWouldBlock;
}

template <typename Request, typename Attempt>
void DuplexLink::start_transfer(DuplexSide side, DuplexPipe& pipe, Request& request,
                                Attempt attempt) {
  Settled settled;
  {
    const std::lock_guard lock(mutex_);
    PipeResult result = attempt(settled);
    if (result.status == PipeStatus::kWouldBlock) {
      if (pipe.park(request)) return;
      assert(false && "a duplex stream allows one read and one write at a time");
      result.status = PipeStatus::kBusy;
    }
    request.status = result.status;
    request.bytes = result.bytes;
    settled.own.push_back(request);
    guard_peer(side, settled);
  }
  deliver(settled);
}

inline void DuplexLink::start(DuplexSide side, PipeRead& request) {
  DuplexPipe& pipe = incoming(side);
  start_transfer(side, pipe, request,
                 [&](Settled& settled) { return pipe.read(request.into, settled.incoming()); });
}

inline void DuplexLink::start(DuplexSide side, PipeWrite& request) {
  DuplexPipe& pipe = outgoing(side);
  start_transfer(side, pipe, request,
                 [&](Settled& settled) { return pipe.write(request.from, settled.outgoing()); });
}

inline void DuplexLink::start(DuplexSide side, PipeWait& request) {
  Settled settled;
  {
    const std::lock_guard lock(mutex_);
    request.status = poll_locked(side, request.condition);
    if (request.status == PipeStatus::kWouldBlock) {
      const bool reads = request.condition == PipeCondition::kReadable;
      (reads ? incoming(side) : outgoing(side)).park(request);
      return;
    }
  }
  settled.own.push_back(request);
  deliver(settled);
}

inline void DuplexLink::cancel(DuplexSide side, std::uint64_t id) {
  const auto self = shared_from_this();
  Settled settled;
  {
    const std::lock_guard lock(mutex_);
    incoming(side).cancel_reader(id, settled.own);
    outgoing(side).cancel_writer(id, settled.own);
  }
  deliver(settled);
}

inline bool DuplexLink::shut(DuplexSide side, bool receive, bool send) {
  const auto self = shared_from_this();
  Settled settled;
  {
    const std::lock_guard lock(mutex_);
    if (outgoing(side).writer_closed()) return false;
    if (receive) incoming(side).shut_reader(settled.incoming());
    if (send) outgoing(side).shut_writer(settled.outgoing());
    guard_peer(side, settled);
  }
  deliver(settled);
  return true;
}

inline void DuplexLink::close_locked(DuplexSide side, Settled& settled) noexcept {
  if (outgoing(side).writer_closed()) return;
  incoming(side).close_reader(settled.incoming());
  outgoing(side).close_writer(settled.outgoing());
  guard_peer(side, settled);
}

inline void DuplexLink::close(DuplexSide side) {
  const auto self = shared_from_this();
  Settled settled;
  {
    const std::lock_guard lock(mutex_);
    close_locked(side, settled);
  }
  deliver(settled);
}

inline void DuplexLink::abandon(DuplexSide side) noexcept {
  Settled settled;
  {
    const std::lock_guard lock(mutex_);
    close_locked(side, settled);
  }
  while (end(side).deliveries.load(std::memory_order_acquire) != 0) std::this_thread::yield();
  PipeRequestList doomed;
  while (PipeRequest* const request = settled.own.pop_front()) doomed.push_back(*request);
  if (settled.guarded == nullptr) {
    while (PipeRequest* const request = settled.peer.pop_front()) doomed.push_back(*request);
  }
  try {
    deliver(settled);
  } catch (...) {
    // That handler has been destroyed; a context that goes away has nobody to report to.
  }
  while (PipeRequest* const request = doomed.pop_front()) request->discard();
}

inline void DuplexLink::guard_peer(DuplexSide side, Settled& settled) noexcept {
  if (settled.peer.empty() || ends_[0].registry == ends_[1].registry) return;
  settled.guarded = &ends_[other(side)];
  settled.guarded->deliveries.fetch_add(1, std::memory_order_relaxed);
}

/// Completes everything, then rethrows the first exception of an executor that could not take one.
inline void DuplexLink::deliver(Settled& settled) {
  std::exception_ptr failure;
  const auto complete_all = [&failure](PipeRequestList& requests) noexcept {
    while (PipeRequest* const request = requests.pop_front()) {
      try {
        request->complete();
      } catch (...) {
        if (failure == nullptr) failure = std::current_exception();
      }
    }
  };
  complete_all(settled.peer);
  if (settled.guarded != nullptr) {
    settled.guarded->deliveries.fetch_sub(1, std::memory_order_release);
  }
  complete_all(settled.own);
  if (failure != nullptr) std::rethrow_exception(failure);
}

inline std::shared_ptr<DuplexLink> DuplexRegistry::take_first(DuplexSide& side) noexcept {
  const std::lock_guard lock(mutex_);
  shut_ = true;
  if (first_ == nullptr) return nullptr;
  DuplexEnd& end = *first_;
  unlink(end);
  side = end.side;
  return end.link->shared_from_this();
}

inline void DuplexRegistry::shut() noexcept {
  DuplexSide side{};
  while (const std::shared_ptr<DuplexLink> link = take_first(side)) link->abandon(side);
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
