#include "bytes_handoff/core/pipe/duplex_pipe.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "bytes_handoff/core/memory/block.hpp"

namespace bytes_handoff::detail {
namespace {

constexpr std::size_t kRingAlignment = 64;

constexpr std::array kWaits{PipeAct::kWaitReadable, PipeAct::kWaitWritable, PipeAct::kWaitBroken};

void settle(PipeRequest& request, PipeStatus status, WaitingList& settled) noexcept {
  request.status = status;
  request.is_parked = false;
  settled.push_back(request);
}

}  // namespace

/// A place in a sequence of segments. It rests on an empty one only at the end.
class DuplexPipe::Cursor {
 public:
  /// Ends behind `most` bytes.
  explicit Cursor(PipeSegments segments, std::size_t most = SIZE_MAX) noexcept
      : rest_(segments), most_(most) {
    advance(0);
  }

  [[nodiscard]] bool is_last() const noexcept { return rest_.empty(); }
  [[nodiscard]] const PipeSegment& front() const noexcept { return front_; }

  /// `count` is at most the size of `front()`.
  void advance(std::size_t count) noexcept {
    front_ = {front_.data + count, front_.size - count};
    while (front_.size == 0 && !rest_.empty()) {
      front_ = rest_.front();
      front_.size = std::min(front_.size, most_);
      most_ -= front_.size;
      rest_ = most_ == 0 ? PipeSegments() : rest_.subspan(1);
    }
  }

  /// Copies until either side is done; returns how many bytes.
  static std::size_t copy(Cursor& from, Cursor& to) noexcept {
    std::size_t total = 0;
    while (const std::size_t count = std::min(from.front_.size, to.front_.size)) {
      std::memcpy(to.front_.data, from.front_.data, count);
      from.advance(count);
      to.advance(count);
      total += count;
    }
    return total;
  }

 private:
  PipeSegment front_{};
  PipeSegments rest_;
  std::size_t most_;
};

DuplexPipe::DuplexPipe(std::size_t capacity, std::pmr::memory_resource* block_source) noexcept
    : capacity_(capacity),
      block_source_(block_source == nullptr ? std::pmr::new_delete_resource() : block_source) {}

bool DuplexPipe::holds(PipeAct wait) const noexcept {
  switch (wait) {
    case PipeAct::kWaitReadable:
      return size_ != 0 || has_ended_for_reads();
    case PipeAct::kWaitWritable:
      return has_ended() || (!is_full() && !has_met_fault());
    default:
      return end_of(PipeSide::kReader) != PipeEnd::kNone || is_closed(PipeSide::kWriter) ||
             has_failed_;
  }
}

PipeResult DuplexPipe::attempt(PipeAct act, PipeSegments segments, PipeSettled settled) noexcept {
  if (is_closed(side_of(act))) return {PipeStatus::kClosed, 0};
  if (act > PipeAct::kWrite) return {holds(act) ? PipeStatus::kDone : PipeStatus::kWouldBlock, 0};
  const auto is_empty = [](const PipeSegment& segment) { return segment.size == 0; };
  if (std::ranges::all_of(segments, is_empty)) return {PipeStatus::kDone, 0};
  return act == PipeAct::kRead ? read(segments, settled) : write(segments, settled);
}

bool DuplexPipe::start(PipeRequest& request, PipeSettled settled) noexcept {
  const PipeSide side = side_of(request.act);
  PipeResult result = attempt(request.act, request.segments, settled);
  if (result.status == PipeStatus::kWouldBlock) {
    if (request.act > PipeAct::kWrite) {
      waits_for(request.act).push_back(request);
    } else if (transfer_of(side) == nullptr) {
      transfer_of(side) = &request;
    } else {
      result.status = PipeStatus::kBusy;
    }
  }
  request.is_parked = result.status == PipeStatus::kWouldBlock;
  if (request.is_parked) return true;
  request.bytes = result.bytes;
  settle(request, result.status, settled.of(side));
  return false;
}

bool DuplexPipe::cancel(PipeRequest& request, WaitingList& settled) noexcept {
  if (!request.is_parked) return false;
  if (request.act <= PipeAct::kWrite) {
    settle_transfer(side_of(request.act), PipeStatus::kAborted, settled);
  } else {
    waits_for(request.act).remove(request);
    settle(request, PipeStatus::kAborted, settled);
  }
  return true;
}

void DuplexPipe::cancel_all(PipeSide side, WaitingList& settled) noexcept {
  settle_transfer(side, PipeStatus::kAborted, settled);
  for (const PipeAct wait : kWaits) {
    if (side_of(wait) == side) settle_waits(wait, PipeStatus::kAborted, settled);
  }
}

void DuplexPipe::end(PipeSide side, PipeEnd how, PipeSettled settled) noexcept {
  PipeEnd& end = ends_[static_cast<std::size_t>(side)];
  if (is_closed(side) || end == how) return;
  const bool was_whole = end == PipeEnd::kShut;
  end = how == PipeEnd::kReset && was_whole ? PipeEnd::kClosed : how;
  if (is_closed(side)) cancel_all(side, settled.of(side));
  settle_ended(settled);
  if (is_closed(PipeSide::kReader)) {
    head_ = 0;
    size_ = 0;
    on_the_way_ = 0;
    drop_storage();
  }
}

/// Once something has ended: tells who waits, but no reader of what is still on its way.
void DuplexPipe::settle_ended(PipeSettled settled) noexcept {
  if (has_ended_for_reads()) {
    settle_transfer(PipeSide::kReader, ended(PipeSide::kReader), settled.reader);
  }
  settle_transfer(PipeSide::kWriter, ended(PipeSide::kWriter), settled.writer);
  for (const PipeAct wait : kWaits) {
    settle_waits(wait, PipeStatus::kDone, settled.of(side_of(wait)));
  }
}

/// What a transfer is told when a side has ended and there are no bytes for it.
PipeStatus DuplexPipe::ended(PipeSide side) const noexcept {
  if (has_failed_ && end_of(side) == PipeEnd::kNone) return PipeStatus::kFailed;
  const bool is_reset = std::ranges::find(ends_, PipeEnd::kReset) != ends_.end();
  if (is_reset && end_of(side) == PipeEnd::kNone) return PipeStatus::kReset;
  return side == PipeSide::kReader ? PipeStatus::kEndOfStream : PipeStatus::kBroken;
}

PipeResult DuplexPipe::read(PipeSegments into, PipeSettled settled) noexcept {
  if (size_ == 0) {
    return {has_ended_for_reads() ? ended(PipeSide::kReader) : PipeStatus::kWouldBlock, 0};
  }
  Cursor sink{into, limit(path_.most_per_read)};
  std::size_t count = pop(sink);
  PipeRequest* const parked = transfer_of(PipeSide::kWriter);
  if (parked != nullptr && !has_met_fault()) {
    Cursor source{parked->segments, limit_of_write()};
    const std::size_t direct = is_delayed() ? 0 : Cursor::copy(source, sink);
    parked->bytes = direct + push(source);
    count_written(parked->bytes);
    count += direct;
    settle_transfer(PipeSide::kWriter, PipeStatus::kDone, settled.writer);
  }
  settle_waits(PipeAct::kWaitWritable, PipeStatus::kDone, settled.writer);
  return {PipeStatus::kDone, count};
}

PipeResult DuplexPipe::write(PipeSegments from, PipeSettled settled) noexcept {
  if (has_ended()) return {ended(PipeSide::kWriter), 0};
  if (is_full() || has_met_fault()) return {PipeStatus::kWouldBlock, 0};
  Cursor source{from, limit_of_write()};
  std::size_t count = 0;
  PipeRequest* const parked = transfer_of(PipeSide::kReader);
  if (parked != nullptr && !is_delayed()) {
    Cursor sink{parked->segments, limit(path_.most_per_read)};
    count = parked->bytes = Cursor::copy(source, sink);
    settle_transfer(PipeSide::kReader, PipeStatus::kDone, settled.reader);
  } else if (ensure_storage()) {
    count = push(source);
  } else {
    return {PipeStatus::kNoMemory, 0};
  }
  count_written(count);
  settle_waits(PipeAct::kWaitReadable, PipeStatus::kDone, settled.reader);
  return {PipeStatus::kDone, count};
}

void DuplexPipe::fail(PipeSettled settled) noexcept {
  has_failed_ = true;
  settle_ended(settled);
}

void DuplexPipe::arrive(std::size_t n, PipeSettled settled) noexcept {
  n = std::min(n, on_the_way_);
  on_the_way_ -= n;
  size_ += n;
  PipeRequest* const parked = transfer_of(PipeSide::kReader);
  if (parked != nullptr && size_ != 0) {
    parked->bytes = read(parked->segments, settled).bytes;
    settle_transfer(PipeSide::kReader, PipeStatus::kDone, settled.reader);
  }
  settle_waits(PipeAct::kWaitReadable, PipeStatus::kDone, settled.reader);
}

/// How many bytes one call moves at most.
std::size_t DuplexPipe::limit(std::size_t most) noexcept {
  if (!path_.is_random || most == PipePath::kUnlimited) return most;
  // SplitMix64.
  std::uint64_t mixed = path_.random += 0x9e3779b97f4a7c15U;
  mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9U;
  mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
  return 1 + static_cast<std::size_t>((mixed ^ (mixed >> 31U)) % most);
}

std::size_t DuplexPipe::limit_of_write() noexcept {
  return std::min(limit(path_.most_per_write), path_.bytes_to_fault);
}

void DuplexPipe::count_written(std::size_t n) noexcept {
  if (path_.bytes_to_fault != PipePath::kUnlimited) path_.bytes_to_fault -= n;
}

bool DuplexPipe::ensure_storage() noexcept {
  if (storage_ != nullptr) return true;
  // An aligned `operator new` may round a size up past the end of the address space.
  if (capacity_ > kLargestBlock) return false;
  try {
    storage_ = static_cast<std::byte*>(block_source_->allocate(capacity_, kRingAlignment));
  } catch (...) {  // NOLINT: whatever the source throws, there is no memory
    return false;
  }
  return true;
}

void DuplexPipe::drop_storage() noexcept {
  if (std::byte* const memory = std::exchange(storage_, nullptr)) {
    block_source_->deallocate(memory, capacity_, kRingAlignment);
  }
}

std::size_t DuplexPipe::push(Cursor& from) noexcept {
  const std::size_t held = size_ + on_the_way_;
  const std::size_t room = capacity_ - held;
  const std::size_t until_end = capacity_ - head_;
  const bool wraps = held >= until_end;
  const std::size_t tail = wraps ? held - until_end : head_ + held;
  const std::size_t first = wraps ? room : std::min(room, capacity_ - tail);
  std::size_t count = 0;
  if (from.is_last() && from.front().size <= first) {  // the usual case, without the loops
    count = from.front().size;
    std::memcpy(storage_ + tail, from.front().data, count);
    from.advance(count);
  } else {
    const std::array<PipeSegment, 2> regions{PipeSegment{storage_ + tail, first},
                                             PipeSegment{storage_, room - first}};
    Cursor into{regions};
    count = Cursor::copy(from, into);
  }
  (is_delayed() ? on_the_way_ : size_) += count;
  return count;
}

std::size_t DuplexPipe::pop(Cursor& into) noexcept {
  const std::size_t until_end = capacity_ - head_;
  const std::size_t first = std::min(size_, until_end);
  const std::array<PipeSegment, 2> regions{PipeSegment{storage_ + head_, first},
                                           PipeSegment{storage_, size_ - first}};
  Cursor from{regions};
  const std::size_t count = Cursor::copy(from, into);
  size_ -= count;
  if (size_ + on_the_way_ == 0) {
    head_ = 0;
  } else {
    head_ = count >= until_end ? count - until_end : head_ + count;
  }
  return count;
}

void DuplexPipe::settle_transfer(PipeSide side, PipeStatus status, WaitingList& settled) noexcept {
  if (PipeRequest* const request = std::exchange(transfer_of(side), nullptr)) {
    settle(*request, status, settled);
  }
}

/// As `kDone`, only if the condition holds.
void DuplexPipe::settle_waits(PipeAct wait, PipeStatus status, WaitingList& settled) noexcept {
  auto& waits = waits_for(wait);
  if (waits.empty() || (status == PipeStatus::kDone && !holds(wait))) return;
  while (PipeRequest* const request = waits.pop_front()) settle(*request, status, settled);
}

}  // namespace bytes_handoff::detail
