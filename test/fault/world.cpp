#include "fault/world.hpp"

#include <algorithm>

#include "support/queue/unwritten.hpp"

namespace bytes_handoff::test {

World::World(const Setting& setting, FaultPlan plan, const Event& event, const Threads& threads)
    : setting_(setting),
      plan_(plan),
      event_(event),
      threads_(threads),
      context_(std::make_unique<net::io_context>(threads.count == 0 ? 1 : threads.count + 1)),
      streams_(Streams::make(setting, *context_, plan_)),
      random_(threads.seed) {
  if (is_threaded()) {
    start_threads();
  }
}

World::~World() { destroy_context(); }

void World::expect(bool holds, const char* rule) {
  if (!holds) {
    const std::lock_guard locked(violation_mutex_);
    if (violation_.empty()) {
      violation_ = rule;
    }
  }
}

// ---- Steps.

void World::steps(std::size_t n) {
  while (n-- != 0 && step()) {
  }
}

void World::settle() {
  if (is_threaded()) {
    settle_threads();
    return;
  }
  constexpr std::size_t kMost = 10'000;
  std::size_t n = 0;
  while (n < kMost && step()) {
    ++n;
  }
  expect(n < kMost, "it never ends");
}

std::size_t World::pending_operations() const {
  return static_cast<std::size_t>(
      std::count_if(operations_.begin(), operations_.end(),
                    [](const Operation& operation) { return operation.is_pending(); }));
}

bool World::step() {
  if (is_threaded()) {
    point();
    if (!is_stopped_) {
      post_time();
      std::this_thread::yield();
    }
    return true;
  }
  if (pending_at_.size() == event_.step) {
    run_event();
  }
  pending_at_.push_back(pending_operations());
  if (context_ == nullptr || is_stopped_) {
    return false;
  }
  const bool ran = run_one();
  check();
  return ran;
}

bool World::run_handler() {
  try {
    const InLibrary in_library;
    return context_->poll_one() != 0;
  } catch (const std::bad_alloc&) {
    ++exceptions_;
    return true;
  } catch (const InjectedFault&) {
    ++exceptions_;
    return true;
  }
}

bool World::run_one() {
  context_->restart();
  return run_handler() || pass_time();
}

bool World::pass_time() {
  if (streams_->pass_time()) {
    return true;
  }
  std::string piece;
  {
    const auto locked = lock();
    if (pieces_.empty()) {
      return false;
    }
    piece = std::move(pieces_.front());
    pieces_.pop_front();
  }
  streams_->feed(std::move(piece));
  return true;
}

void World::cancel(net::cancellation_type type) {
  auto locked = lock();
  const auto last = std::find_if(operations_.rbegin(), operations_.rend(),
                                 [](const Operation& operation) { return operation.is_pending(); });
  if (last != operations_.rend() && context_ != nullptr) {
    Operation& operation = *last;
    locked.unlock();
    in_library([&] { emit(operation, type); });
    check();
  }
}

void World::cancel_nth(std::size_t nth, net::cancellation_type type) {
  auto locked = lock();
  const auto found = std::find_if(operations_.begin(), operations_.end(), [&](const Operation& of) {
    return of.is_pending() && nth-- == 0;
  });
  if (found != operations_.end() && context_ != nullptr) {
    Operation& operation = *found;
    locked.unlock();
    emit(operation, type);
  }
}

void World::run_event() {
  switch (event_.kind) {
    case Event::Kind::kNone:
    case Event::Kind::kCancelSome:
      return;
    case Event::Kind::kCancel:
      cancel_nth(event_.operation, event_.type);
      break;
    case Event::Kind::kDropHandles:
      drop_handles();
      break;
    case Event::Kind::kStop:
      is_stopped_ = true;
      if (is_threaded()) {
        stop_threads();
      } else {
        context_->stop();
      }
      break;
    case Event::Kind::kDestroyContext:
      if (is_threaded()) {
        destroy_context_meanwhile();
      } else {
        destroy_context();
      }
      break;
  }
  check();
}

// What runs on a strand must not outlive its context, nor must a relay, which is work there. Its
// streams have what it waits for.
void World::destroy_context() {
  end_threads();
  if (setting_.executor == ExecutorKind::kErasedStrand || is_relaying_) {
    streams_->drop_streams();
  }
  read_was_dropped_ = buffer_ && front_end::is_reading(*buffer_);
  context_.reset();
  streams_->drop_streams();
  expect(!buffer_ || !front_end::is_reading(*buffer_),
         "a read that went with its context still runs");
}

void World::come_to_rest() {
  settle();
  if (std::exchange(is_stopped_, false)) {
    settle();
  }
}

void World::finish() {
  come_to_rest();
  check_rest();
  drop_handles();
  drop_tickets();
  drop_permits();
  stop_threads();
  streams_->close_peers();
  come_to_rest();
  cancel_all();
  if (context_ != nullptr) {
    expect(context_->stopped() || may_lose_handlers_, "something is still to be done");
    check_handlers();
    destroy_context();
  }
  for (const Operation& operation : operations_) {
    expect(operation.calls + (operation.was_destroyed ? 1 : 0) == 1,
           "a handler was not called exactly once, or destroyed");
  }
  buffer_.reset();
  expect(std::all_of(slices_.begin(), slices_.end(), [](auto& slice) { return slice.expired(); }),
         "a slice is still alive");
  expect(blocks_.blocks_out() == 0, "a block is still alive");
}

// A program may start again what was cancelled, a few times.
void World::cancel_all() {
  constexpr int kMost = 8;
  for (int i = 0; i < kMost && context_ != nullptr && pending_operations() != 0; ++i) {
    for (std::size_t at = 0; at < operations_.size(); ++at) {
      if (operations_[at].is_pending()) {
        operations_[at].signal.emit(net::cancellation_type::total);
      }
    }
    come_to_rest();
  }
}

// ---- Invariants.

void World::check() {
  if (!is_threaded()) {
    check_all();
  } else if (is_program()) {
    point();
  }
}

void World::check_all() {
  const OutsideLibrary outside;
  check_buffer();
  check_queue();
  if (context_ == nullptr) {
    expect(pending_operations() == 0, "a handler outlives its context");
  }
}

void World::check_queue() {
  const auto match = ledger_.match(streams_->sink().received);
  expect(match.has_value(), "the peer did not get a prefix of what was admitted");
  for (const auto& ids : told_) {
    for (const std::size_t id : ids) {
      expect(!match || is_duplex() || (*match)[id] == ledger_.text(id).size(),
             "a ticket is done before its bytes are");
    }
  }
  if (!out_) {
    return;
  }
  expect(out_->pending_bytes() <= limits_.max_pending_bytes, "too many bytes are pending");
  expect(out_->pending_items() <= limits_.max_items, "too many items are pending");
  const WriteStatistics statistics = out_->statistics();
  if (!is_threaded()) {
    expect(out_->pending_bytes() + statistics.reserved_bytes <= limits_.max_pending_bytes &&
               out_->pending_items() + statistics.reserved_items <= limits_.max_items,
           "too much is pending and reserved");
  }
  if (out_->is_open()) {
    if (match && !is_duplex()) {
      expect(ledger_.unwritten_bytes(*match) <= limits_.max_pending_bytes,
             "more than the budget is admitted and not written");
    }
  } else if (!std::exchange(was_closed_, true)) {
    admitted_at_close_ = statistics.admitted_items;
  }
  expect(!was_closed_ || lets_waiters_in_ || admitted_at_close_ == statistics.admitted_items,
         "something was admitted after the close");
}

void World::check_rest() {
  if (!out_) {
    return;
  }
  expect(out_->pending_bytes() == 0, "bytes are pending at rest");
  expect(out_->pending_items() == 0, "items are pending at rest");
  for (const Receipt& receipt : receipts_) {
    expect(receipt.ticket.is_done(), "a ticket is not done at rest");
  }
  check_reserved();
  check_unwritten();
}

// What was written and what comes back are together what was admitted.
void World::check_unwritten() {
  const auto unwritten = unwritten_of(*out_);
  for (const std::string& rest : texts_of(unwritten.value_or(UnwrittenEntries()))) {
    returned_ += rest;
  }
  const WriteStatistics statistics = out_->statistics();
  expect(statistics.admitted_bytes == statistics.written_bytes + returned_.size(),
         "bytes are neither written nor given back");
  const std::string& received = streams_->sink().received;
  if (is_duplex()) {  // a part may be on its way
    return;
  }
  expect(ledger_.match(received.substr(0, statistics.written_bytes) + returned_).has_value(),
         "what comes back is not what was not written");
  if (context_ != nullptr) {
    expect(statistics.written_bytes == received.size(), "written bytes are not counted right");
    if (exceptions_ == 0 && !may_lose_handlers_) {
      expect(ledger_.may_be_cut() || statistics.admitted_items == ledger_.admitted_items(),
             "admitted items are not counted right");
    }
  }
}

void World::check_handlers() {
  expect(!buffer_ || !front_end::is_reading(*buffer_), "a read goes on for ever");
  for (const Operation& operation : operations_) {
    expect(!operation.is_pending(), "an operation never ends");
    if (operation.was_started && operation.was_destroyed) {
      expect(exceptions_ != 0 || may_lose_handlers_, "a handler was destroyed uninvoked");
    }
  }
}

}  // namespace bytes_handoff::test
