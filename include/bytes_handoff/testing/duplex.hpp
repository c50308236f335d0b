#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <memory_resource>
#include <utility>

#include "bytes_handoff/asio/duplex/duplex_link.hpp"
#include "bytes_handoff/asio/support/net.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {
struct DuplexAccess;
}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail

namespace bytes_handoff {
inline namespace BYTES_HANDOFF_FLAVOUR {

template <typename Executor>
concept DuplexExecutor =
    net::is_executor<Executor>::value || net::execution::is_executor<Executor>::value;

template <typename Context>
concept DuplexContext = std::convertible_to<Context&, net::execution_context&>;

/// One end of a pair of bounded, in-memory byte streams: what is written to one end is read from
/// the other, in order, at most `capacity()` bytes buffered each way. It has the operations of a
/// connected stream socket (AsyncReadStream, AsyncWriteStream, non-blocking calls, readiness waits,
/// half-close), so that protocol code can be tested, and measured, without a network.
///
/// Not for passing messages between threads of one program: an `experimental::channel`, or a queue
/// of owned buffers, does that without copying the bytes. It keeps no message boundaries.
///
/// Both ends are made by `make_duplex` and may live on different executors and threads. An end may
/// be moved, with operations pending too; a moved-from end behaves as a closed one. Destroying an
/// end closes it. The ring of a direction is allocated when the first byte must be buffered, and
/// kept until the end that reads from it is closed.
///
/// When an end's execution context is destroyed, the end is closed by a reset, as by `reset`. A
/// pending handler is destroyed uninvoked; but one that is bound to another, living context gets
/// `operation_aborted` there. The streams may be destroyed later, if their executors may (a strand
/// may not). An operation that is started later completes with `bad_descriptor` on a living context
/// that its handler is bound to; else its handler is destroyed uninvoked.
///
/// Thread safety: distinct objects, the two ends of a pair included: safe. Shared objects: unsafe.
/// Handlers are never invoked from within the call that starts or settles an operation; they are
/// posted to their associated executor, by default that of the end. A handler may destroy both
/// streams, also while the call that started its operation is still running on another thread.
///
/// Cost: one uncontended lock a call; each byte is copied once into the ring and once out, or only
/// once where the other side waits already. An operation that completes at once allocates only what
/// its executor needs to post. One that waits takes its memory from the handler's associated
/// allocator, or where that is the default from the library's pool; its completion allocates
/// nothing, where the executor takes an allocator. Each operation, also a cancellation of one, is
/// O(bytes + buffers + operations that it completes), however many wait.
///
///     auto [client, server] = bytes_handoff::make_duplex(context.get_executor(), 4096);
///     net::async_write(client, net::buffer("ping\n", 5), on_written);
///     net::async_read_until(server, net::dynamic_buffer(line), '\n', on_line);
///     context.run();
template <DuplexExecutor Executor>
class BasicDuplexStream : public net::socket_base {
 public:
  using executor_type = Executor;

  template <typename OtherExecutor>
  struct rebind_executor {
    using other = BasicDuplexStream<OtherExecutor>;
  };

  BasicDuplexStream(BasicDuplexStream&& other) noexcept;
  /// Closes what the target was before.
  BasicDuplexStream& operator=(BasicDuplexStream&& other) noexcept;
  /// Takes an end over whose executor converts to this one's type; for instance from
  /// `io_context::executor_type` to `any_io_executor`.
  template <DuplexExecutor OtherExecutor>
  requires(!std::same_as<OtherExecutor, Executor> &&
           std::convertible_to<const OtherExecutor&, Executor>)
      BasicDuplexStream(BasicDuplexStream<OtherExecutor>&& other)
  noexcept;
  /// As `close`.
  ~BasicDuplexStream();

  executor_type get_executor() const noexcept { return executor_; }
  /// Bytes that each direction buffers at most; 0 for a moved-from end.
  std::size_t capacity() const noexcept;
  /// False after `close`, a move from here, and the end of the execution context.
  bool is_open() const;
  /// Bytes that can be read without waiting.
  std::size_t available() const;

  /// No call ever blocks, so this is always true; `non_blocking(false, ec)` sets
  /// `operation_not_supported`.
  bool non_blocking() const noexcept { return true; }
  void non_blocking(bool mode, net_error_code& error) noexcept;
  void non_blocking(bool mode);

  /// Reads what is there, up to the size of `buffers`. Returns how many bytes: 0 for buffers
  /// without room, and with an error: `would_block` when nothing is there, `eof` behind the last
  /// byte of a peer that has shut its sending side or closed (or behind one's own
  /// `shutdown_receive`), `bad_descriptor` when this end is closed. At most the first 64 non-empty
  /// buffers are used.
  template <typename MutableBufferSequence>
  std::size_t read_some(const MutableBufferSequence& buffers, net_error_code& error);
  template <typename MutableBufferSequence>
  std::size_t read_some(const MutableBufferSequence& buffers);

  /// Writes what fits: into the read that waits at the peer, and only where none waits into the
  /// ring, so that bytes are not copied twice when the peer could take the next ones itself.
  /// Returns how many bytes: 0 for buffers without bytes, and with an error: `would_block` when the
  /// ring is full, `broken_pipe` when the peer has closed or shut its receiving side, or this end
  /// has shut its sending side, `bad_descriptor` when this end is closed, `no_memory` when there is
  /// none for the ring. At most the first 64 non-empty buffers are used.
  template <typename ConstBufferSequence>
  std::size_t write_some(const ConstBufferSequence& buffers, net_error_code& error);
  template <typename ConstBufferSequence>
  std::size_t write_some(const ConstBufferSequence& buffers);

  /// Starts a read that completes when at least one byte was read, there is nothing more to read,
  /// or `buffers` have no room. Signature `void(error_code, std::size_t)`; results and errors are
  /// those of `read_some`, but for `would_block`.
  ///
  /// One read at a time for each end (a second one trips an assertion, and fails with
  /// `already_started` where these are off); waits, and one write, may be pending beside it. The
  /// bytes behind `buffers` must stay valid until the handler is called; the sequence is copied.
  ///
  /// Cancellation (`cancel`, `close`, or per operation: terminal, partial and total alike): it
  /// completes with `operation_aborted`. Nothing is lost: no byte was consumed. An operation whose
  /// outcome has been posted is no longer cancelled.
  template <typename MutableBufferSequence,
            net::completion_token_for<void(net_error_code, std::size_t)> Token =
                net::default_completion_token_t<executor_type>>
  auto async_read_some(const MutableBufferSequence& buffers, Token&& token = Token());

  /// Starts a write that completes when at least one byte was taken, none ever will be, or
  /// `buffers` have no bytes. Signature `void(error_code, std::size_t)`; results and errors are
  /// those of `write_some`, but for `would_block`. Overlap, lifetimes and cancellation are those of
  /// `async_read_some`: a cancelled write has written nothing.
  template <typename ConstBufferSequence,
            net::completion_token_for<void(net_error_code, std::size_t)> Token =
                net::default_completion_token_t<executor_type>>
  auto async_write_some(const ConstBufferSequence& buffers, Token&& token = Token());

  /// Completes when `read_some` (`wait_read`) or `write_some` (`wait_write`) would not return
  /// `would_block`, or when the peer has closed or shut its receiving side (`wait_error`).
  /// Signature `void(error_code)`: success, `operation_aborted` when cancelled, `bad_descriptor`
  /// when this end is closed. Any number of waits may be pending. It holds no buffer.
  ///
  /// Cancellation, as of `async_read_some`. Nothing is lost. O(1), however many waits are pending.
  template <net::completion_token_for<void(net_error_code)> Token =
                net::default_completion_token_t<executor_type>>
  auto async_wait(wait_type what, Token&& token = Token());

  /// Aborts all operations that wait at this end with `operation_aborted`.
  void cancel();
  void cancel(net_error_code& error);

  /// `shutdown_send`: the peer reads what remains, then `eof`; a write that waits here, and every
  /// later one, is `broken_pipe`. `shutdown_receive`: writes of the peer are `broken_pipe`; what is
  /// buffered can still be read, then `eof`. Doing it again changes nothing. `bad_descriptor` when
  /// this end is closed.
  void shutdown(shutdown_type what, net_error_code& error);
  void shutdown(shutdown_type what);

  /// Ends both directions: own pending operations complete with `operation_aborted`, the peer reads
  /// what remains and then `eof`, its writes are `broken_pipe`. What was not yet read here is
  /// dropped. Closing again changes nothing.
  void close();
  void close(net_error_code& error);

  /// Ends both directions at once, as the reset of a TCP connection does. As `close`, but the peer
  /// can tell that this is not all: it reads what remains and then `connection_reset`, its writes
  /// are `connection_reset` too. Where this end had shut its sending side before, what it sent was
  /// all: the peer reads `eof`. Nothing happens to an end that is closed.
  void reset() noexcept;

  /// How a `WriteHandoff` ends it, in order or not.
  friend void end_write(BasicDuplexStream& stream, net_error_code& error) {
    stream.shutdown(shutdown_send, error);
  }
  friend void reset_connection(BasicDuplexStream& stream) noexcept { stream.reset(); }

 private:
  template <DuplexExecutor>
  friend class BasicDuplexStream;
  friend struct detail::DuplexAccess;

  BasicDuplexStream(std::shared_ptr<detail::DuplexLink> link, detail::DuplexSide side,
                    const Executor& executor);

  void leave() noexcept;

  Executor executor_;
  std::shared_ptr<detail::DuplexLink> link_;
  detail::DuplexSide side_;
};

using DuplexStream = BasicDuplexStream<net::any_io_executor>;

/// Makes a connected pair, the ends on `first` and `second`, that buffers at most `capacity` bytes
/// each way. One allocation, and two lookups in the executors' contexts; the rings are allocated
/// later, each of `capacity` bytes, 64-byte aligned. Where that fails, as it does past a quarter of
/// the address space, a write that nobody is reading for fails with `no_memory`. Throws
/// std::invalid_argument for a capacity of 0.
///
/// `block_source` is where the rings come from; null for `operator new`. It must outlive both ends,
/// be safe to use from every thread that uses one, and not call a duplex, which calls it locked.
/// Whatever it throws is `no_memory` for that write.
template <DuplexExecutor First, DuplexExecutor Second>
std::pair<BasicDuplexStream<First>, BasicDuplexStream<Second>> make_duplex(
    const First& first, const Second& second, std::size_t capacity,
    std::pmr::memory_resource* block_source = nullptr);

/// Both ends on one executor.
template <DuplexExecutor Executor>
std::pair<BasicDuplexStream<Executor>, BasicDuplexStream<Executor>> make_duplex(
    const Executor& executor, std::size_t capacity,
    std::pmr::memory_resource* block_source = nullptr);

/// On the executors of execution contexts.
template <DuplexContext First, DuplexContext Second>
auto make_duplex(First& first, Second& second, std::size_t capacity,
                 std::pmr::memory_resource* block_source = nullptr);
template <DuplexContext Context>
auto make_duplex(Context& context, std::size_t capacity,
                 std::pmr::memory_resource* block_source = nullptr);

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff

#include "bytes_handoff/asio/duplex/duplex.hpp"
