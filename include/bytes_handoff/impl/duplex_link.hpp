#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>

#include "bytes_handoff/detail/duplex_pipe.hpp"
#include "bytes_handoff/detail/net.hpp"
#include "bytes_handoff/impl/duplex_registry.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// Both directions of a duplex behind one lock, shared by its two ends. What a call has settled is
/// completed after the lock is released: first the peer's requests, then the caller's own. After a
/// single own completion nothing of the link is touched, since the handler, on another thread, may
/// already have destroyed it.
class DuplexLink : public std::enable_shared_from_this<DuplexLink> {
 public:
  explicit DuplexLink(std::size_t capacity);

  /// Called once for each end, before that is used.
  void attach(DuplexSide side, net::execution_context& context);
  /// Called once for each end, after which nothing but `close` is.
  void detach(DuplexSide side) noexcept;

  DuplexEnd& end(DuplexSide side) noexcept { return ends_[index(side)]; }
  std::uint64_t next_id() noexcept { return ids_.fetch_add(1, std::memory_order_relaxed) + 1; }
  std::size_t capacity() const noexcept { return pipes_[0].capacity(); }
  bool is_open(DuplexSide side) const;
  std::size_t available(DuplexSide side) const;

  PipeResult read(DuplexSide side, std::span<const MutableSegment> into);
  PipeResult write(DuplexSide side, std::span<const ConstSegment> from);
  /// What a wait would complete with, or `kWouldBlock`.
  PipeStatus poll(DuplexSide side, PipeCondition condition) const;

  /// Complete the request or park it; from here on it is the link's.
  void start(DuplexSide side, PipeRead& request);
  void start(DuplexSide side, PipeWrite& request);
  void start(DuplexSide side, PipeWait& request);

  /// Aborts the end's request named `id`, or with 0 all of them.
  void cancel(DuplexSide side, std::uint64_t id);
  /// False when the end is closed.
  bool shut(DuplexSide side, bool receive, bool send);
  void close(DuplexSide side);
  /// As `close`, for an end whose context is being destroyed: its own requests are discarded.
  void abandon(DuplexSide side) noexcept;

 private:
  struct Settled;

  static std::size_t index(DuplexSide side) noexcept { return static_cast<std::size_t>(side); }
  static std::size_t other(DuplexSide side) noexcept { return 1 - index(side); }
  DuplexPipe& incoming(DuplexSide side) noexcept { return pipes_[other(side)]; }
  DuplexPipe& outgoing(DuplexSide side) noexcept { return pipes_[index(side)]; }

  template <typename Request, typename Attempt>
  void start_transfer(DuplexSide side, DuplexPipe& pipe, Request& request, Attempt attempt);
  PipeStatus poll_locked(DuplexSide side, PipeCondition condition) const noexcept;
  void close_locked(DuplexSide side, Settled& settled) noexcept;
  /// Keeps the peer's context alive until `deliver_peer` has posted to it.
  void guard_peer(DuplexSide side, Settled& settled) noexcept;
  static void deliver(Settled& settled);

  mutable std::mutex mutex_;
  std::array<DuplexPipe, 2> pipes_;  ///< By the end that writes.
  std::array<DuplexEnd, 2> ends_;
  std::atomic<std::uint64_t> ids_{0};
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail

#include "bytes_handoff/impl/duplex_link_inline.hpp"
