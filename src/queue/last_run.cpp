#include "bytes_handoff/core/queue/last_run.hpp"

#include <new>
#include <utility>

#include "bytes_handoff/core/budget/paid_entry.hpp"
#include "bytes_handoff/core/budget/region_access.hpp"
#include "bytes_handoff/core/memory/pool.hpp"
#include "bytes_handoff/core/queue/busy_queue.hpp"

namespace bytes_handoff::detail {

void RunCompactor::GiveBack::operator()(Wasteful* wasteful) const noexcept {
  wasteful->~Wasteful();
  pool_deallocate_small(wasteful, sizeof(Wasteful));
}

// False where there is no memory for it: the bytes stay where they are.
bool RunCompactor::has_wasteful() noexcept {
  try {
    if (wasteful_ == nullptr) {
      wasteful_.reset(::new (pool_allocate_small(sizeof(Wasteful))) Wasteful);
    }
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

void RunCompactor::end_wasteful(LastRun& run, std::uint64_t first_movable,
                                DeferredReleases& releases) noexcept {
  if (!has_wasteful()) {
    return;
  }
  if (run.start_sequence >= first_movable) {
    compact(run, releases);
  } else {
    wasteful_->with_stream = run;
  }
  run.owner = nullptr;
}

void RunCompactor::retry_run(WriteItems& items, std::uint64_t written,
                             DeferredReleases& releases) noexcept {
  LastRun run = std::exchange(wasteful_->with_stream, LastRun());
  const std::uint64_t end = run.start_sequence + run.items;
  if (end <= written) {
    return;
  }
  if (run.start_sequence < written) {
    run.start = items.front_cursor();
    run.items = static_cast<std::size_t>(end - written);
    run.bytes = 0;
    auto at = run.start;
    for (std::size_t i = 0; i < run.items; ++i, ++at) {
      run.bytes += at->owner == run.owner ? at->size : 0;
    }
  }
  compact(run, releases);  // what is left of a run that was wasteful is so, too
}

// A block that is paid for resumes who waits for memory, and so is dropped without the lock.
// Without room for that the memory stays a while.
void RunCompactor::drop_wasteful(DeferredReleases& releases) noexcept {
  if (payer_ != nullptr) {
    if (!releases.has_room()) {
      return;
    }
    const RegionAccess::Held held = RegionAccess::release(wasteful_->gathered);
    releases.add(held.block, held.references);
  }
  wasteful_.reset();
}

// Whether there is room for so many bytes to be copied together.
bool RunCompactor::has_gathered(std::size_t bytes, DeferredReleases& releases) noexcept {
  BytesMut& gathered = wasteful_->gathered;
  if (gathered.capacity() >= bytes) {
    return true;
  }
  try {
    BytesMut larger = RegionAccess::make_paid(gather_capacity(bytes), block_source_, payer_);
    gathered.swap(larger);
    if (payer_ != nullptr) {  // as in `drop_wasteful`; `compact` has seen to the room
      const RegionAccess::Held held = RegionAccess::release(larger);
      releases.add(held.block, held.references);
    }
    return true;
  } catch (...) {  // NOLINT: what a source throws is no error here, the bytes stay where they are
    return false;
  }
}

// Blocks, unlike foreign owners, may be given back under the lock: a source of blocks must not call
// the queue. So this goes on where there is no room to put the release off, unless somebody may be
// resumed by it.
void RunCompactor::compact(const LastRun& run, DeferredReleases& releases) noexcept {
  if (payer_ != nullptr && !releases.has_room(2)) {
    return;
  }
  if (!has_gathered(run.bytes, releases)) {
    return;
  }
  BytesMut& gathered = wasteful_->gathered;
  if (payer_ != nullptr && !is_paid_from(run.owner, payer_->budget())) {
    discharged_ += run.bytes;
  }
  std::size_t moved = 0;
  auto at = run.start;
  for (std::size_t i = 0; i < run.items; ++i, ++at) {
    if (at->owner != run.owner) {
      continue;  // an empty item
    }
    static_cast<void>(move_bytes(*at, gathered));
    ++moved;
  }
  if (releases.has_room()) {
    releases.add(run.owner, moved);
  } else {
    run.owner->release(moved);
  }
}

}  // namespace bytes_handoff::detail
