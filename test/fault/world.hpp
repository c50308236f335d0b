#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "bytes_handoff/front_end.hpp"
#include "bytes_handoff/handoff_buffer.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "fault/ledger.hpp"
#include "fault/pool.hpp"
#include "fault/streams.hpp"
#include "support/memory/counting_resource.hpp"
#include "support/queue/writer_fixture.hpp"
#include "support/stepping/seed.hpp"

namespace bytes_handoff::test {

/// What happens to a program before one of its steps.
struct Event {
  /// `kCancelSome` is for threads alone: cancellations of what happens to be pending, all along.
  enum class Kind { kNone, kCancel, kDropHandles, kStop, kDestroyContext, kCancelSome };

  Kind kind = Kind::kNone;
  std::size_t step = SIZE_MAX;
  std::size_t operation = 0;  ///< for kCancel: which of those that are pending
  net::cancellation_type type = net::cancellation_type::none;
};

/// Where handlers run while the program goes on in a thread of its own.
struct Threads {
  enum class Handlers { kOnTheStreamsStrand, kOnAStrandOfTheirOwn, kOnAnyThread };

  std::size_t count = 0;  ///< 0: none, everything is stepped
  Handlers handlers = Handlers::kOnTheStreamsStrand;
  std::uint64_t seed = 0;  ///< for when the program waits a little, and when time passes
};

/// Where one program runs: one context that is stepped, a queue, a buffer, their streams. After
/// every step it holds the invariants; the first that is broken is kept in `violation()`.
///
/// A step is one turn of the context or, when that has nothing to do, the end of one operation that
/// a stream holds, or the next piece of the source.
///
/// With `Threads` nothing is stepped. What the program asks of its queue is called on its thread,
/// whatever the threads of the context do just then; its buffer is used on the streams' strand. The
/// invariants are held whenever these threads are parked, with nothing ready to run. An event comes
/// before a call of the program, or before the context's next rest.
///
/// What a program asks for that cannot be any more, since a fault or an event has taken the queue
/// or the context away, is left out.
class World {
 public:
  World(const Setting& setting, FaultPlan plan, const Event& event = {},
        const Threads& threads = {});
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World();

  // The queue. Sizes of slices; several make one submission.
  using Sizes = std::vector<std::size_t>;
  void spawn(const WriteHandoffConfig& config = {});
  void try_write(std::size_t size);
  void try_write_ticket(std::size_t size);
  void try_write_several(const Sizes& sizes);
  void try_write_several_with_ticket(const Sizes& sizes);
  void write(std::size_t size);
  void write_ticket(std::size_t size);
  void write_all(const Sizes& sizes);
  void write_all_ticket(const Sizes& sizes);
  /// At once: as the only one of several slices. On the stream's executor these leave in the call.
  void write_bytes(Bytes bytes, bool at_once = false);
  // Room first. A commit uses the permit that was granted first, if there is one.
  void try_reserve(std::size_t bytes, std::size_t items = 1);
  void reserve(std::size_t bytes, std::size_t items = 1);
  void commit(const Sizes& sizes);
  void drop_permits();
  enum class Cutting { kNone, kMayCut };
  void send(const Sizes& sizes, Cutting cutting = Cutting::kNone);
  void wait_for_tickets();
  void drop_tickets();
  void flush();
  void close(Waiters waiters = Waiters::refuse);
  void close_and_wait();
  void wait_closed();
  void abort();
  void abort_after_written();
  void copy_handle();
  void drop_handles();
  void take_unwritten();

  // The buffer.
  void open(HandoffBufferConfig config);
  void feed(std::initializer_list<const char*> pieces, bool then_end = true);
  /// Reads once, then calls `then(error, n)`.
  bool read(std::function<void(net_error_code, std::size_t)> then);
  /// Reads until the end, or too many errors, and calls `look()` whenever there are new bytes.
  void read_to_end(std::function<void()> look);
  /// The same for a whole line, which `look()` takes.
  bool wait_frame(std::function<void(net_error_code, std::size_t)> then);
  void wait_frames_to_end(std::function<void()> look);
  /// Passes on what is fed: to the queue, which it closes, or to the sink itself.
  enum class RelayTo { kQueue, kStream };
  void relay(RelayTo to);
  [[nodiscard]] Bytes split(std::size_t n);
  [[nodiscard]] Bytes freeze_all();
  void hand_the_tail_on(HandoffBufferConfig config);
  [[nodiscard]] std::string_view seen() const { return buffer_->peek_view(); }

  /// Cancels what was started last and is pending.
  void cancel(net::cancellation_type type = net::cancellation_type::total);
  void steps(std::size_t n);
  void settle();
  /// Lets everything come to its end, takes all down, and looks at what is left.
  void finish();

  /// Where handlers may be destroyed uninvoked, since a queue entry finds no memory.
  void allow_lost_handlers() { may_lose_handlers_ = true; }
  [[nodiscard]] const FaultPlan& plan() const { return plan_; }
  /// How many operations were pending before each step.
  [[nodiscard]] const std::vector<std::size_t>& pending_at() const { return pending_at_; }
  /// Where an event may come, when there are threads.
  [[nodiscard]] std::size_t points() const { return points_; }
  [[nodiscard]] const std::string& violation() const { return violation_; }

 private:
  using ReadOnce = bool (World::*)(std::function<void(net_error_code, std::size_t)>);
  void read_to_end(ReadOnce read_once, std::function<void()> look);

  struct Submission {
    std::vector<std::size_t> ids;
    std::vector<const std::byte*> data;
    Ledger::Lane lane = Ledger::Lane::kLine;
  };
  enum class Ticket { kDropped, kKept };
  struct Receipt {
    WriteTicket ticket;
    std::vector<std::size_t> ids;
    bool is_waited_for = false;
  };

  void expect(bool holds, const char* rule);
  [[nodiscard]] std::size_t pending_operations() const;
  template <class Call>
  bool in_library(Call call);
  template <class Function, class Start>
  bool start(const char* kind, Function function, Start start);

  [[nodiscard]] bool can_wait() const { return out_ && context_ != nullptr; }
  [[nodiscard]] bool is_threaded() const { return threads_.count != 0; }
  [[nodiscard]] std::unique_lock<std::mutex> lock() const { return std::unique_lock(mutex_); }
  [[nodiscard]] std::optional<WriteHandoff> handle() const;
  [[nodiscard]] bool is_duplex() const { return setting_.stream == StreamKind::kDuplex; }
  [[nodiscard]] Bytes make_slice(std::size_t size, Submission& of);
  [[nodiscard]] std::vector<Bytes> make_slices(const Sizes& sizes, Submission& of);
  void note(const Bytes& bytes, Submission& of);
  void admitted(const Submission& of, std::span<const Bytes> slices, WriteTicket ticket,
                Ticket what);
  void refused(const Submission& of, std::span<const Bytes> slices);
  template <class Submit>
  void submit_now(const Sizes& sizes, Ticket what, Submit submit);
  template <class Submit>
  void submit_waiting(Submission of, std::vector<Bytes> slices, Ticket what, Submit submit);
  void granted(WritePermit permit, std::size_t bytes, std::size_t items);
  void sent(const Submission& of, std::span<const Bytes> slices, const net_error_code& error,
            std::size_t n);
  void write_one(std::size_t size, Ticket what);
  void write_several(const Sizes& sizes, Ticket what);
  void ticket_told(const std::vector<std::size_t>& ids, const net_error_code& error, std::size_t n);

  bool step();
  void run_event();
  void cancel_nth(std::size_t nth, net::cancellation_type type);
  bool run_handler();
  bool run_one();
  bool pass_time();
  void emit(Operation& operation, net::cancellation_type type);
  void destroy_context();

  // With threads.
  void start_threads();
  void resume();
  void point();
  void post_time();
  /// False mostly, with threads.
  [[nodiscard]] bool is_seldom() { return !is_threaded() || random_.one_in(6); }
  void settle_threads();
  void stop_threads();
  void end_threads();
  void destroy_context_meanwhile();
  [[nodiscard]] bool is_program() const;

  void come_to_rest();
  void cancel_all();
  void check();
  void check_all();
  void check_buffer();
  void relayed(std::size_t id, RelayTo to, const net_error_code& error, const RelayCounts& counts);
  void check_queue();
  void check_rest();
  void check_reserved();
  void check_unwritten();
  void check_handlers();

  const Setting setting_;
  FaultPlan plan_;
  const Event event_;
  const Threads threads_;
  bool is_stopped_ = false;
  bool may_lose_handlers_ = false;
  std::vector<std::size_t> pending_at_;
  std::atomic<std::size_t> exceptions_{0};  // that came out of the context
  std::string violation_;
  std::mutex violation_mutex_;

  CountingResource blocks_;
  std::vector<std::weak_ptr<std::string>> slices_;
  std::deque<Operation> operations_;
  std::unique_ptr<net::io_context> context_;
  std::unique_ptr<Streams> streams_;

  // What follows is used by handlers, too, where it is not their own: under the mutex, which is not
  // held in the library.
  mutable std::mutex mutex_;
  Ledger ledger_;
  WriteHandoffConfig limits_;
  std::optional<WriteHandoff> out_;
  std::optional<WriteHandoff> copy_;
  std::deque<Receipt> receipts_;
  std::deque<WritePermit> permits_;
  std::vector<std::vector<std::size_t>> told_;  // that they are written, by tickets
  std::string returned_;                        // by take_unwritten
  std::atomic<bool> lets_waiters_in_{false};    // by a close, or a relay on its strand
  bool was_closed_ = false;
  std::size_t admitted_at_close_ = 0;

  DelimiterFramer lines_{"\n"};
  std::optional<HandoffBuffer> buffer_;
  std::deque<std::string> pieces_;  // "" is the end
  std::string fed_;
  std::string consumed_;
  std::size_t failed_reads_ = 0;
  bool read_was_dropped_ = false;         // with its context: nobody knows how much it was given
  std::atomic<bool> is_relaying_{false};  // or was, when the context went

  const std::thread::id caller_ = std::this_thread::get_id();
  bool caller_runs_handlers_ = false;
  std::size_t points_ = 0;
  Random random_;
  std::optional<net::any_io_executor> strand_;  // the streams'
  std::optional<net::any_io_executor> bound_;   // what handlers are bound to
  std::optional<net::executor_work_guard<net::io_context::executor_type>> work_;
  std::unique_ptr<Pool> pool_;
  std::thread destroyer_;  // of the context
};

// What may be thrown: that there is no memory, and that a stream of the program's own cannot start.
template <class Call>
bool World::in_library(Call call) {
  try {
    const InLibrary in_library;
    call();
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  } catch (const InjectedFault&) {
    return false;
  }
}

// Where the stream's executor is of a concrete type, handlers are bound to one, too: what they are
// not bound to is type-erased. When an operation could not even start, nothing listens to its slot
// any more.
template <class Function, class Start>
bool World::start(const char* kind, Function function, Start start) {
  Operation& operation = [&]() -> Operation& {
    const auto locked = lock();
    return operations_.emplace_back(kind, kRunsWhereItReads<Function>);
  }();
  Watched<Function> handler(operation, std::move(function));
  const Operation* const outer = std::exchange(Operation::starting, &operation);
  const bool was_started = in_library([&] {
    if constexpr (!kRunsWhereItReads<Function>) {
      if (bound_) {
        start(net::bind_executor(*bound_, std::move(handler)));
        return;
      }
      if (setting_.executor == ExecutorKind::kConcrete) {
        start(net::bind_executor(context_->get_executor(), std::move(handler)));
        return;
      }
    }
    start(std::move(handler));
  });
  Operation::starting = outer;
  expect(!operation.was_called_inside, "a handler was called from inside the initiating function");
  if (!was_started) {
    operation.was_started = false;
    operation.signal.emit(net::cancellation_type::total);
  }
  operation.is_starting.store(false, std::memory_order_release);
  check();
  return was_started;
}

}  // namespace bytes_handoff::test
