#pragma once

#include "bytes_handoff/core/support/intrusive_list.hpp"

namespace bytes_handoff::detail {

/// Who is told when something is over.
class Resumable {
 public:
  /// The result is in place: see to it that whoever waits gets it. Called once, outside all locks.
  /// `destroyed_context` is the execution context that is being destroyed, if one is: what would
  /// have to run there must be destroyed instead.
  virtual void resume(const void* destroyed_context) noexcept = 0;

 protected:
  virtual ~Resumable() = default;
};

/// The base of all who can be waiting. The front end derives from the core's waiters and keeps its
/// handler there; the core links them, writes the result into them, and hands them back to be
/// resumed.
class Waiting : public Resumable, public ListNode {
 protected:
  ~Waiting() override = default;
};

/// First come, first served; anyone can leave.
using WaitingList = IntrusiveList<Waiting>;

/// Resumes everyone, in order. Outside of locks.
inline void resume_all(WaitingList& woken) noexcept {
  while (Waiting* const each = woken.pop_front()) {
    each->resume(nullptr);
  }
}

}  // namespace bytes_handoff::detail
