#include "bytes_handoff/core/pipe/duplex_pipe.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <new>
#include <utility>

#include "bytes_handoff/core/memory/block.hpp"

namespace bytes_handoff::detail {
namespace {

constexpr std::size_t kRingAlignment = 64;

template <class Segment>
bool has_no_bytes(std::span<const Segment> segments) noexcept {
  return std::ranges::all_of(segments, [](const Segment& segment) { return segment.empty(); });
}

}  // namespace

/// A place in a sequence of segments; never rests on an empty one.
template <class Byte>
class DuplexPipe::Cursor {
 public:
  explicit Cursor(std::span<const std::span<Byte>> segments) noexcept : segments_(segments) {
    settle_on_bytes();
  }

  bool done() const noexcept { return segments_.empty(); }
  bool is_last() const noexcept { return segments_.size() == 1; }
  std::span<Byte> front() const noexcept { return segments_.front().subspan(offset_); }

  /// `count` is at most the size of `front()`.
  void advance(std::size_t count) noexcept {
    offset_ += count;
    settle_on_bytes();
  }

  /// Copies until either side is done; returns how many bytes.
  static std::size_t copy(Cursor<const std::byte>& from, Cursor<std::byte>& to) noexcept {
    std::size_t total = 0;
    while (!from.done() && !to.done()) {
      const ConstSegment source = from.front();
      const MutableSegment sink = to.front();
      const std::size_t count = std::min(source.size(), sink.size());
      std::memcpy(sink.data(), source.data(), count);
      from.advance(count);
      to.advance(count);
      total += count;
    }
    return total;
  }

 private:
  void settle_on_bytes() noexcept {
    while (!segments_.empty() && offset_ == segments_.front().size()) {
      segments_ = segments_.subspan(1);
      offset_ = 0;
    }
  }

  std::span<const std::span<Byte>> segments_;
  std::size_t offset_ = 0;
};

bool DuplexPipe::ensure_storage() noexcept {
  if (storage_ != nullptr) return true;
  // An aligned `operator new` may round a size up past the end of the address space.
  if (capacity_ > kLargestBlock) return false;
  try {
    void* const memory = block_source_ == nullptr
                             ? ::operator new (capacity_, std::align_val_t{kRingAlignment})
                             : block_source_->allocate(capacity_, kRingAlignment);
    storage_ = static_cast<std::byte*>(memory);
  } catch (...) {  // NOLINT: whatever the source throws, there is no memory
    return false;
  }
  return true;
}

void DuplexPipe::drop_storage() noexcept {
  std::byte* const memory = std::exchange(storage_, nullptr);
  if (memory == nullptr) return;
  if (block_source_ == nullptr) {
    ::operator delete (memory, std::align_val_t{kRingAlignment});
  } else {
    block_source_->deallocate(memory, capacity_, kRingAlignment);
  }
}

std::size_t DuplexPipe::push(Cursor<const std::byte>& from) noexcept {
  const std::size_t room = capacity_ - size_;
  const std::size_t until_end = capacity_ - head_;
  const bool wraps = size_ >= until_end;
  const std::size_t tail = wraps ? size_ - until_end : head_ + size_;
  if (from.is_last() && from.front().size() <= std::min(room, capacity_ - tail)) {
    const ConstSegment all = from.front();  // the usual case, without the loops
    std::memcpy(storage_ + tail, all.data(), all.size());
    from.advance(all.size());
    size_ += all.size();
    return all.size();
  }
  const std::size_t first = wraps ? room : std::min(room, capacity_ - tail);
  const std::array<MutableSegment, 2> regions{MutableSegment{storage_ + tail, first},
                                              MutableSegment{storage_, room - first}};
  Cursor<std::byte> into{regions};
  const std::size_t count = Cursor<std::byte>::copy(from, into);
  size_ += count;
  return count;
}

std::size_t DuplexPipe::pop(Cursor<std::byte>& into) noexcept {
  const std::size_t until_end = capacity_ - head_;
  const std::size_t first = std::min(size_, until_end);
  const std::array<ConstSegment, 2> regions{ConstSegment{storage_ + head_, first},
                                            ConstSegment{storage_, size_ - first}};
  Cursor<const std::byte> from{regions};
  const std::size_t count = Cursor<std::byte>::copy(from, into);
  size_ -= count;
  if (size_ == 0) {
    head_ = 0;
  } else {
    head_ = count >= until_end ? count - until_end : head_ + count;
  }
  return count;
}

PipeResult DuplexPipe::read(std::span<const MutableSegment> into, PipeSettled settled) noexcept {
  if (reader_ == Side::kClosed) return {PipeStatus::kClosed, 0};
  if (has_no_bytes(into)) return {PipeStatus::kDone, 0};
  if (size_ == 0) {
    const bool ended = reader_ != Side::kOpen || writer_ != Side::kOpen;
    return {ended ? end_of_reads() : PipeStatus::kWouldBlock, 0};
  }
  Cursor<std::byte> sink{into};
  std::size_t count = pop(sink);
  if (parked_write_ != nullptr) {
    Cursor<const std::byte> source{parked_write_->from};
    const std::size_t direct = Cursor<std::byte>::copy(source, sink);
    parked_write_->bytes = direct + push(source);
    count += direct;
    settle_write(PipeStatus::kDone, settled.writer);
  }
  settle_waits(settled);
  return {PipeStatus::kDone, count};
}

PipeResult DuplexPipe::write(std::span<const ConstSegment> from, PipeSettled settled) noexcept {
  if (writer_ == Side::kClosed) return {PipeStatus::kClosed, 0};
  if (has_no_bytes(from)) return {PipeStatus::kDone, 0};
  if (writer_ != Side::kOpen || reader_ != Side::kOpen) return {end_of_writes(), 0};
  if (size_ == capacity_) return {PipeStatus::kWouldBlock, 0};
  Cursor<const std::byte> source{from};
  std::size_t count = 0;
  if (parked_read_ != nullptr) {
    Cursor<std::byte> sink{parked_read_->into};
    count = Cursor<std::byte>::copy(source, sink);
    parked_read_->bytes = count;
    settle_read(PipeStatus::kDone, settled.reader);
  } else if (ensure_storage()) {
    count = push(source);
  }
  if (count == 0) return {PipeStatus::kNoMemory, 0};
  settle_waits(settled);
  return {PipeStatus::kDone, count};
}

bool DuplexPipe::holds(PipeCondition condition) const noexcept {
  switch (condition) {
    case PipeCondition::kReadable:
      return size_ != 0 || writer_ != Side::kOpen || reader_ != Side::kOpen;
    case PipeCondition::kWritable:
      return size_ != capacity_ || writer_ != Side::kOpen || reader_ != Side::kOpen;
    case PipeCondition::kBroken:
      break;
  }
  return reader_ != Side::kOpen || writer_ == Side::kClosed;
}

bool DuplexPipe::park(PipeRead& request) noexcept {
  if (parked_read_ != nullptr) return false;
  assert(size_ == 0 && !holds(PipeCondition::kReadable));
  request.is_parked = true;
  parked_read_ = &request;
  return true;
}

bool DuplexPipe::park(PipeWrite& request) noexcept {
  if (parked_write_ != nullptr) return false;
  assert(!holds(PipeCondition::kWritable));
  request.is_parked = true;
  parked_write_ = &request;
  return true;
}

bool DuplexPipe::park(PipeWait& request) noexcept {
  assert(!holds(request.condition));
  request.is_parked = true;
  waits_for(request.condition).push_back(request);
  return true;
}

void DuplexPipe::cancel(PipeRead& request, SettledRequests& settled) noexcept {
  if (request.is_parked) settle_read(PipeStatus::kAborted, settled);
}

void DuplexPipe::cancel(PipeWrite& request, SettledRequests& settled) noexcept {
  if (request.is_parked) settle_write(PipeStatus::kAborted, settled);
}

void DuplexPipe::cancel(PipeWait& request, SettledRequests& settled) noexcept {
  if (!request.is_parked) return;
  waits_for(request.condition).remove(request);
  settled.add(request, PipeStatus::kAborted);
}

void DuplexPipe::cancel_reader(SettledRequests& settled) noexcept {
  settle_read(PipeStatus::kAborted, settled);
  settle_all(waits_for(PipeCondition::kReadable), PipeStatus::kAborted, settled);
}

void DuplexPipe::cancel_writer(SettledRequests& settled) noexcept {
  settle_write(PipeStatus::kAborted, settled);
  settle_all(waits_for(PipeCondition::kWritable), PipeStatus::kAborted, settled);
  settle_all(waits_for(PipeCondition::kBroken), PipeStatus::kAborted, settled);
}

void DuplexPipe::shut_writer(PipeSettled settled) noexcept {
  if (writer_ != Side::kOpen) return;
  writer_ = Side::kShut;
  settle_write(PipeStatus::kBroken, settled.writer);
  settle_read(end_of_reads(), settled.reader);
  settle_waits(settled);
}

void DuplexPipe::shut_reader(PipeSettled settled) noexcept {
  if (reader_ != Side::kOpen) return;
  reader_ = Side::kShut;
  settle_write(end_of_writes(), settled.writer);
  settle_read(PipeStatus::kEndOfStream, settled.reader);
  settle_waits(settled);
}

void DuplexPipe::close_writer(PipeSettled settled) noexcept {
  cancel_writer(settled.writer);
  shut_writer(settled);
  writer_ = Side::kClosed;
}

void DuplexPipe::close_reader(PipeSettled settled) noexcept {
  cancel_reader(settled.reader);
  shut_reader(settled);
  reader_ = Side::kClosed;
  head_ = 0;
  size_ = 0;
  drop_storage();
}

void DuplexPipe::reset_writer(PipeSettled settled) noexcept {
  is_reset_ |= writer_ == Side::kOpen;
  close_writer(settled);
}

void DuplexPipe::reset_reader(PipeSettled settled) noexcept {
  is_reset_ |= reader_ == Side::kOpen;
  close_reader(settled);
}

void DuplexPipe::settle_read(PipeStatus status, SettledRequests& settled) noexcept {
  if (parked_read_ != nullptr) settled.add(*std::exchange(parked_read_, nullptr), status);
}

void DuplexPipe::settle_write(PipeStatus status, SettledRequests& settled) noexcept {
  if (parked_write_ != nullptr) settled.add(*std::exchange(parked_write_, nullptr), status);
}

void DuplexPipe::settle_all(Waits& waits, PipeStatus status, SettledRequests& settled) noexcept {
  while (PipeWait* const wait = waits.pop_front()) settled.add(*wait, status);
}

void DuplexPipe::settle_waits(PipeSettled settled) noexcept {
  const auto settle = [this](PipeCondition condition, SettledRequests& into) {
    Waits& waits = waits_for(condition);
    if (!waits.empty() && holds(condition)) settle_all(waits, PipeStatus::kDone, into);
  };
  settle(PipeCondition::kReadable, settled.reader);
  settle(PipeCondition::kWritable, settled.writer);
  settle(PipeCondition::kBroken, settled.writer);
}

}  // namespace bytes_handoff::detail
