#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/ending/acknowledgement.hpp"
#include "bytes_handoff/asio/ending/reset_stream.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/net_error.hpp"
#include "bytes_handoff/asio/support/post.hpp"
#include "bytes_handoff/asio/writing/write_handoff.hpp"
#include "bytes_handoff/tunnel.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// What a tunnel has to do where a side's stream is used.
enum Errand : unsigned {
  kStopReading = 1,
  kResetOutput = 2,
  kLookAtTimer = 4,  ///< only of the first side, which has the timer
  kFinishTick = 8,   ///< only of the second side
  kLimitTime = 16,   ///< of the way to this side, which reads no more
  kCancelInput = 32,
  kCancelOutput = 64,
};
/// Those of the second side, where one post brings them with those of the first.
inline constexpr unsigned kOfSecondSide = 128;

/// A side of a tunnel.
template <class Stream, class Out>
class TunnelSide {
 public:
  static constexpr bool kHasQueue = std::is_same_v<Out, WriteHandoff>;
  using Executor = std::remove_cvref_t<decltype(std::declval<Stream&>().get_executor())>;

  explicit TunnelSide(const TunnelEnd<Stream, Out>& end)
      : end_(end), work_(end.stream().get_executor()) {}

  [[nodiscard]] const TunnelEnd<Stream, Out>& end() const noexcept { return end_; }
  [[nodiscard]] Executor executor() const noexcept { return end_.stream().get_executor(); }
  /// Also once the stream has gone: a context that is destroyed drops handlers behind it.
  [[nodiscard]] const net::execution_context& context() const noexcept {
    return context_of(work_.get_executor());
  }

  /// There are no errands any more.
  void release_work() noexcept { work_.reset(); }

  /// The error of a read, with the reason if the side's queue has closed the stream.
  [[nodiscard]] net_error_code explain(const net_error_code& error) const noexcept {
    if constexpr (kHasQueue) {
      return end_for_reads(end_.out()).explain(error);
    } else {
      return error;
    }
  }

  /// Where the stream is used, unless it has a queue.
  void reset_output() const noexcept {
    if constexpr (!kHasQueue) {
      detail::reset_stream(end_.stream());
    }
  }
  /// On any thread. False if there is none.
  [[nodiscard]] bool abort_queue([[maybe_unused]] Errc reason) const noexcept {
    if constexpr (kHasQueue) {
      QueueAccess::abort(end_.out(), ErrorValue::of(reason));
    }
    return kHasQueue;
  }

  /// Where the stream is used: what its peer's system has acknowledged since the last look counts
  /// as progress.
  void look_at_acknowledgement() noexcept {
    progress_ += acknowledgement_.has_more(end_.stream()) ? 1U : 0U;
  }
  /// Behind that look: changes with all that leaves the side.
  [[nodiscard]] std::uint64_t progress() const noexcept {
    if constexpr (kHasQueue) {
      return progress_ + QueueAccess::written_bytes(end_.out());
    } else {
      return progress_;
    }
  }

 private:
  const TunnelEnd<Stream, Out> end_;
  AcknowledgementLook acknowledgement_;
  std::uint64_t progress_ = 0;
  net::executor_work_guard<Executor> work_;  // who asks may hold the tunnel last
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
