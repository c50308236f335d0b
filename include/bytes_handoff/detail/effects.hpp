#pragma once

#include "bytes_handoff/detail/waiting.hpp"
#include "bytes_handoff/detail/write_item.hpp"

namespace bytes_handoff::detail {

/// What a step of the write queue asks of its front end, to be done once the step has returned and
/// its lock is open: resume everyone in `resumed`, in order; then start a writer's turn, ask the
/// stream to cancel, as the flags say. References are dropped when it goes out of scope.
struct Effects {
  WaitingList resumed;
  const void* destroyed_context = nullptr;
  bool start_turn = false;
  bool may_dispatch = false;  // the turn may run at once, where this is the stream's executor
  bool cancel_stream = false;
  bool ended = false;  // the queue has just come to its end
  DeferredReleases releases;

  void resume_all() noexcept {
    while (Waiting* waiting = resumed.pop_front()) {
      waiting->resume(destroyed_context);
    }
  }
};

}  // namespace bytes_handoff::detail
