#include "contenders/handoff_proxy.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/handoff_buffer.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "contenders/held_pieces.hpp"
#include "contenders/unit_finder.hpp"
#include "transports/cached_streams.hpp"
#include "transports/stream_end.hpp"
#include "transports/streams.hpp"

namespace stream_harness {
namespace {

using bytes_handoff::Bytes;
using bytes_handoff::HandoffBuffer;
using bytes_handoff::HandoffBufferConfig;
using bytes_handoff::WriteHandoff;
using bytes_handoff::WriteHandoffConfig;
using bytes_handoff::WriteRefusal;
using bytes_handoff::WriteRefusalReason;
using bytes_handoff::WriteTicket;

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
  return WriteHandoff(std::move(out), queue);
}

bool is_for_room(const WriteRefusal& refusal) {
  return refusal.reason == WriteRefusalReason::byte_budget_exceeded ||
         refusal.reason == WriteRefusalReason::queue_full;
}

std::string describe_refusal(const WriteRefusal& refusal) {
  return refusal.first_error ? describe("write", refusal.first_error)
                             : "write: " + refusal.message();
}

template <class Reader, class Writer>
class HandoffProxy final : public Proxy,
                           public std::enable_shared_from_this<HandoffProxy<Reader, Writer>> {
 public:
  HandoffProxy(Reader in, Writer out, const ProxyConfig& config, ProxyDone done)
      : in_(std::move(in)),
        out_(make_queue(std::move(out), config)),
        buffer_(make_buffer(config)),
        units_(config.frame_len),
        write_pending_bytes_(config.write_pending_bytes),
        completion_(config.completion),
        done_(std::move(done)) {}

  void start() { read(this->shared_from_this()); }

  void stop() noexcept override {
    out_.abort();
    close_quietly(in_);
  }

 private:
  // The operation under way owns the proxy; each step passes it on to the next.
  using Self = std::shared_ptr<HandoffProxy>;

  static void read(Self self) {
    HandoffProxy& me = *self;
    me.buffer_.async_read_available(
        me.in_, [self = std::move(self)](net_error_code error, std::size_t bytes) mutable {
          on_read(std::move(self), error, bytes);
        });
  }

  static void on_read(Self self, net_error_code error, std::size_t bytes) {
    if (error) return self->finish(describe("read", error));
    self->input_ended_ = bytes == 0;
    route(std::move(self));
  }

  // Hands on all that is complete, as far as the write queue has room; then reads on. What is
  // refused for want of room stays in the burst until the queue is empty.
  static void route(Self self) {
    HandoffProxy& me = *self;
    while (me.collect_burst()) {
      auto ticket = me.out_.try_write(me.burst_);
      if (!ticket) {
        if (is_for_room(ticket.error())) return wait_until_written(std::move(self));
        return me.finish(describe_refusal(ticket.error()));
      }
      me.burst_.clear();
      if (me.completion_ == Completion::kTicket) {
        me.ticket_ = std::move(*ticket);
        if (!me.is_written()) return wait_for_ticket(std::move(self));
      }
    }
    if (me.units_.is_too_long()) return me.finish(me.units_.too_long_error());
    if (me.input_ended_) return close(std::move(self));
    // Until all is written, what is queued may keep the block that was read into, and the next read
    // would take one more.
    if (!me.has_budget_for_a_block()) return wait_until_written(std::move(self));
    if (!me.buffer_.empty()) me.hold_what_fills_the_block();
    read(std::move(self));
  }

  // False when nothing is complete. A burst that was refused stays as it is. A unit larger than the
  // whole write budget goes in pieces.
  [[nodiscard]] bool collect_burst() {
    if (!burst_.empty()) return true;
    std::size_t room = held_.is_empty() ? write_pending_bytes_ : collect_held();
    while (room != 0 && burst_.size() < kMaxBurst && (unit_bytes_ != 0 || find_unit())) {
      const bool fits_alone = unit_bytes_ <= write_pending_bytes_;
      if (unit_bytes_ > room && fits_alone && !units_.in_tunnel()) break;
      const std::size_t bytes = std::min(unit_bytes_, room);
      burst_.push_back(std::move(*buffer_.split_prefix(bytes)));
      unit_bytes_ -= bytes;
      room -= bytes;
    }
    return !burst_.empty();
  }

  // What is held of a frame, once the rest of it is there: the buffer has that, if anything. The
  // room that is left behind it.
  [[nodiscard]] std::size_t collect_held() {
    if (unit_bytes_ == 0 && !find_unit() && !input_ended_) return 0;
    std::size_t room = write_pending_bytes_;
    while (room != 0 && burst_.size() < kMaxBurst && !held_.is_empty()) {
      burst_.push_back(held_.take(room));
      room -= burst_.back().size();
    }
    return room;
  }

  [[nodiscard]] bool find_unit() {
    unit_bytes_ = units_.find(buffer_.peek(), input_ended_);
    return unit_bytes_ != 0;
  }

  static void wait_until_written(Self self) {
    HandoffProxy& me = *self;
    me.out_.async_flush([self = std::move(self)](net_error_code error) mutable {
      if (error) return self->finish(describe("write", error));
      route(std::move(self));
    });
  }

  // Whether the last submission has gone out inside of the call. Where the queue has ended, its
  // ticket tells why.
  [[nodiscard]] bool is_written() const { return ticket_.is_done() && out_.is_open(); }

  static void wait_for_ticket(Self self) {
    HandoffProxy& me = *self;
    me.ticket_.async_wait([self = std::move(self)](net_error_code error, std::size_t) mutable {
      if (error) return self->finish(describe("write", error));
      route(std::move(self));
    });
  }

  // Whether a block more is within the write budget, beside what is pending.
  [[nodiscard]] bool has_budget_for_a_block() const {
    const std::size_t pending = out_.pending_bytes();
    const auto& config = buffer_.config();
    const std::size_t block = std::max(config.block_size, config.read_reserve);
    return pending == 0 ||
           (block <= write_pending_bytes_ && pending <= write_pending_bytes_ - block);
  }

  // An unfinished frame that has no room left in its block stays there, as a piece, and the next
  // read takes another block. What was in front of it then costs memory, too. Where that is more
  // than the write budget, the frame moves.
  void hold_what_fills_the_block() {
    const std::size_t block = buffer_.config().max_size;
    const std::size_t reserve = buffer_.config().read_reserve;
    const std::size_t len = buffer_.size();
    const bool would_move = buffer_.capacity() - len < std::min(reserve, block - len);
    if (len != block && (!would_move || len < least_to_hold())) return;
    held_.add(buffer_.freeze_all());
    units_.take_unfinished();
  }

  [[nodiscard]] std::size_t least_to_hold() const {
    const std::size_t block = buffer_.config().max_size;
    if (write_pending_bytes_ >= block - kLeastToHold) return kLeastToHold;
    return block - write_pending_bytes_;
  }

  static void close(Self self) {
    HandoffProxy& me = *self;
    me.out_.close();
    me.out_.async_closed([self = std::move(self)](net_error_code error) mutable {
      self->finish(error ? describe("write", error) : std::string());
    });
  }

  // Once the queue has let go of its socket, too: descriptors are free when it is told.
  void finish(std::string error) {
    stop();
    out_.async_closed(
        [self = this->shared_from_this(), error = std::move(error)](net_error_code) mutable {
          std::exchange(self->done_,
                        nullptr)({self->out_.statistics().written_bytes, std::move(error)});
        });
  }

  Reader in_;
  WriteHandoff out_;
  HandoffBuffer buffer_;
  UnitFinder units_;
  std::size_t write_pending_bytes_;
  Completion completion_;
  bool input_ended_ = false;
  HeldPieces held_;             // of a frame whose rest is, or will be, in the buffer
  std::size_t unit_bytes_ = 0;  // found at the front of the buffer, not collected yet
  std::vector<Bytes> burst_;    // the slices of one submission
  WriteTicket ticket_;          // of the last submission
  ProxyDone done_;
};

}  // namespace

template <class Reader, class Writer>
std::shared_ptr<Proxy> start_handoff(Reader in, Writer out, const ProxyConfig& config,
                                     ProxyDone done) {
  return make_and_start<HandoffProxy<Reader, Writer>>(std::move(in), std::move(out), config,
                                                      std::move(done));
}

template std::shared_ptr<Proxy> start_handoff(TcpStream, TcpStream, const ProxyConfig&, ProxyDone);
template std::shared_ptr<Proxy> start_handoff(DuplexStream, DuplexStream, const ProxyConfig&,
                                              ProxyDone);
template std::shared_ptr<Proxy> start_handoff(CachedSource, CountingSink, const ProxyConfig&,
                                              ProxyDone);

}  // namespace stream_harness
