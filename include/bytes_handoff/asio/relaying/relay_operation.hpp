#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "bytes_handoff/asio/reading/read_operation.hpp"
#include "bytes_handoff/asio/reading/reading.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/net_error.hpp"
#include "bytes_handoff/asio/support/post.hpp"
#include "bytes_handoff/asio/support/stream_exception.hpp"
#include "bytes_handoff/asio/support/stream_traits.hpp"
#include "bytes_handoff/asio/support/turn.hpp"
#include "bytes_handoff/asio/writing/initiation.hpp"
#include "bytes_handoff/core/reading/read_claim.hpp"
#include "bytes_handoff/core/relaying/relay_core.hpp"
#include "bytes_handoff/core/support/check.hpp"
#include "bytes_handoff/core/support/counted_pointer.hpp"
#include "bytes_handoff/core/support/waiting.hpp"
#include "bytes_handoff/ends.hpp"
#include "bytes_handoff/handoff_buffer.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

template <class Stream>
using ExecutorOf = std::remove_cvref_t<decltype(std::declval<Stream&>().get_executor())>;

/// What a relay has under way: something of `in`, of `out`, or beside both; or a look at the time.
enum class RelayPart : unsigned char { kIn, kOut, kBeside, kTime };

/// Who holds a relay: what it has under way, and what runs of it. With the last one it is over.
struct RelayReference {
  template <class Relay>
  static void add(Relay* relay) noexcept {
    relay->references_.fetch_add(1, std::memory_order_relaxed);
  }
  template <class Relay>
  static void drop(Relay* relay) noexcept {
    if (relay->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      relay->end();
    }
  }
};

/// The handler of what a relay has under way. It needs no handler of the user's: neither the
/// executor nor the allocator of that one is used before the relay is over.
template <class Relay, RelayPart kPart>
class RelayHandler : public KnowsCancellationItself {
  using Self = CountedPointer<Relay, RelayReference>;

 public:
  using executor_type = typename Relay::template PartExecutor<kPart>;
  using allocator_type = PoolAllocator<void>;
  using cancellation_slot_type = net::cancellation_slot;

  explicit RelayHandler(Self self) noexcept : relay_(std::move(self)) {}
  RelayHandler(RelayHandler&&) noexcept = default;
  RelayHandler& operator=(RelayHandler&&) = delete;
  ~RelayHandler() {
    if (relay_) {
      Relay& relay = *relay_;
      relay.template lose<kPart>(std::move(relay_));
    }
  }

  [[nodiscard]] executor_type get_executor() const noexcept {
    return relay_->template executor<kPart>();
  }
  [[nodiscard]] static allocator_type get_allocator() noexcept { return {}; }
  [[nodiscard]] cancellation_slot_type get_cancellation_slot() const noexcept {
    return relay_->template slot<kPart>();
  }
  /// For a read that has nothing under way.
  [[nodiscard]] bool is_cancelled() const noexcept { return relay_->reads_no_more(); }
  void operator()(const net_error_code& error = {}, std::size_t n = 0) noexcept {
    Relay& relay = *relay_;
    relay.template complete<kPart>(std::move(relay_), error, n);
  }

 private:
  Self relay_;
};

/// What both kinds of relay have in common: the reads, the cancellation, and the end. `Relay`
/// derives from it. It is one way of a tunnel, or a `LoneRelay`, whose `WaitingOp` keeps the user's
/// handler.
///
/// One step is under way at a time, and all that is not atomic belongs to that step. A cancellation
/// is remembered for the next step. `cancel_in` and `cancel_out` of the relay cancel what is under
/// way where those are used; who calls them there is the relay's owner.
template <class Relay, class In>
class RelayOperation : public Resumable {
 public:
  static constexpr const char* kName = "async_relay";

  RelayOperation(HandoffBuffer& buffer, In& in, const RelayOptions& options, bool flushes,
                 bool may_be_cancelled)
      : buffer_(&buffer),
        in_(&in),
        core_(options, flushes, to_error_value(net::error::operation_aborted)),
        in_context_(&context_of(in.get_executor())),
        may_be_cancelled_(may_be_cancelled) {}

  /// From the initiating function, which may run elsewhere than `in` is used. The handler is told
  /// of all that fails from here on.
  void start() noexcept {
    const auto self = Self::adopt(&relay());
    if (front_end::is_reading(*buffer_)) {
      core_.refuse(ErrorValue::of(Errc::read_in_progress));
    } else if (core_.begin(buffer_->size()) != RelayStep::kDone) {
      hop<RelayPart::kIn>(self);
    }
  }

  /// On any thread: no step begins from now on.
  void note_cancelled(net::cancellation_type_t type) noexcept {
    cancelled_by_.fetch_or(static_cast<unsigned>(type), std::memory_order_release);
  }

  /// For a tunnel, in front of `start`: what `in` sends first answers what it is yet to get.
  void expect_nothing_at_first() noexcept { expects_nothing_ = true; }

  /// For a tunnel: `in` is read no more. What it has delivered is passed on. Then it counts as
  /// failed with `aborted`, and `out` is ended so. It is called where `in` is used.
  void stop_reading() noexcept {
    if (const Self self = try_hold()) {
      stops_reading_.store(true, std::memory_order_release);
      self->cancel_read();
    }
  }

  /// On any thread.
  [[nodiscard]] const RelayProgress& progress() const noexcept { return core_.progress(); }

  [[nodiscard]] std::tuple<net_error_code, RelayCounts> results() const noexcept {
    const ErrorValue& error = core_.error();
    const bool is_lost = destroyed_context_ != nullptr && !error;
    return {is_lost ? to_net_error(Errc::closed) : to_net_error(error), core_.counts()};
  }

 protected:
  friend RelayReference;
  template <class, RelayPart>
  friend class RelayHandler;

  using Self = CountedPointer<Relay, RelayReference>;

  // What cancels what is under way at one place, on the executor there.
  struct Canceller {
    net::cancellation_signal signal;
    bool is_emitting = false;

    void emit(net::cancellation_type_t type) noexcept {
      is_emitting = true;
      try {
        signal.emit(type);
      } catch (...) {  // NOLINT: what cannot be cancelled returns by itself
      }
      is_emitting = false;
    }
    // Behind a step: what it has left there may lead to what is gone. Its memory is kept for the
    // next one.
    void forget_step() noexcept {
      if (!is_emitting && signal.slot().has_handler()) {
        signal.slot().template emplace<Nothing>();
      }
    }
    struct Nothing {
      void operator()(net::cancellation_type_t /*type*/) const noexcept {}
    };
  };

  [[nodiscard]] Relay& relay() noexcept { return static_cast<Relay&>(*this); }

  /// Nothing is under way on the executors any more.
  virtual void release_work() noexcept {}
  /// `in` has failed. What it has delivered is still to be passed on.
  virtual void on_input_failed(const ErrorValue& /*error*/) noexcept {}
  /// What somebody else was told of a connection that is lost: then its end is no end in order.
  [[nodiscard]] virtual ErrorValue in_lost_by() const noexcept { return {}; }

  [[nodiscard]] net::cancellation_type_t cancelled_by() const noexcept {
    return static_cast<net::cancellation_type_t>(cancelled_by_.load(std::memory_order_acquire));
  }
  [[nodiscard]] bool reads_no_more() const noexcept {
    return cancelled_by() != net::cancellation_type::none ||
           stops_reading_.load(std::memory_order_acquire);
  }

  /// For a tunnel, once `out` is to end in order: whether it may be closed, since nothing comes
  /// from it any more.
  [[nodiscard]] virtual bool may_close_out() const noexcept { return false; }

  /// Takes into account what was asked for on another thread.
  bool note_cancellation() noexcept {
    const bool is_cancelled = cancelled_by() != net::cancellation_type::none;
    if (is_cancelled) {
      core_.cancel();
    }
    const bool stops_reading = stops_reading_.load(std::memory_order_acquire);
    if (stops_reading) {
      core_.stop_reading();
    }
    return is_cancelled || stops_reading;
  }
  [[nodiscard]] RelayStep look_at_cancellation(RelayStep step) noexcept {
    return step != RelayStep::kDone && note_cancellation() ? core_.next() : step;
  }

  [[nodiscard]] RelayStep after_read(const ErrorValue& error, std::size_t n) noexcept {
    const ErrorValue cut = !error && n == 0 ? in_lost_by() : ErrorValue();
    const RelayStep next = core_.after_read(cut ? cut : error, n);
    if (core_.has_in_failed()) {
      on_input_failed(core_.error());
    }
    return next;
  }

  /// Starts what the stream, or the queue, completes or drops later. What it throws is an error.
  template <class Start>
  [[nodiscard]] InitiationResult initiate(Start start) noexcept {
    Initiation inside(this);
    BYTES_HANDOFF_HANDLER_LOCATION(kName);
    try {
      start();
    } catch (...) {
      if (inside.result().outcome != InitiationOutcome::kCompleted) {
        inside.complete(error_of_current_exception(), 0);
      }
    }
    return inside.result();
  }

  /// Goes on where that side is used: at once, if that is here.
  template <RelayPart kTo>
  void hop(const Self& self) noexcept {
    hop_by<kTo>(
        self, [](const auto& executor, auto there) { net::dispatch(executor, std::move(there)); });
  }
  /// The same, behind others on that executor.
  template <RelayPart kTo>
  void yield(const Self& self) noexcept {
    hop_by<kTo>(self,
                [](const auto& executor, auto there) { net::post(executor, std::move(there)); });
  }

  /// What is there is read at once. A stream that can tell when it is readable is waited for here:
  /// so nothing but a handler is kept meanwhile.
  [[nodiscard]] InitiationResult start_read(const Self& self) noexcept {
    using Handler = RelayHandler<Relay, RelayPart::kIn>;
    Reading<In> reading(*buffer_, *in_);
    const ReadStep step = begin_read(reading);
    if (step == ReadStep::kDone) {
      return {InitiationOutcome::kCompleted, reading.error(), reading.bytes()};
    }
    if constexpr (ReadinessReadStream<In>) {
      if (step == ReadStep::kWait) {
        front_end::pause_read(*buffer_);
        waits_.emplace(*buffer_);
        return initiate([&] { in_->async_wait(In::wait_read, Handler(self)); });
      }
    }
    return initiate([&] {
      ReadOperation<In, Reading<In>, NoWriteQueue, Handler>::go_on(reading, step, NoWriteQueue(),
                                                                   Handler(self));
    });
  }

  /// Behind a read: whether that was a wait, and it is to be tried now.
  [[nodiscard]] bool has_only_waited(const net_error_code& error) noexcept {
    if (!waits_) {
      waited_ = Waited::kNot;
      return false;
    }
    BYTES_HANDOFF_CHECK(waits_->has_buffer(), "HandoffBuffer: destroyed while a relay read");
    waits_.reset();
    waited_ = !error || error == net::error::eof             ? Waited::kForBytes
              : error == net::error::operation_not_supported ? Waited::kInVain
                                                             : Waited::kNot;
    return waited_ != Waited::kNot;
  }

  /// Another holder, unless it is over.
  [[nodiscard]] Self try_hold() noexcept {
    unsigned count = references_.load(std::memory_order_relaxed);
    while (count != 0) {
      if (references_.compare_exchange_weak(count, count + 1, std::memory_order_relaxed)) {
        return Self::adopt(&relay());
      }
    }
    return {};
  }

  [[nodiscard]] ReadStep begin_read(Reading<In>& reading) noexcept {
    switch (std::exchange(waited_, Waited::kNot)) {
      case Waited::kForBytes:
        return reading.after_wait({}, false);
      case Waited::kInVain:
        return reading.after_wait(net::error::operation_not_supported, false);
      case Waited::kNot:
        break;
    }
    return reading.begin(expects_nothing_);
  }

  // Nothing is under way any more. The handler may run before this returns.
  void end() noexcept {
    relay().take_back();
    waits_.reset();
    release_work();
    this->resume(destroyed_context_);
  }

  // The turn of the relay, on the executor of that side.
  template <RelayPart kTo>
  static void go_on(void* of, Turn::Outcome outcome) noexcept {
    Self self = Self::adopt(static_cast<Relay*>(of));
    Relay& relay = *self;
    if (outcome == Turn::Outcome::kTaken) {
      relay.template arrive<kTo>(self);
    } else {
      relay.template lose<kTo>(std::move(self));
    }
  }

  template <RelayPart kTo, class Submit>
  void hop_by(const Self& self, Submit submit) noexcept {
    BYTES_HANDOFF_HANDLER_LOCATION(kName);
    try {
      submit(relay().template executor<kTo>(),
             Posted<Turn, PoolAllocator<void>>(
                 Turn(Self(self).release(), &RelayOperation::go_on<kTo>), {}));
    } catch (...) {  // it cannot go on: what was lost is told
      destroyed_context_ = nullptr;
      core_.fail_out(to_error_value(net::error::no_memory));
    }
  }

  // For `in`, which is to be read now. A file, say, cannot be waited for.
  enum class Waited : unsigned char { kNot, kForBytes, kInVain };

  HandoffBuffer* buffer_;
  In* in_;
  RelayCore core_;
  const net::execution_context* const in_context_;
  const net::execution_context* destroyed_context_ = nullptr;
  std::optional<ReadClaim> waits_;  // for `in`
  std::atomic<unsigned> references_{1};
  std::atomic<unsigned> cancelled_by_{0};  // types of cancellation
  std::atomic<bool> stops_reading_{false};
  const bool may_be_cancelled_;
  bool expects_nothing_ = false;  // of its first read
  Waited waited_ = Waited::kNot;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
