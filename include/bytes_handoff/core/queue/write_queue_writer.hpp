#pragma once

// The write queue's side towards the writer: what a turn offers to the stream, and what it took.

#include <algorithm>
#include <cstddef>
#include <utility>

#include "bytes_handoff/core/queue/write_queue.hpp"

namespace bytes_handoff::detail {

template <class Sync>
auto BasicWriteQueue<Sync>::begin_turn(WriteBatch& batch, Effects& effects) noexcept -> Turn {
  const Lock lock(mutex_);
  return next(false, max_step_items_, batch, effects);
}

template <class Sync>
auto BasicWriteQueue<Sync>::finish_write(ErrorValue error, std::size_t written, bool yield,
                                         WriteBatch& batch, Effects& effects) noexcept -> Turn {
  const Lock lock(mutex_);
  written = std::min(written, batch.bytes);
  const std::size_t most = std::max(max_step_items_, std::exchange(in_flight_items_, 0U));
  writer_ = Writer::kScheduled;
  ++stats_.stream_writes;
  stats_.short_stream_writes += written < batch.bytes ? 1U : 0U;
  stats_.written_bytes += written;
  if (state_ == State::kEnded) {
    drop_written(written, effects);
    return next(yield, 0, batch, effects);
  }
  const std::size_t popped = pop_written(written, most, effects);
  zero_writes_ = written == 0 ? zero_writes_ + 1 : 0;
  if (written != 0) {
    ++progress_;
  }
  if (error) {
    was_ended_by_stream_ = true;
    end(error, effects);
  } else if (zero_writes_ == kMaxZeroWrites) {
    end(ErrorValue::of(Errc::no_progress), effects);
  }
  return next(yield, most - popped, batch, effects);
}

template <class Sync>
void BasicWriteQueue<Sync>::finish_shutdown(ErrorValue error, Effects& effects) noexcept {
  const Lock lock(mutex_);
  const bool was_shut_down = std::exchange(writer_, Writer::kIdle) == Writer::kShuttingDown;
  if (state_ == State::kEnded) {
    give_unwritten(effects);
    return;
  }
  was_ended_by_stream_ = was_shut_down && error;
  end(was_shut_down ? error : ErrorValue::of(Errc::aborted), effects);
}

template <class Sync>
auto BasicWriteQueue<Sync>::next(bool yield, std::size_t left, WriteBatch& batch,
                                 Effects& effects) noexcept -> Turn {
  if (state_ == State::kEnded) {
    writer_ = Writer::kIdle;
    give_unwritten(effects);
    return Turn::kEnded;
  }
  const bool is_quiet = write_waiters_.empty() && flush_waiters_.empty() && !starts_empty();
  if (!is_quiet && !settle(left, effects)) {
    return Turn::kYield;  // before a write, which may be stuck, while somebody waits who fits
  }
  if (items_.empty()) {
    items_.release_segments();
    last_run_.reset();
    return next_when_written(effects);
  }
  if (yield) {
    return Turn::kYield;
  }
  watch_time(effects);
  last_run_.retry(items_, written_items(), effects.releases);
  batch.gather(items_, front_offset_, config_.block_source);
  if (batch.must_join()) {
    last_run_.forget_first(written_items() + batch.items);
  }
  in_flight_items_ = batch.items;
  writer_ = Writer::kWriting;
  return Turn::kWrite;
}

template <class Sync>
auto BasicWriteQueue<Sync>::next_when_written(Effects& effects) noexcept -> Turn {
  if (state_ != State::kClosing) {
    writer_ = Writer::kIdle;
    return Turn::kIdle;
  }
  watch_time(effects);
  writer_ = ends_in_order_ ? Writer::kShuttingDown : Writer::kAcknowledging;
  return ends_in_order_ ? Turn::kShutdown : Turn::kAcknowledge;
}

// Admits who fits now and completes what needs no stream call, until neither changes anything, or
// `left` is used up. False: there is more to do.
template <class Sync>
bool BasicWriteQueue<Sync>::settle(std::size_t left, Effects& effects) noexcept {
  do {
    if (starts_empty()) {
      left -= pop_written(0, left, effects);
    }
  } while (admit_waiters(left, effects));
  complete_flushes(left, effects);
  return left != 0 || is_settled();
}

template <class Sync>
bool BasicWriteQueue<Sync>::is_settled() noexcept {
  const auto* flush = static_cast<const FlushWaiter*>(flush_waiters_.front());
  return !starts_empty() && !first_waiter_fits() &&
         (flush == nullptr || flush->target > written_items());
}

// Returns how many items left. At least those of the last gather must be allowed to.
template <class Sync>
std::size_t BasicWriteQueue<Sync>::pop_written(std::size_t written, std::size_t most,
                                               Effects& effects) noexcept {
  std::size_t offset = front_offset_ + written;
  std::size_t bytes = 0;
  const std::size_t items = items_.pop_front_while(most, [&](const WriteItem& item) {
    if (offset < item.size) {
      return false;
    }
    offset -= item.size;
    bytes += item.size;
    effects.releases.add(item.owner);
    if (item.ticket.is_last()) {
      finish_ticket(*item.ticket.template get<Ticket>(), effects);
    }
    return true;
  });
  front_offset_ = offset;
  pending_bytes_ -= bytes;
  pending_items_ -= items;
  last_run_.forget_first(written_items());
  return items;
}

template <class Sync>
void BasicWriteQueue<Sync>::finish_ticket(Ticket& ticket, Effects& effects) noexcept {
  if (TicketWaiter* waiter = ticket.finish(WriteResult{{}, ticket.total_bytes})) {
    effects.resume(*waiter);
  }
  ticket.release();
}

}  // namespace bytes_handoff::detail
