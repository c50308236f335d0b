#pragma once

#include <atomic>
#include <utility>

#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/post.hpp"
#include "bytes_handoff/asio/support/turn.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// Errands to an executor. They may be asked for on any thread. Those that wait there are run
/// together, and one post brings them.
class Errands {
 public:
  /// Runs what `make_run` returns, which calls `take`, on the executor. Throws where memory is
  /// short.
  ///
  /// `is_inside`: inside of this call, if it is made there. Not for what is to reach an operation
  /// that may be starting in this call. Errands that join others come when those do.
  template <class Executor, class MakeRun>
  void ask(const Executor& executor, unsigned errands, bool is_inside, MakeRun make_run) {
    if (asked_.fetch_or(errands, std::memory_order_acq_rel) != 0) {
      return;
    }
    using Run = decltype(make_run());
    static_assert(sizeof(Run) <= sizeof(Turn));  // what its memory is for
    Posted<Run, PostAllocator> run(make_run(), PostAllocator(memory_));
    is_inside ? net::dispatch(executor, std::move(run)) : net::post(executor, std::move(run));
  }
  /// For another post, once there are no errands any more.
  [[nodiscard]] PostMemory& memory() noexcept { return memory_; }
  [[nodiscard]] unsigned take() noexcept { return asked_.exchange(0, std::memory_order_acq_rel); }

 private:
  std::atomic<unsigned> asked_{0};
  PostMemory memory_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
