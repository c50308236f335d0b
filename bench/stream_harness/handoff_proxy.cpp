#include "handoff_proxy.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <utility>

#include "stream_end.hpp"

namespace stream_harness {
namespace {

using bytes_handoff::HandoffBuffer;
using bytes_handoff::HandoffBufferConfig;
using bytes_handoff::WriteHandoff;
using bytes_handoff::WriteHandoffConfig;
using bytes_handoff::WriteRefusal;
using bytes_handoff::WriteRefusalReason;

// Slices of one submission, and writes that may be pending.
constexpr std::size_t kMaxBurst = 512;

// A frame that is longer than a block, and than this, is held in pieces of that length.
constexpr std::size_t kLeastPiece = std::size_t{64} << 10;
// Fewer bytes are moved to the next block.
constexpr std::size_t kLeastToHold = 4096;

HandoffBuffer make_buffer(const ProxyConfig& config) {
  HandoffBufferConfig buffer;
  buffer.read_reserve = config.read_bytes();
  if (config.read_block != 0) buffer.block_size = config.read_block;
  // A block, which is a power of two.
  const std::size_t least = std::max({buffer.block_size, buffer.read_reserve, kLeastPiece});
  buffer.max_size = least > SIZE_MAX / 2 ? least : std::bit_ceil(least);
  buffer.gather_for = config.gather_for;
  return HandoffBuffer(buffer);
}

template <class Writer>
WriteHandoff make_queue(Writer out, const ProxyConfig& config) {
  WriteHandoffConfig queue;
  queue.max_items = kMaxBurst;
  queue.max_pending_bytes = config.write_pending_bytes;
  queue.dispatch_writes = true;  // a burst is one submission
  return WriteHandoff::spawn(std::move(out), queue).value();
}

bool is_for_room(const WriteRefusal& refusal) {
  return refusal.reason == WriteRefusalReason::byte_budget_exceeded ||
         refusal.reason == WriteRefusalReason::queue_full;
}

std::string describe_refusal(const WriteRefusal& refusal) {
  return refusal.error ? describe("write", refusal.error) : "write: " + refusal.message();
}

}  // namespace

template <class Reader, class Writer>
HandoffProxy<Reader, Writer>::HandoffProxy(Reader in, Writer out, const ProxyConfig& config,
                                           ProxyDone done)
    : in_(std::move(in)),
      out_(make_queue(std::move(out), config)),
      parser_(config.frame_len),
      write_pending_bytes_(config.write_pending_bytes),
      completion_(config.completion),
      done_(std::move(done)) {
  buffer_ = make_buffer(config);
}

template <class Reader, class Writer>
void HandoffProxy<Reader, Writer>::start() {
  read(this->shared_from_this());
}

template <class Reader, class Writer>
void HandoffProxy<Reader, Writer>::stop() noexcept {
  out_.abort();
  close_quietly(in_);
}

template <class Reader, class Writer>
void HandoffProxy<Reader, Writer>::read(Self self) {
  HandoffProxy& me = *self;
  me.buffer_.async_read_available(
      me.in_, [self = std::move(self)](net_error_code error, std::size_t bytes) mutable {
        on_read(std::move(self), error, bytes);
      });
}

template <class Reader, class Writer>
void HandoffProxy<Reader, Writer>::on_read(Self self, net_error_code error, std::size_t bytes) {
  if (error) return self->finish(describe("read", error));
  self->input_ended_ = bytes == 0;
  route(std::move(self));
}

// Hands on all that is complete, as far as the write queue has room; then reads on. What is refused
// for want of room stays in the burst until the queue is empty.
template <class Reader, class Writer>
void HandoffProxy<Reader, Writer>::route(Self self) {
  HandoffProxy& me = *self;
  while (me.collect_burst()) {
    if (const auto admitted = me.submit(); !admitted) {
      if (is_for_room(admitted.error())) return wait_until_written(std::move(self));
      return me.finish(describe_refusal(admitted.error()));
    }
    me.burst_.clear();
    if (me.completion_ == Completion::kTicket && !me.is_written()) {
      return wait_for_ticket(std::move(self));
    }
  }
  if (me.too_long_) return me.finish(unfinished_frame_error(me.parser_.unfinished_limit()));
  if (me.input_ended_) return close(std::move(self));
  // Until all is written, what is queued may keep the block that was read into, and the next read
  // would take one more.
  if (!me.has_budget_for_a_block()) return wait_until_written(std::move(self));
  if (!me.buffer_.empty()) me.hold_what_fills_the_block();
  read(std::move(self));
}

// An unfinished frame that has no room left in its block stays there, as a piece, and the next read
// takes another block. What was in front of it then costs memory, too. Where that is more than the
// write budget, the frame moves.
template <class Reader, class Writer>
void HandoffProxy<Reader, Writer>::hold_what_fills_the_block() {
  const std::size_t block = buffer_.config().max_size;
  const std::size_t reserve = buffer_.config().read_reserve;
  const std::size_t len = buffer_.size();
  const bool would_move = buffer_.capacity() - len < std::min(reserve, block - len);
  if (len != block && (!would_move || len < least_to_hold())) return;
  held_.add(buffer_.freeze_all());
  parser_.take_unfinished();
}

template <class Reader, class Writer>
std::size_t HandoffProxy<Reader, Writer>::least_to_hold() const {
  const std::size_t block = buffer_.config().max_size;
  if (write_pending_bytes_ >= block - kLeastToHold) return kLeastToHold;
  return block - write_pending_bytes_;
}

// Whether a block more is within the write budget, beside what is pending.
template <class Reader, class Writer>
bool HandoffProxy<Reader, Writer>::has_budget_for_a_block() const {
  const std::size_t pending = out_.pending_bytes();
  const auto& config = buffer_.config();
  const std::size_t block = std::max(config.block_size, config.read_reserve);
  return pending == 0 || (block <= write_pending_bytes_ && pending <= write_pending_bytes_ - block);
}

// False when nothing is complete. A burst that was refused stays as it is. A unit larger than the
// whole write budget goes in pieces.
template <class Reader, class Writer>
bool HandoffProxy<Reader, Writer>::collect_burst() {
  if (!burst_.empty()) return true;
  std::size_t room = held_.is_empty() ? write_pending_bytes_ : collect_held();
  while (room != 0 && burst_.size() < kMaxBurst && (unit_bytes_ != 0 || find_unit())) {
    const bool fits_alone = unit_bytes_ <= write_pending_bytes_;
    if (unit_bytes_ > room && fits_alone && !tunnel_) break;
    const std::size_t bytes = std::min(unit_bytes_, room);
    burst_.push_back(std::move(*buffer_.split_prefix(bytes)));
    unit_bytes_ -= bytes;
    room -= bytes;
  }
  return !burst_.empty();
}

// What is held of a frame, once the rest of it is there: the buffer has that, if anything. The room
// that is left behind it.
template <class Reader, class Writer>
std::size_t HandoffProxy<Reader, Writer>::collect_held() {
  if (unit_bytes_ == 0 && !find_unit() && !input_ended_) return 0;
  std::size_t room = write_pending_bytes_;
  while (room != 0 && burst_.size() < kMaxBurst && !held_.is_empty()) {
    burst_.push_back(held_.take(room));
    room -= burst_.back().size();
  }
  return room;
}

template <class Reader, class Writer>
bool HandoffProxy<Reader, Writer>::find_unit() {
  if (tunnel_) {
    unit_bytes_ = buffer_.size();
    return unit_bytes_ != 0;
  }
  const auto unit =
      input_ended_ ? parser_.next_at_end(buffer_.peek()) : parser_.next(buffer_.peek());
  unit_bytes_ = unit.bytes;
  tunnel_ = unit.found == RouteParser::Found::kMarker;
  too_long_ = unit.found == RouteParser::Found::kTooLong;
  return unit_bytes_ != 0;
}

template <class Reader, class Writer>
bytes_handoff::expected<void, WriteRefusal> HandoffProxy<Reader, Writer>::submit() {
  if (completion_ == Completion::kFireAndForget) return out_.try_write_all_detached(burst_);
  auto ticket = out_.try_write_all(burst_);
  if (!ticket) return bytes_handoff::unexpected(ticket.error());
  ticket_ = std::move(*ticket);
  return {};
}

template <class Reader, class Writer>
void HandoffProxy<Reader, Writer>::wait_until_written(Self self) {
  HandoffProxy& me = *self;
  me.out_.async_flush([self = std::move(self)](net_error_code error) mutable {
    if (error) return self->finish(describe("write", error));
    route(std::move(self));
  });
}

// Whether the last submission has gone out inside of the call. Where the queue has ended, its
// ticket tells why.
template <class Reader, class Writer>
bool HandoffProxy<Reader, Writer>::is_written() const {
  return ticket_.is_done() && out_.is_open();
}

template <class Reader, class Writer>
void HandoffProxy<Reader, Writer>::wait_for_ticket(Self self) {
  HandoffProxy& me = *self;
  me.ticket_.async_wait([self = std::move(self)](net_error_code error, std::size_t) mutable {
    if (error) return self->finish(describe("write", error));
    route(std::move(self));
  });
}

template <class Reader, class Writer>
void HandoffProxy<Reader, Writer>::close(Self self) {
  HandoffProxy& me = *self;
  me.out_.close();
  me.out_.async_closed([self = std::move(self)](net_error_code error) mutable {
    self->finish(error ? describe("write", error) : std::string());
  });
}

// Once the queue has let go of its socket, too: descriptors are free when it is told.
template <class Reader, class Writer>
void HandoffProxy<Reader, Writer>::finish(std::string error) {
  stop();
  out_.async_closed([self = this->shared_from_this(),
                     error = std::move(error)](net_error_code) mutable {
    std::exchange(self->done_, nullptr)({self->out_.statistics().written_bytes, std::move(error)});
  });
}

template class HandoffProxy<TcpStream, TcpStream>;
template class HandoffProxy<DuplexStream, DuplexStream>;
template class HandoffProxy<CachedSource, CountingSink>;

}  // namespace stream_harness
