#pragma once

// For tests: link bytes_handoff::testing beside bytes_handoff::asio or bytes_handoff::boost_asio.

#include <concepts>
#include <cstddef>
#include <memory>
#include <memory_resource>
#include <stdexcept>
#include <utility>

#include "bytes_handoff/asio/duplex/duplex_link.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/testing/duplex_path.hpp"

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// One end of a pair of bounded, in-memory byte streams. What is written to one end is read from
/// the other, in order. At most `capacity()` bytes are buffered each way. An end has the operations
/// of a connected stream socket, so that protocol code can be tested without a network.
///
/// Not for passing messages between threads: it copies bytes and keeps no message boundaries.
///
/// Ownership: `make_duplex` makes both ends, on executors of their own. An end can be moved, also
///     while operations are pending; a moved-from end behaves as a closed one. The destructor
///     closes. Each direction buffers in a ring. It is allocated for the first byte that must be
///     buffered, and kept until the end that reads from it is closed.
/// Ends: an end is reset when its execution context is destroyed. Pending handlers are destroyed
///     uninvoked; one that is bound to a living context gets `operation_aborted` there. A later
///     operation whose handler is bound to a living context completes there with `bad_descriptor`;
///     other handlers are destroyed uninvoked. The stream may outlive the context if its executor
///     may (a strand may not).
/// Threads: distinct objects are safe, the two ends of a pair included. Shared objects are unsafe.
///     Handlers are posted to their associated executor, by default that of the end, and never
///     called from inside a call. A handler may destroy both streams, also while the call that
///     started its operation is still running on another thread.
/// Cost: one uncontended lock a call. A byte is copied twice, or once if the other side is waiting.
///     An operation that waits takes its memory from the handler's associated allocator, by default
///     from the library's pool. Completing it allocates nothing if the executor takes an allocator.
///     Each call is O(bytes + buffers + operations that it completes).
///
///     auto [client, server] = bytes_handoff::make_duplex(context, 4096);
///     net::async_write(client, net::buffer("ping\n", 5), on_written);
///     net::async_read_until(server, net::dynamic_buffer(line), '\n', on_line);
///     context.run();
template <detail::DuplexExecutor Executor>
class BasicDuplexStream : public net::socket_base {
 public:
  using executor_type = Executor;
  template <typename OtherExecutor>
  struct rebind_executor {
    using other = BasicDuplexStream<OtherExecutor>;
  };

  /// For `make_duplex`.
  BasicDuplexStream(std::shared_ptr<detail::DuplexEnd> end, const Executor& executor)
      : executor_(executor), end_(std::move(end)) {
    end_->enter(detail::context_of(executor_));
  }
  BasicDuplexStream(BasicDuplexStream&& other) noexcept
      : executor_(other.executor_), end_(std::move(other.end_)) {}
  /// Takes over an end whose executor converts to this one's type.
  template <std::convertible_to<Executor> OtherExecutor>
  BasicDuplexStream(BasicDuplexStream<OtherExecutor>&& other) noexcept
      : executor_(other.executor_), end_(std::move(other.end_)) {}
  /// Closes what the target was before.
  BasicDuplexStream& operator=(BasicDuplexStream&& other) noexcept {
    BasicDuplexStream taken(std::move(other));
    std::swap(executor_, taken.executor_);
    std::swap(end_, taken.end_);
    return *this;
  }
  ~BasicDuplexStream() { leave(); }

  executor_type get_executor() const noexcept { return executor_; }
  /// Bytes that each direction buffers at most; 0 for a moved-from end.
  std::size_t capacity() const noexcept { return end_ == nullptr ? 0 : end_->capacity(); }
  /// False after `close`, a move from here, and the end of the execution context.
  bool is_open() const { return end_ != nullptr && end_->is_open(); }
  /// Bytes that can be read without waiting.
  std::size_t available() const { return end_ == nullptr ? 0 : end_->available(); }

  /// Always true: no call blocks. `non_blocking(false)` is `operation_not_supported`.
  bool non_blocking() const noexcept { return true; }
  void non_blocking(bool mode, net_error_code& error) noexcept {
    error = mode ? net_error_code() : net_error_code(net::error::operation_not_supported);
  }
  void non_blocking(bool mode) {
    or_throw([&](net_error_code& error) { return non_blocking(mode, error), 0; });
  }

  /// Reads what is there, up to the size of `buffers`. Returns how many bytes. At most the first 64
  /// non-empty buffers are used.
  ///
  /// Errors: `would_block` if nothing is there; `eof` behind the last byte, if the peer has closed
  ///     or shut its sending side, or after `shutdown_receive` here; `connection_reset` behind the
  ///     last byte of a peer that was reset; `bad_descriptor` if this end is closed.
  template <typename MutableBufferSequence>
  std::size_t read_some(const MutableBufferSequence& buffers, net_error_code& error) {
    static_assert(net::is_mutable_buffer_sequence<MutableBufferSequence>::value);
    return transfer(detail::PipeAct::kRead, buffers, error);
  }
  template <typename MutableBufferSequence>
  std::size_t read_some(const MutableBufferSequence& buffers) {
    return or_throw([&](net_error_code& error) { return read_some(buffers, error); });
  }

  /// Writes what fits: to the read that waits at the peer, or to the ring if none waits. Returns
  /// how many bytes. At most the first 64 non-empty buffers are used.
  ///
  /// Errors: `would_block` if the ring is full; `broken_pipe` if the peer has closed or shut its
  ///     receiving side, or after `shutdown_send` here; `connection_reset` if the peer was reset;
  ///     `bad_descriptor` if this end is closed; `no_memory` if there is none for the ring.
  template <typename ConstBufferSequence>
  std::size_t write_some(const ConstBufferSequence& buffers, net_error_code& error) {
    static_assert(net::is_const_buffer_sequence<ConstBufferSequence>::value);
    return transfer(detail::PipeAct::kWrite, buffers, error);
  }
  template <typename ConstBufferSequence>
  std::size_t write_some(const ConstBufferSequence& buffers) {
    return or_throw([&](net_error_code& error) { return write_some(buffers, error); });
  }

  /// Reads at least one byte. One read at a time; one write and any number of waits may be pending
  /// beside it.
  ///
  /// Completes: `void(error_code ec, std::size_t n)`, when at least one byte has been read, there
  ///     is nothing more to read, or `buffers` have no room.
  /// Errors: those of `read_some`, except `would_block`; `already_started` for a second read.
  /// Cancellation: all types, `cancel` and `close`: `operation_aborted`, and no byte was consumed.
  ///     A read whose outcome has been posted is not cancelled any more.
  /// Threads: the bytes behind `buffers` must stay valid until completion; the sequence is copied.
  template <typename MutableBufferSequence,
            net::completion_token_for<void(net_error_code, std::size_t)> Token =
                net::default_completion_token_t<executor_type>>
  auto async_read_some(const MutableBufferSequence& buffers, Token&& token = Token()) {
    static_assert(net::is_mutable_buffer_sequence<MutableBufferSequence>::value);
    return net::async_initiate<Token, void(net_error_code, std::size_t)>(
        detail::StartDuplex<BasicDuplexStream, detail::PipeAct::kRead>(*this), token, buffers);
  }

  /// Writes at least one byte. One write at a time.
  ///
  /// Completes: `void(error_code ec, std::size_t n)`, when at least one byte has been taken, none
  ///     ever will be, or `buffers` have no bytes.
  /// Errors: those of `write_some`, except `would_block`; `already_started` for a second write.
  /// Cancellation: as of `async_read_some`. A cancelled write has written nothing.
  /// Threads: as of `async_read_some`.
  template <typename ConstBufferSequence,
            net::completion_token_for<void(net_error_code, std::size_t)> Token =
                net::default_completion_token_t<executor_type>>
  auto async_write_some(const ConstBufferSequence& buffers, Token&& token = Token()) {
    static_assert(net::is_const_buffer_sequence<ConstBufferSequence>::value);
    return net::async_initiate<Token, void(net_error_code, std::size_t)>(
        detail::StartDuplex<BasicDuplexStream, detail::PipeAct::kWrite>(*this), token, buffers);
  }

  /// Waits until `read_some` (`wait_read`) or `write_some` (`wait_write`) would not block.
  /// `wait_error`: until the peer has closed or shut its receiving side. Any number may be pending.
  ///
  /// Completes: `void(error_code ec)`.
  /// Errors: `bad_descriptor` if this end is closed.
  /// Cancellation: as of `async_read_some`. O(1), however many waits are pending.
  template <net::completion_token_for<void(net_error_code)> Token =
                net::default_completion_token_t<executor_type>>
  auto async_wait(wait_type what, Token&& token = Token()) {
    using detail::PipeAct;
    const PipeAct act = what == wait_read    ? PipeAct::kWaitReadable
                        : what == wait_write ? PipeAct::kWaitWritable
                                             : PipeAct::kWaitBroken;
    return net::async_initiate<Token, void(net_error_code)>(
        detail::StartDuplex<BasicDuplexStream, PipeAct::kWaitReadable>(*this), token, act);
  }

  /// Aborts all operations that wait at this end with `operation_aborted`.
  void cancel() {
    if (const auto end = end_) end->cancel_all();
  }
  void cancel(net_error_code& error) {
    cancel();
    error.clear();
  }

  /// `shutdown_send`: the peer reads what remains, then `eof`; writes here are `broken_pipe`.
  /// `shutdown_receive`: writes of the peer are `broken_pipe`; what is buffered can be read, then
  /// `eof`. Waiting operations complete in the same way. A second time it changes nothing.
  ///
  /// Errors: `bad_descriptor` if this end is closed.
  void shutdown(shutdown_type what, net_error_code& error) {
    const auto end = end_;
    const bool is_open = end != nullptr && end->end(detail::PipeEnd::kShut, what != shutdown_send,
                                                    what != shutdown_receive);
    error = is_open ? net_error_code() : net_error_code(net::error::bad_descriptor);
  }
  void shutdown(shutdown_type what) {
    or_throw([&](net_error_code& error) { return shutdown(what, error), 0; });
  }

  /// Ends both directions. Operations that wait here complete with `operation_aborted`. The peer
  /// reads what remains, then `eof`; its writes are `broken_pipe`. What was not read here is
  /// dropped. A second time it changes nothing.
  void close() {
    if (const auto end = end_) end->end(detail::PipeEnd::kClosed);
  }
  void close(net_error_code& error) {
    close();
    error.clear();
  }

  /// As `close`, but the peer sees `connection_reset`, as of a TCP connection. Its writes fail with
  /// that, and its reads after what remains. If this end has shut its sending side first, the peer
  /// still reads `eof` behind the last byte. On a closed end it does nothing.
  void reset() noexcept {
    if (const auto end = end_) end->end(detail::PipeEnd::kReset);
  }

  /// What happens to the bytes on their way to this end, from now on.
  ///
  /// The path to the other end is that end's: each direction has its own.
  ///
  /// Errors: throws std::invalid_argument for a path that can never work, and std::bad_alloc.
  ///     Does nothing at an end that is closed.
  void set_incoming(const DuplexPath& path) {
    throw_if_invalid(path);
    std::unique_ptr<detail::PathDelay> delay;
    if (path.delay.count() != 0) {
      delay = std::make_unique<detail::PathDelayOn<Executor>>(executor_, path.delay);
    }
    if (const auto end = end_; end != nullptr && end->is_open()) {
      end->set_path(of_pipe(path), of_ends(path.fault), std::move(delay));
    }
  }

  /// The customization points of <bytes_handoff/end_write.hpp>.
  friend void end_write(BasicDuplexStream& stream, net_error_code& error) {
    stream.shutdown(shutdown_send, error);
  }
  friend void reset_connection(BasicDuplexStream& stream) noexcept { stream.reset(); }

 private:
  template <detail::DuplexExecutor>
  friend class BasicDuplexStream;
  template <typename, detail::PipeAct>
  friend class detail::StartDuplex;

  detail::PipeResult attempt(detail::PipeAct act, detail::PipeSegments segments) const noexcept {
    if (end_ == nullptr) return {detail::PipeStatus::kClosed, 0};
    return end_->attempt(act, segments);
  }

  static detail::PipePath of_pipe(const DuplexPath& path) noexcept {
    return {path.max_read,
            path.max_write,
            path.seed.value_or(0),
            path.seed.has_value(),
            path.fault == DuplexFault::none ? detail::PipePath::kUnlimited : path.fault_after,
            path.delay.count() != 0};
  }
  static detail::PathFault of_ends(DuplexFault fault) noexcept {
    using detail::PipeEnd;
    switch (fault) {
      case DuplexFault::sender_closes:
        return {PipeEnd::kClosed, PipeEnd::kNone, false};
      case DuplexFault::sender_resets:
        return {PipeEnd::kReset, PipeEnd::kNone, false};
      case DuplexFault::receiver_closes:
        return {PipeEnd::kNone, PipeEnd::kClosed, false};
      case DuplexFault::receiver_resets:
        return {PipeEnd::kNone, PipeEnd::kReset, false};
      case DuplexFault::path_fails:
        return {PipeEnd::kNone, PipeEnd::kNone, true};
      case DuplexFault::none:
      case DuplexFault::path_stalls:
        break;
    }
    return {};
  }

  template <typename Buffers>
  std::size_t transfer(detail::PipeAct act, const Buffers& buffers, net_error_code& error) {
    const detail::PipeResult result = attempt(act, detail::DuplexSegments(buffers).all());
    error = detail::duplex_error(result.status);
    return result.bytes;
  }

  template <typename Call>
  static auto or_throw(Call call) {
    net_error_code error;
    const auto result = call(error);
    if (error) throw net_system_error(error);
    return result;
  }

  void leave() noexcept {
    if (const auto end = std::move(end_)) end->leave();
  }

  Executor executor_;
  std::shared_ptr<detail::DuplexEnd> end_;
};

using DuplexStream = BasicDuplexStream<net::any_io_executor>;

/// Makes a connected pair: a `std::pair` of `BasicDuplexStream`. `first` and `second` say where the
/// ends run: each is an executor, or a context whose executor is used. Each direction buffers at
/// most `capacity` bytes.
///
/// The rings come from `block_source`, or from `operator new` if that is null. It must outlive both
/// ends and be safe to use from their threads. It must not call a duplex, since it is called under
/// the duplex's lock. Whatever it throws is `no_memory` for that write.
///
/// Errors: throws std::invalid_argument if `capacity` is 0, and std::bad_alloc.
/// Cost: one allocation. The rings are allocated later, each of `capacity` bytes, 64-byte aligned.
template <typename First, typename Second>
auto make_duplex(First&& first, Second&& second, std::size_t capacity,
                 std::pmr::memory_resource* block_source = nullptr) {
  if (capacity == 0) throw std::invalid_argument("make_duplex: capacity must be at least 1");
  const auto link = std::make_shared<detail::DuplexLink>(capacity, block_source);
  using One = BasicDuplexStream<decltype(detail::executor_at(first))>;
  using Two = BasicDuplexStream<decltype(detail::executor_at(second))>;
  // Braces evaluate in order, so a shared context shuts the first end down first.
  return std::pair<One, Two>{One({link, &link->ends[0]}, detail::executor_at(first)),
                             Two({link, &link->ends[1]}, detail::executor_at(second))};
}

/// Both ends live in one place.
template <typename Place>
auto make_duplex(Place&& place, std::size_t capacity,
                 std::pmr::memory_resource* block_source = nullptr) {
  return make_duplex(place, place, capacity, block_source);
}

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff
