#pragma once

// How writes leave the queue: what a turn offers to the stream, and what the stream took.

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory_resource>
#include <utility>

#include "bytes_handoff/core/queue/tickets.hpp"
#include "bytes_handoff/core/queue/write_queue.hpp"
#include "bytes_handoff/message_stream.hpp"

namespace bytes_handoff::detail {

/// Limits of one gather. Buffers: what a vectored write takes on common systems is a multiple of
/// this. Items: they bound the time under the lock.
inline constexpr std::size_t kMaxBatchBuffers = 64;
inline constexpr std::size_t kMaxBatchBytes = 1024 * 1024;
inline constexpr std::size_t kMaxBatchItems = kMaxStepItems;

static_assert(kMaxBatchBuffers + 2 <= DeferredReleases::kCapacity,
              "what one gather releases must fit, beside one owner of a compacted run");

/// What one vectored write offers to the stream. Slices that are neighbours in one block are one
/// buffer. The memory belongs to the queue and stays while the write is with the stream.
///
/// Bytes that are in a pipe have no buffer, and are offered alone: see `PipedPiece`.
///
/// For a stream that makes a record of each write, whole slices are gathered, together at most
/// `join_at_most` bytes, or one that is larger. Scattered ones are joined: copied into one block,
/// to which they belong from then on. What is one buffer anyway is not copied. A slice of which the
/// stream took a part is not joined to what is behind it.
class WriteBatch {
 public:
  struct Buffer {
    const std::byte* data;
    std::size_t size;
  };

  /// `join_at_most` 0: nothing is joined.
  explicit WriteBatch(std::size_t join_at_most = 0) noexcept : join_at_most_(join_at_most) {}

  /// Gathers from the front of `from`, whose first `offset` bytes are written already. What must be
  /// joined gets a block from `block_source`; null: the library's pool. `payer` pays for it.
  void gather(WriteItems& from, std::size_t offset,
              std::pmr::memory_resource* block_source = nullptr,
              BlockPayer* payer = nullptr) noexcept;

  /// Takes the first message alone, whatever its size. Precondition: there is one.
  void take_message(WriteItems& from) noexcept;

  /// Precondition: one was taken.
  [[nodiscard]] Message message() const noexcept { return {{buffers[0].data, bytes}, tag}; }

  /// Whether what was gathered is to be joined before it is offered.
  [[nodiscard]] bool must_join() const noexcept { return join_at_most_ != 0 && count > 1; }
  /// Joins what was gathered, and drops the references on its owners. The items must be with the
  /// stream, in which case the queue's lock is not needed. Where the source of the block throws,
  /// the first buffer alone is offered. Precondition: `must_join()`.
  void join() noexcept;
  /// Bytes that were copied out of owners that are not paid from the budget of the block.
  [[nodiscard]] std::size_t discharged() const noexcept { return discharged_; }

  std::array<Buffer, kMaxBatchBuffers> buffers;  // NOLINT: only the first count are ever read
  std::size_t count = 0;                         // buffers in use
  std::size_t bytes = 0;
  std::size_t items = 0;   // items that are wholly or partly in it
  MessageTag tag = 0;      // of a message
  Owner* piped = nullptr;  // a `PipedPiece`, which has the bytes; the queue's reference

 private:
  void gather_buffers(WriteItems& from, std::size_t offset) noexcept;
  void take_piped(const WriteItem& item, std::size_t offset) noexcept;
  void gather_to_join(WriteItems& from, std::size_t offset) noexcept;

  const std::size_t join_at_most_;
  WriteItems::Cursor first_;  // this and the next only where slices are joined
  std::pmr::memory_resource* block_source_ = nullptr;
  BlockPayer* payer_ = nullptr;
  std::size_t discharged_ = 0;
};

inline void WriteBatch::gather(WriteItems& from, std::size_t offset,
                               std::pmr::memory_resource* block_source,
                               BlockPayer* payer) noexcept {
  piped = nullptr;
  if (join_at_most_ == 0) {
    gather_buffers(from, offset);
    return;
  }
  count = bytes = items = 0;
  block_source_ = block_source;
  payer_ = payer;
  gather_to_join(from, offset);
}

inline void WriteBatch::gather_buffers(WriteItems& from, std::size_t offset) noexcept {
  // In registers: what is written to `buffers` could be a member, for all that the compiler knows.
  std::size_t in_use = 0;
  std::size_t taken_items = 0;
  std::size_t taken_bytes = 0;
  const Owner* owner = nullptr;       // of the last buffer
  const std::byte* behind = nullptr;  // its end
  auto at = from.front_cursor();
  const std::size_t most_items = (std::min)(from.size(), kMaxBatchItems);
  for (; taken_items < most_items && taken_bytes < kMaxBatchBytes;
       ++taken_items, ++at, offset = 0) {
    if (at->data == nullptr) {
      if (!at->is_piped()) {
        continue;
      }
      if (taken_items == 0) {
        return take_piped(*at, offset);
      }
      break;
    }
    const std::byte* data = at->data + offset;
    const std::size_t size = (std::min)(at->size - offset, kMaxBatchBytes - taken_bytes);
    if (data == behind && at->owner == owner) {
      buffers[in_use - 1].size += size;
    } else if (in_use < kMaxBatchBuffers) {
      buffers[in_use++] = {data, size};
    } else {
      break;
    }
    owner = at->owner;
    behind = data + size;
    taken_bytes += size;
  }
  count = in_use;
  bytes = taken_bytes;
  items = taken_items;
}

// Alone: what is before it has left.
[[gnu::cold, gnu::noinline]] inline void WriteBatch::take_piped(const WriteItem& item,
                                                                std::size_t offset) noexcept {
  piped = item.owner;
  count = 0;
  bytes = item.size - offset;
  items = 1;
}

inline void WriteBatch::take_message(WriteItems& from) noexcept {
  const WriteItem& message = from.front();
  buffers[0] = {message.data, message.size};
  count = items = 1;
  bytes = message.size;
  tag = tag_of(message.owner);
}

template <class Sync>
auto BasicWriteQueue<Sync>::begin_turn(WriteBatch& batch, Effects& effects) noexcept -> Turn {
  const Lock lock(mutex_);
  look_for_times();
  return next(false, max_step_items_, batch, effects);
}

template <class Sync>
auto BasicWriteQueue<Sync>::finish_write(ErrorValue error, std::size_t written, bool yield,
                                         WriteBatch& batch, Effects& effects) noexcept -> Turn {
  const Lock lock(mutex_);
  look_for_times();
  if (entries_ == Entries::kMessages) {
    return finish_message(error, written, yield, batch, effects);
  }
  written = (std::min)(written, batch.bytes);
  const std::size_t most =
      std::max<std::size_t>(max_step_items_, std::exchange(in_flight_items_, 0U));
  writer_ = Writer::kScheduled;
  ++stats_.stream_writes;
  stats_.short_stream_writes += written < batch.bytes ? 1U : 0U;
  stats_.written_bytes += written;
  joins_in_flight_ = false;
  if (state_ == State::kEnded) {
    drop_written(written, effects);
    return next(yield, 0, batch, effects);
  }
  const std::size_t popped = pop_written(written, most, effects);
  zero_writes_ = written == 0 ? static_cast<std::uint8_t>(zero_writes_ + 1) : std::uint8_t{0};
  if (written != 0) {
    note_progress();
  }
  if (error) {
    was_ended_by_stream_ = true;
    end(error, EndedBy::stream, effects);
  } else if (zero_writes_ == kMaxZeroWrites) {
    end(ErrorValue::of(Errc::no_progress), EndedBy::stream, effects);
  }
  return next(yield, most - popped, batch, effects);
}

// A message leaves whole, or stays: then its bytes alone, as far as they are written, are counted.
template <class Sync>
auto BasicWriteQueue<Sync>::finish_message(ErrorValue error, std::size_t written, bool yield,
                                           WriteBatch& batch, Effects& effects) noexcept -> Turn {
  const WriteItem message = items_.front();
  const bool is_closing = (tag_of(message.owner) & kClosingMessage) != 0;
  const bool is_whole = !error || (message.size != 0 && written >= message.size);
  written = is_whole ? message.size : (std::min)(written, message.size);
  in_flight_items_ = 0;
  writer_ = Writer::kScheduled;
  ++stats_.stream_writes;
  stats_.short_stream_writes += is_whole ? 0U : 1U;
  stats_.written_bytes += written;
  if (state_ == State::kEnded) {
    front_offset_ = written;
    if (is_whole) {
      front_offset_ = 0;
      if (account_) {
        discharge(account_.charge_of(message.owner, message.size), effects);
      }
      effects.releases.add(message.owner);
      items_.pop_front();
    }
    return next(yield, 0, batch, effects);
  }
  const std::size_t popped = pop_written(written, is_whole ? 1 : 0, effects);
  note_progress();
  if (error) {
    was_ended_by_stream_ = true;
    end(error, EndedBy::stream, effects);
  } else if (is_closing) {
    end(items_.empty() ? ErrorValue{} : ErrorValue::of(Errc::closed), EndedBy::close, effects);
  }
  return next(yield, max_step_items_ - popped, batch, effects);
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
  if (was_shut_down) {
    end(error, error ? EndedBy::stream : EndedBy::close, effects);
  } else {
    end(error_, cut_by_, effects);
  }
}

template <class Sync>
auto BasicWriteQueue<Sync>::next(bool yield, std::size_t left, WriteBatch& batch,
                                 Effects& effects) noexcept -> Turn {
  if (state_ == State::kEnded) {
    if (!is_with_stream()) {  // what is comes back by itself
      writer_ = Writer::kIdle;
      give_unwritten(effects);
    }
    return Turn::kEnded;
  }
  const bool is_quiet = line_.empty() && flush_waiters_.empty() && !starts_empty();
  if (!is_quiet && !settle(left, effects)) {
    return Turn::kYield;  // before a write, which may be stuck, while somebody waits who fits
  }
  ask_to_tell(effects);
  if (items_.empty()) {
    release_places();
    compactor_.reset(effects.releases);
    return next_when_written(effects);
  }
  if (yield) {
    return Turn::kYield;
  }
  watch_time(effects);
  compactor_.retry(items_, written_items(), effects.releases);
  if (compactor_.has_discharged()) [[unlikely]] {
    discharge_copied(effects);
  }
  if (entries_ == Entries::kMessages) {
    return next_message(batch, effects);
  }
  batch.gather(items_, front_offset_, compactor_.block_source(), compactor_.payer());
  if (batch.must_join()) {
    joins_in_flight_ = true;
    items_.head().run.forget_first(written_items() + batch.items);
  }
  in_flight_items_ = batch.items;
  note_offered();
  writer_ = Writer::kWriting;
  return Turn::kWrite;
}

template <class Sync>
auto BasicWriteQueue<Sync>::next_message(WriteBatch& batch, Effects& effects) noexcept -> Turn {
  batch.take_message(items_);
  in_flight_items_ = 1;
  note_offered();
  writer_ = Writer::kWriting;
  if ((batch.tag & kClosingMessage) != 0) {
    if (state_ == State::kOpen) {
      start_closing(effects);
    }
    refuse_all_waiters(closed_refusal(), effects);
  }
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

// The block is taken without the lock. The items are with the writer, and nobody else looks at
// their owners.
template <class Sync>
void BasicWriteQueue<Sync>::join(WriteBatch& batch) noexcept {
  batch.join();
  if (account_ && batch.discharged() != 0) {
    Effects effects;
    {
      const Lock lock(mutex_);
      discharge(batch.discharged(), effects);
    }
    effects.resume_all();
  }
}

// Returns how many items left. At least those of the last gather must be allowed to.
template <class Sync>
inline std::size_t BasicWriteQueue<Sync>::pop_written(std::size_t written, std::size_t most,
                                                      Effects& effects) noexcept {
  if (times_ != nullptr) [[unlikely]] {
    return pop_timed(written, most, effects);
  }
  return account_.charged() == 0 ? pop_free(written, most, effects)
                                 : pop_charged(written, most, effects);
}

template <class Sync>
std::size_t BasicWriteQueue<Sync>::pop_free(std::size_t written, std::size_t most,
                                            Effects& effects) noexcept {
  return pop_items<Leaving::kFree>(written, most, effects);
}

// Where times are taken, and maybe items are charged.
template <class Sync>
std::size_t BasicWriteQueue<Sync>::pop_timed(std::size_t written, std::size_t most,
                                             Effects& effects) noexcept {
  return pop_items<Leaving::kTimed>(written, most, effects);
}

// Where some items are charged by their lengths and others are not, or permits are.
template <class Sync>
std::size_t BasicWriteQueue<Sync>::pop_mixed(std::size_t written, std::size_t most,
                                             Effects& effects) noexcept {
  return pop_items<Leaving::kCharged>(written, most, effects);
}

// Where items in the queue, or permits, are charged by their lengths. If all are, none is looked
// at.
template <class Sync>
std::size_t BasicWriteQueue<Sync>::pop_charged(std::size_t written, std::size_t most,
                                               Effects& effects) noexcept {
  if (account_.charged() != pending_bytes_ + reserved_bytes()) {
    return pop_mixed(written, most, effects);
  }
  const std::size_t bytes = pending_bytes_;
  const std::size_t items = pop_items<Leaving::kFree>(written, most, effects);
  discharge(bytes - pending_bytes_, effects);
  return items;
}

template <class Sync>
template <typename BasicWriteQueue<Sync>::Leaving kLeaving>
inline std::size_t BasicWriteQueue<Sync>::pop_items(std::size_t written, std::size_t most,
                                                    Effects& effects) noexcept {
  std::size_t offset = front_offset_ + written;
  std::size_t bytes = 0;
  [[maybe_unused]] std::size_t charge = 0;
  [[maybe_unused]] std::uint64_t left = written_items();
  const std::size_t items =
      items_.pop_front_while(most, !line_.empty(), [&](const WriteItem& item) {
        if (offset < item.size) {
          return false;
        }
        offset -= item.size;
        bytes += item.size;
        if constexpr (kLeaving == Leaving::kCharged) {
          charge += detail::charge_of(item.owner, item.size, account_.budget());
        } else if constexpr (kLeaving == Leaving::kTimed) {
          charge += account_ ? account_.charge_of(item.owner, item.size) : 0;
          times_->note_written(++left);
        }
        effects.releases.add(item.owner);
        if (item.waiter != nullptr) {
          if constexpr (kLeaving == Leaving::kTimed) {
            find_durations(item.waiter->write, item.waiter->durations);
          }
          complete_ticket(*item.waiter, WriteResult{{}, item.waiter->write.size}, effects);
        }
        return true;
      });
  front_offset_ = offset;
  pending_bytes_ -= bytes;
  items_.head().run.forget_first(written_items());
  if constexpr (kLeaving != Leaving::kFree) {
    discharge(charge, effects);
  }
  return items;
}

}  // namespace bytes_handoff::detail
