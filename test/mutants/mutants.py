"""Ways to break the core, each a text and what to put in its place: name, file, text, replacement."""

DETAIL = "include/bytes_handoff/detail/"
ADMISSION = DETAIL + "write_queue_admission.hpp"
ENDS = DETAIL + "write_queue_ends.hpp"
WRITER = DETAIL + "write_queue_writer.hpp"
TICKET = DETAIL + "ticket_state.hpp"
COUNT = DETAIL + "reference_count.hpp"
POOL = "src/pool.cpp"
DEPOT = "src/pool_depot.hpp"
BYTES = "src/bytes.cpp"
BUFFER = "src/handoff_buffer.cpp"
PIPE = "src/duplex_pipe.cpp"
PIPE_REQUESTS = DETAIL + "duplex_pipe.hpp"

SCHEDULE_END = """  if (writer_ == Writer::kIdle) {
    schedule(effects);
  }
"""
SCHEDULE = """  if (writer_ == Writer::kIdle) {
    schedule(effects);
    effects.may_dispatch = config_.dispatch_writes;
  }
"""

MUTANTS = [
    ("a push does not wake the writer", ADMISSION, SCHEDULE, ""),
    ("a push posts a turn while the stream writes", ADMISSION, SCHEDULE,
     SCHEDULE.replace("== Writer::kIdle", "!= Writer::kScheduled")),
    ("a try barges past the line", ADMISSION,
     "state_ == State::kOpen && write_waiters_.empty() &&", "state_ == State::kOpen &&"),
    ("one item more than the limit", ADMISSION,
     "         items <= config_.max_items - pending_items_;",
     "         items <= config_.max_items + 1 - pending_items_;"),
    ("one byte more than the budget for who waits", ADMISSION,
     "if (bytes > config_.max_pending_bytes - pending_bytes_) {",
     "if (bytes > config_.max_pending_bytes + 1 - pending_bytes_) {"),
    ("closed is looked up before the lock", ADMISSION,
     """  const Lock lock(mutex_);
  auto refusal = refusal_of(waiter.bytes, waiter.items);
""",
     """  const bool was_open = is_open();
  const Lock lock(mutex_);
  auto refusal = was_open ? held_up_by(waiter.bytes, waiter.items)
                          : refusal_of(waiter.bytes, waiter.items);
"""),
    ("an admitted waiter is not woken", ADMISSION,
     "    effects.resume(*waiter);\n    admitted = true;", "    admitted = true;"),
    ("a refused waiter is not woken", ADMISSION,
     "  count_refusal(refusal);\n  effects.resume(waiter);", "  count_refusal(refusal);"),
    ("a cancelled waiter leaves those behind it", ADMISSION,
     "      is_settled = admit_a_step(effects);\n    }\n", "    }\n"),
    ("a cancelled waiter lets no more in than one step may", ADMISSION,
     "  while (!is_settled) {", "  while (!is_settled && false) {"),
    ("a write barges past a line that is being let in", ADMISSION,
     "  if (auto refusal = held_up_by(first->bytes, first->items)) {\n    return refusal;\n  }\n",
     "  if (auto refusal = held_up_by(first->bytes, first->items)) {\n    return refusal;\n  }\n"
     "  if (!held_up_by(bytes, items)) {\n    return std::nullopt;\n  }\n"),
    ("a cancelled waiter stays in the line", ADMISSION,
     "    if (waiter.linked) {\n      refuse(",
     "    if (waiter.linked && write_waiters_.size() > 1) {\n      refuse("),
    ("a waiter's bytes are not counted", ADMISSION,
     "push(waiter->slices, waiter->bytes, waiter->ticket, effects);",
     "push(waiter->slices, 0, waiter->ticket, effects);"),
    ("one waiter more than the limit", ADMISSION,
     "write_waiters_.size() >= config_.max_waiters", "write_waiters_.size() > config_.max_waiters"),
    ("one byte more than the line may have", ADMISSION,
     "bytes > limit - std::min(limit, waiting_bytes_)",
     "bytes > limit + 1 - std::min(limit, waiting_bytes_)"),
    ("a large write that finds the line empty is refused", ADMISSION,
     "!write_waiters_.empty() && bytes > limit", "bytes > limit"),
    ("the line keeps the bytes of who leaves it", ADMISSION,
     "  waiting_bytes_ -= waiter.bytes;\n", ""),
    ("close does not wake an idle writer", ENDS, SCHEDULE_END, ""),
    ("close leaves those who wait for room", ENDS,
     "  state_ = State::kClosing;\n  refuse_all_waiters(closed_refusal(), effects);\n",
     "  state_ = State::kClosing;\n"),
    ("close takes the line apart outside of the lock", ENDS,
     "  state_ = State::kClosing;\n", "  mutex_.unlock();\n  mutex_.lock();\n  state_ = State::kClosing;\n"),
    ("close refuses the line, then closes in a second step", ENDS,
     "  state_ = State::kClosing;\n  refuse_all_waiters(closed_refusal(), effects);\n",
     "  refuse_all_waiters(closed_refusal(), effects);\n  mutex_.unlock();\n  mutex_.lock();\n"
     "  state_ = State::kClosing;\n"),
    ("an end leaves those who wait for room", ENDS,
     "  refuse_all_waiters(closed_refusal(), effects);\n  std::size_t all", "  std::size_t all"),
    ("an end forgets flushes", ENDS,
     "  std::size_t all = SIZE_MAX;\n", "  std::size_t all = 0;\n"),
    ("an end forgets who waits for it", ENDS,
     "    waiter->error = error;\n    effects.resume(*waiter);",
     "    waiter->error = error;"),
    ("an end keeps the budget", ENDS, "  pending_bytes_ = pending_items_ = 0;\n", ""),
    ("an abort ends what has ended", ENDS,
     "  if (state_ != State::kEnded) {\n    end(error, effects);\n  }\n}\n\ntemplate <class Sync>\nvoid "
     "BasicWriteQueue<Sync>::orphan",
     "  end(error, effects);\n}\n\ntemplate <class Sync>\nvoid BasicWriteQueue<Sync>::orphan"),
    ("bytes are not given back", WRITER, "  pending_bytes_ -= bytes;\n", ""),
    ("items are not given back", WRITER, "  pending_items_ -= items;\n", ""),
    ("room that came back is offered to nobody", WRITER,
     "  } while (admit_waiters(left, effects));", "  } while (false);"),
    ("a flush is not completed when its writes are written", WRITER,
     "  complete_flushes(left, effects);\n", ""),
    ("a step of the writer has no end", WRITER,
     "  return next(false, max_step_items_, batch", "  return next(false, SIZE_MAX, batch"),
    ("a step behind a write has no end", WRITER,
     "  return next(yield, most - popped, batch", "  return next(yield, SIZE_MAX - popped, batch"),
    ("what a step leaves is forgotten", WRITER,
     "  return left != 0 || is_settled();", "  return true;"),
    ("flushes that a step leaves are forgotten", WRITER,
     "(flush == nullptr || flush->target > written_items())", "(flush == nullptr || true)"),
    ("empty writes that a step leaves are forgotten", WRITER,
     "return !starts_empty() && !first", "return !first"),
    ("a write is begun while somebody waits who fits", WRITER,
     "!is_quiet && !settle(left, effects)", "!is_quiet && !settle(left, effects) && items_.empty()"),
    ("who waits is not looked for where the front has bytes", WRITER,
     "const bool is_quiet = write_waiters_.empty() && ", "const bool is_quiet = "),
    ("the writer goes to sleep on what it saw before it unlocked", WRITER,
     "    end(ErrorValue::of(Errc::no_progress), effects);\n  }\n  return next(",
     "    end(ErrorValue::of(Errc::no_progress), effects);\n  }\n"
     "  if (items_.empty() && state_ == State::kOpen && write_waiters_.empty()) {\n"
     "    mutex_.unlock();\n    mutex_.lock();\n    writer_ = Writer::kIdle;\n"
     "    return Turn::kIdle;\n  }\n  return next("),
    ("a closing queue is shut down before it is empty", WRITER,
     "  if (items_.empty()) {\n    items_.release_segments();",
     "  if (items_.empty() || state_ == State::kClosing) {\n    items_.release_segments();"),
    ("what was written after the end is given back too", WRITER,
     "    front_offset_ += written;  // written after all\n", ""),
    ("a short write is forgotten", WRITER, "  front_offset_ = offset;\n", "  front_offset_ = 0;\n"),
    ("a ticket's wait is looked up, then set", TICKET,
     """    if (word_.compare_exchange_strong(expected, reinterpret_cast<std::uintptr_t>(&waiter),
                                      std::memory_order_acq_rel, std::memory_order_acquire)) {
""",
     """    expected = word_.load(std::memory_order_acquire);
    if (expected == kPending) {
      word_.store(reinterpret_cast<std::uintptr_t>(&waiter), std::memory_order_release);
"""),
    ("a ticket's wait is taken back from who has it", TICKET,
     """    return word_.compare_exchange_strong(expected, kPending, std::memory_order_acq_rel,
                                         std::memory_order_acquire);
""",
     """    return word_.exchange(kPending, std::memory_order_acq_rel) == expected || true;
"""),
    ("a ticket is done before its result is there", TICKET,
     """    result_ = result;
    const std::uintptr_t before = word_.exchange(kDone, std::memory_order_acq_rel);
""",
     """    const std::uintptr_t before = word_.exchange(kDone, std::memory_order_acq_rel);
    result_ = result;
"""),
    ("a result is not published", TICKET,
     "word_.exchange(kDone, std::memory_order_acq_rel)",
     "word_.exchange(kDone, std::memory_order_acquire)"),
    ("a result is read before it is acquired", TICKET,
     "return word_.load(std::memory_order_acquire) == kDone;",
     "return word_.load(std::memory_order_relaxed) == kDone;"),
    ("a waiter is taken without acquiring it", TICKET,
     "word_.exchange(kDone, std::memory_order_acq_rel)",
     "word_.exchange(kDone, std::memory_order_release)"),
    ("a reference is given back without releasing", COUNT,
     "references_.fetch_sub(count, std::memory_order_acq_rel)",
     "references_.fetch_sub(count, std::memory_order_acquire)"),
    ("the last reference is given back without acquiring", COUNT,
     "references_.fetch_sub(count, std::memory_order_acq_rel)",
     "references_.fetch_sub(count, std::memory_order_release)"),
    ("that nobody else holds it is seen without acquiring", COUNT,
     "return references_.load(std::memory_order_acquire) == held;",
     "return references_.load(std::memory_order_relaxed) == held;"),
    ("a thread's lease is not counted", DEPOT, "    leased_ += more * each;\n", ""),
    ("a lease is not ended with its thread", POOL,
     "    pool_flush_thread_cache();\n    cache.state", "    cache.state"),
    ("the depot keeps more than there is room for", DEPOT,
     "chain.count <= kDepotLimit[size_class] && bytes <= room()",
     "chain.count <= kDepotLimit[size_class]"),
    ("a thread has no share", DEPOT, "std::min(kThreadCacheBytes, limit_ / 4 /", "std::min(limit_, limit_ /"),
    ("a class keeps what another needs", DEPOT,
     "      if (of.lists[largest].limit * footprint(largest) / 2 >= wanted * each) {",
     "      if (of.lists[largest].limit == 0) {"),
    ("a thread that only gives back keeps all", POOL,
     "(list.limit < kLeaseToMove || (cache.ran_empty & bit) != 0)", "(list.limit != UINT32_MAX)"),
    ("what is left of a batch is lost", DEPOT,
     "      top_ = ::new (static_cast<void*>(rest)) Batch{next, batch.below, batch.count - most};\n", ""),
    ("what is joined to a batch is lost", DEPOT,
     "      chain.last->next = ::new (static_cast<void*>(below)) FreeSlot{joined.next};\n", ""),
    ("a trim reaches its own thread alone", DEPOT, "    ++trims_;\n", ""),
    ("a fork does not wait for the depot", POOL,
     "    depot_holder.depot.mutex.lock();\n  }\n}\n\nvoid after_fork() noexcept {\n"
     "  if (cache.forks != 0 && --cache.forks == 0) {",
     "  }\n}\n\nvoid after_fork() noexcept {\n  if (cache.forks != 0 && --cache.forks == SIZE_MAX) {"),
    ("the first fork is watched too late", POOL,
     "[[maybe_unused]] const bool watched_from_the_start = (watch_forks(), true);\n", ""),
    ("a child counts the threads of its parent", POOL,
     "    depot_holder.depot.keep_only(cache);\n", ""),
    ("a fork's other handlers wait for the depot", POOL,
     "  DepotLock() noexcept {\n    if (cache.forks == 0) {", "  DepotLock() noexcept {\n    if (true) {"),
    ("a copy takes a block of any size", BYTES,
     "(size > detail::kLargestSmall &&", "(size > detail::kLargestSmall ||"),
    ("a small copy takes a block", BYTES, "  if (is_block_tight(size)) {", "  if (size != 0) {"),
    ("a large copy is rounded up", "src/block.cpp",
     "capacity > kLargestPooled ? lines : rounded_up", "rounded_up"),
    ("a slice of a copy is not compacted", BYTES,
     "detail::is_tight(detail::retained_by(owner_), size_)",
     "detail::is_tight(detail::Block::of(owner_) ? detail::retained_by(owner_) : 0, size_)"),
    ("only prefixes near the front of a block are copied", BUFFER,
     "  if (n > len() || n == 0) {",
     "  if (n > len() || n == 0 || bytes_.capacity() - n < 4096) {"),
    ("an empty buffer keeps the block of a long message", BUFFER,
     "  if (is_empty() && !is_reserved_) {", "  if (false) {"),
    ("a reservation is for ever", BUFFER,
     "  is_reserved_ = false;\n  return offer(*most);\n", "  return offer(*most);\n"),
    ("what is reserved is dropped before it is read into", BUFFER,
     "  is_reserved_ = n != 0;\n", ""),
    ("a block is dropped at every read", BUFFER, "footprint > sizeof(detail::Block) + first &&\n", "footprint != 0 ||\n"),
    ("what is moved from goes on reading", "include/bytes_handoff/handoff_buffer.hpp",
     "reading_ = std::exchange(from.reading_, false);", "reading_ = from.reading_;"),
    ("a wait of a duplex that is cancelled stays in its list", PIPE,
     "  waits_for(request.condition).remove(request);\n", ""),
    ("a request of a duplex is parked for ever", PIPE_REQUESTS,
     "    request.is_parked = false;\n", ""),
    ("a settled request of a duplex does not hold its context", PIPE_REQUESTS,
     "      request.held.reset(guard);\n", ""),
]
