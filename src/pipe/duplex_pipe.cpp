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

constexpr PipeSide other_side(PipeSide side) noexcept {
  return side == PipeSide::kReader ? PipeSide::kWriter : PipeSide::kReader;
}

void settle(PipeRequest& request, PipeStatus status, WaitingList& settled) noexcept {
  request.status = status;
  request.is_parked = false;
  settled.push_back(request);
}

}  // namespace

/// A place in a sequence of segments. It rests on an empty one only at the end.
class DuplexPipe::Cursor {
 public:
  explicit Cursor(PipeSegments segments) noexcept : rest_(segments) { advance(0); }

  [[nodiscard]] bool is_last() const noexcept { return rest_.empty(); }
  [[nodiscard]] const PipeSegment& front() const noexcept { return front_; }

  /// `count` is at most the size of `front()`.
  void advance(std::size_t count) noexcept {
    front_ = {front_.data + count, front_.size - count};
    while (front_.size == 0 && !rest_.empty()) {
      front_ = rest_.front();
      rest_ = rest_.subspan(1);
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
};

DuplexPipe::DuplexPipe(std::size_t capacity, std::pmr::memory_resource* block_source) noexcept
    : capacity_(capacity),
      block_source_(block_source == nullptr ? std::pmr::new_delete_resource() : block_source) {}

bool DuplexPipe::holds(PipeAct wait) const noexcept {
  switch (wait) {
    case PipeAct::kWaitReadable:
      return size_ != 0 || has_ended();
    case PipeAct::kWaitWritable:
      return size_ != capacity_ || has_ended();
    default:
      return end_of(PipeSide::kReader) != PipeEnd::kNone || is_closed(PipeSide::kWriter);
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
  for (const PipeSide each : kPipeSides) settle_transfer(each, ended(each), settled.of(each));
  for (const PipeAct wait : kWaits) {
    settle_waits(wait, PipeStatus::kDone, settled.of(side_of(wait)));
  }
  if (is_closed(PipeSide::kReader)) {
    head_ = 0;
    size_ = 0;
    drop_storage();
  }
}

/// What a transfer is told when a side has ended and there are no bytes for it.
PipeStatus DuplexPipe::ended(PipeSide side) const noexcept {
  if (end_of(side) == PipeEnd::kNone && end_of(other_side(side)) == PipeEnd::kReset) {
    return PipeStatus::kReset;
  }
  return side == PipeSide::kReader ? PipeStatus::kEndOfStream : PipeStatus::kBroken;
}

PipeResult DuplexPipe::read(PipeSegments into, PipeSettled settled) noexcept {
  if (size_ == 0) {
    return {has_ended() ? ended(PipeSide::kReader) : PipeStatus::kWouldBlock, 0};
  }
  Cursor sink{into};
  std::size_t count = pop(sink);
  if (PipeRequest* const parked = transfer_of(PipeSide::kWriter)) {
    Cursor source{parked->segments};
    const std::size_t direct = Cursor::copy(source, sink);
    parked->bytes = direct + push(source);
    count += direct;
    settle_transfer(PipeSide::kWriter, PipeStatus::kDone, settled.writer);
  }
  settle_waits(PipeAct::kWaitWritable, PipeStatus::kDone, settled.writer);
  return {PipeStatus::kDone, count};
}

PipeResult DuplexPipe::write(PipeSegments from, PipeSettled settled) noexcept {
  if (has_ended()) return {ended(PipeSide::kWriter), 0};
  if (size_ == capacity_) return {PipeStatus::kWouldBlock, 0};
  Cursor source{from};
  std::size_t count = 0;
  if (PipeRequest* const parked = transfer_of(PipeSide::kReader)) {
    Cursor sink{parked->segments};
    count = parked->bytes = Cursor::copy(source, sink);
    settle_transfer(PipeSide::kReader, PipeStatus::kDone, settled.reader);
  } else if (ensure_storage()) {
    count = push(source);
  } else {
    return {PipeStatus::kNoMemory, 0};
  }
  settle_waits(PipeAct::kWaitReadable, PipeStatus::kDone, settled.reader);
  return {PipeStatus::kDone, count};
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
  const std::size_t room = capacity_ - size_;
  const std::size_t until_end = capacity_ - head_;
  const bool wraps = size_ >= until_end;
  const std::size_t tail = wraps ? size_ - until_end : head_ + size_;
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
  size_ += count;
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
  if (size_ == 0) {
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
