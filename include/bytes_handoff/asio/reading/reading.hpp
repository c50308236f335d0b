#pragma once

#include <cstddef>
#include <utility>

#include "bytes_handoff/asio/reading/gathering.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/net_error.hpp"
#include "bytes_handoff/asio/support/stream_exception.hpp"
#include "bytes_handoff/asio/support/stream_traits.hpp"
#include "bytes_handoff/asio/support/time_of.hpp"
#include "bytes_handoff/core/budget/budget_state.hpp"
#include "bytes_handoff/core/reading/buffer_access.hpp"
#include "bytes_handoff/front_end.hpp"
#include "bytes_handoff/handoff_buffer.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// What a read does next: a step that waits, or nothing any more.
enum class ReadStep : unsigned char { kGather, kWait, kMemory, kRead, kYield, kDone };

/// How one read goes on: which step comes behind which outcome, and what it comes to. It makes the
/// calls on the stream that do not wait.
template <class Stream>
class Reading {
 public:
  static constexpr const char* kName = "HandoffBuffer::async_read_available";
  static constexpr bool kReadsOnce = true;

  Reading(HandoffBuffer& buffer, Stream& stream) noexcept : buffer_(&buffer), stream_(&stream) {}

  [[nodiscard]] HandoffBuffer& buffer() const noexcept { return *buffer_; }
  [[nodiscard]] Stream& stream() const noexcept { return *stream_; }
  [[nodiscard]] const net::mutable_buffer& room() const noexcept { return room_; }
  [[nodiscard]] ReadOn& read_on() const noexcept { return BufferAccess::read_on(*buffer_); }
  /// Bytes that `kMemory` waits for.
  [[nodiscard]] std::size_t memory_needed() const noexcept { return memory_needed_; }

  // The results, once it is done.
  [[nodiscard]] const net_error_code& error() const noexcept { return error_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

  /// Ends with another error, or with none.
  [[nodiscard]] ReadStep fail(const net_error_code& error) noexcept {
    error_ = error;
    return ReadStep::kDone;
  }

  /// `expects_nothing`: nobody has a reason to have sent anything yet.
  [[nodiscard]] ReadStep begin(bool expects_nothing = false) noexcept {
    if (front_end::is_reading(*buffer_)) {
      return fail(to_net_error(Errc::read_in_progress));
    }
    if (BufferAccess::kept_error(*buffer_)) {
      return tell_kept_error();
    }
    if (is_too_early(*buffer_, *stream_)) {
      return ReadStep::kGather;
    }
    if constexpr (ReadinessReadStream<Stream>) {
      if (is_worth_waiting(expects_nothing)) {
        return wait_first();
      }
    }
    return read();
  }

  /// Behind the delay, or a wait for the stream to be readable, or for memory. `is_cancelled`: the
  /// read was, while nothing was under way that could be.
  [[nodiscard]] ReadStep after_wait(const net_error_code& error, bool is_cancelled) noexcept {
    if (std::exchange(memory_needed_, 0U) != 0) {
      BufferAccess::note_credit(*buffer_);
    }
    if (error == net::error::operation_not_supported && !std::exchange(cannot_wait_, true)) {
      return read();  // a file, say, is always readable
    }
    if (error || is_cancelled) {
      return end(error ? error : net_error_code(net::error::operation_aborted), 0, false);
    }
    return read();
  }

  /// Behind the stream's own read.
  [[nodiscard]] ReadStep after_read(const net_error_code& error, std::size_t n,
                                    bool is_cancelled) noexcept {
    const bool is_full = n == room_.size();
    const ReadStep done = end(error, n, false);
    if (error || !is_full || is_cancelled || !is_small_ || !has_decrypted_bytes()) {
      return done;
    }
    net_error_code no_room;
    begin_read(false, no_room);
    if (no_room) {
      memory_needed_ = 0;  // what has come is enough
      return ReadStep::kDone;
    }
    return ReadStep::kRead;
  }

 private:
  // Whether to wait for the stream before trying: not when the last read left something there, nor
  // before the first bytes, which often come while a connection is being set up. And not when there
  // is no room, which is an error at once. Measured in docs/design/0010: as fast as a read that
  // holds its block while it waits, without holding one.
  [[nodiscard]] bool is_worth_waiting(bool expects_nothing) const noexcept {
    return front_end::is_stream_drained(*buffer_) &&
           (BufferAccess::has_received(*buffer_) || expects_nothing) &&
           buffer_->size() < buffer_->config().max_size;
  }

  [[nodiscard]] ReadStep wait_first() noexcept {
    net_error_code error;
    try {
      ensure_non_blocking(*stream_, error);
    } catch (...) {
      error = error_of_current_exception();
    }
    return error ? fail(error) : ReadStep::kWait;
  }

  // Reads what there is, or says how to.
  [[nodiscard]] ReadStep read() noexcept {
    net_error_code error;
    if constexpr (ReadinessReadStream<Stream>) {
      begin_read(false, error);
      return error ? without_room(error) : read_now();
    } else {
      // A stream that cannot tell that it is readable waits with little room.
      begin_read(buffer_->empty() && front_end::is_stream_drained(*buffer_), error);
      return error ? without_room(error) : ReadStep::kRead;
    }
  }

  // Room for a read, or why there is none.
  void begin_read(bool is_small, net_error_code& error) noexcept {
    is_small_ = is_small;
    try {
      if (auto room =
              is_small ? front_end::begin_small_read(*buffer_) : front_end::begin_read(*buffer_)) {
        room_ = {room->data(), room->size()};
        if (MemberAccount* const account = BufferAccess::account(*buffer_);
            account != nullptr && account->state().pot().is_tight()) {
          look_at_memory(*account);
        }
        return;
      }
      error = to_net_error(Errc::limit_exceeded);
    } catch (const MemoryShort& is_short) {
      memory_needed_ = is_short.bytes_needed;
      error = net::error::no_memory;
    } catch (...) {  // whatever a source of blocks throws
      error = net::error::no_memory;
    }
  }

  [[nodiscard]] ReadStep without_room(const net_error_code& error) noexcept {
    return memory_needed_ != 0 ? ReadStep::kMemory : fail(error);
  }

  // Blocks are drawn above the high mark: this sees to it that queues are shed.
  [[gnu::noinline, gnu::cold]] void look_at_memory(const MemberAccount& account) const noexcept {
    const auto executor = stream_->get_executor();
    account.state().look_and_watch(TimeOf<std::remove_cvref_t<decltype(executor)>>::now(executor));
  }

  // Apart, since it is rare: a read without it is no larger.
  [[nodiscard, gnu::noinline, gnu::cold]] ReadStep tell_kept_error() noexcept {
    return fail(to_net_error(std::exchange(BufferAccess::kept_error(*buffer_), {})));
  }

  // Ends a read of `n` bytes. The end of the stream is 0 bytes without an error.
  [[nodiscard]] ReadStep end(const net_error_code& error, std::size_t n,
                             bool more_is_there) noexcept {
    front_end::end_read(*buffer_, n,
                        more_is_there ? front_end::Remaining::more : front_end::Remaining::unknown);
    bytes_ += n;
    set_next_read(*buffer_, *stream_, bytes_);
    error_ = error == net::error::eof ? net_error_code() : error;
    return ReadStep::kDone;
  }

  // Reads once, and on for as long as that is worth it. There must be room for as many bytes as
  // last time, lest a message is cut.
  [[nodiscard]] ReadStep read_now() noexcept {
    net::mutable_buffer room = room_;
    std::size_t n = 0;
    net_error_code met;
    for (unsigned reads = 1;; ++reads) {
      const std::size_t last = read_once(room, met);
      read_on().note(!met);
      n += last;
      if (met) {
        return reads == 1 ? meet_at_once(met, n) : meet_behind(met, n);
      }
      if (last == 0 || n >= ReadOn::kManyBytes) {
        return end(met, n, last != 0);
      }
      if (!ReadsOn<Stream> || !read_on().is_worth_it()) {
        return end(met, n, false);
      }
      room += last;
      if (reads == ReadOn::kMostReads || room.size() < last) {
        return end(met, n, true);
      }
    }
  }

  [[nodiscard]] ReadStep meet_at_once(const net_error_code& met, std::size_t n) noexcept {
    if (!is_to_try_again(met)) {
      return end(met, n, false);
    }
    return cannot_wait_ ? end(net::error::operation_not_supported, 0, false) : ReadStep::kWait;
  }

  // An end of the stream is met again by the next read.
  [[nodiscard]] ReadStep meet_behind(const net_error_code& met, std::size_t n) noexcept {
    const bool is_end = met == net::error::eof;
    return end(is_end || is_to_try_again(met) ? net_error_code() : met, n, is_end);
  }

  [[nodiscard]] std::size_t read_once(const net::mutable_buffer& room,
                                      net_error_code& error) noexcept {
    try {
      ensure_non_blocking(*stream_, error);
      return error ? 0 : stream_->read_some(room, error);
    } catch (...) {
      error = error_of_current_exception();
      return 0;
    }
  }

  // Whether a TLS stream has bytes that need no read below.
  [[nodiscard]] bool has_decrypted_bytes() const noexcept {
    if constexpr (requires { SSL_pending(stream_->native_handle()); }) {
      return SSL_pending(stream_->native_handle()) > 0;
    } else {
      return false;
    }
  }

  HandoffBuffer* buffer_;
  Stream* stream_;
  net::mutable_buffer room_;
  bool is_small_ = false;
  bool cannot_wait_ = false;
  std::size_t memory_needed_ = 0;
  net_error_code error_;
  std::size_t bytes_ = 0;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
