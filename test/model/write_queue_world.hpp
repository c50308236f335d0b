#pragma once

// A write queue and its model side by side: every operation is done to both, and every difference
// is a failure.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/bytes_mut.hpp"
#include "model/write_queue_model.hpp"
#include "support/counting_resource.hpp"
#include "support/pattern.hpp"
#include "support/queue_probes.hpp"
#include "support/scripted_stream.hpp"

namespace bytes_handoff::test {

struct QueueOperation {
  enum class Kind {
    kTry,
    kWait,
    kCancelWrite,
    kTurn,
    kReply,
    kNoProgress,
    kFlush,
    kCancelFlush,
    kWaitClosed,
    kCancelClosed,
    kTicketWait,
    kTicketCancel,
    kTicketDrop,
    kTick,
    kTakeUnwritten,
    kClose,
    kAbort,
    kOrphan,
  };
  static constexpr const char* kNames[] = {
      "try",         "wait",          "cancel_write", "turn",        "reply",
      "no_progress", "flush",         "cancel_flush", "wait_closed", "cancel_closed",
      "ticket_wait", "ticket_cancel", "ticket_drop",  "tick",        "take_unwritten",
      "close",       "abort",         "orphan"};
  Kind kind;
  std::uint64_t a;
  std::uint64_t b;
};

class QueueWorld {
 public:
  using Queue = detail::WriteQueue;
  using Turn = Queue::Turn;
  using Kind = QueueOperation::Kind;

  explicit QueueWorld(const WriteHandoffConfig& config)
      : config_(config), model_(config), queue_(config), stream_(queue_) {}

  /// Empty, or what went wrong.
  [[nodiscard]] std::string apply(const QueueOperation& op) {
    act(op);
    check();
    return failure_;
  }

  [[nodiscard]] bool is_open() const { return model_.is_open(); }

  /// Ends everything and checks what is left.
  [[nodiscard]] std::string finish(bool cleanly);

 private:
  struct TicketEntry {
    int id;
    TicketRef ticket;
    std::unique_ptr<TicketProbe> probe = std::make_unique<TicketProbe>();
    bool is_admitted = false;
    bool is_waiting = false;
  };

  void expect(bool holds, const std::string& what) {
    if (!holds && failure_.empty()) {
      failure_ = what;
    }
  }
  template <class Step>
  auto step(Step&& call) {
    return stream_.step(std::forward<Step>(call));
  }
  [[nodiscard]] bool is_outstanding() const {
    return stream_.is_writing() || stream_.is_shutting_down();
  }

  void act(const QueueOperation& op);
  void end_by_abort();

  // Slices of the current block, copies, literals and empty ones, `op.a` saying which.
  [[nodiscard]] std::vector<Bytes> make_slices(const QueueOperation& op) {
    std::vector<Bytes> slices;
    const std::size_t count = op.a % 8 == 0 ? op.a / 8 % 5 : 1;
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint64_t bits = op.b >> (8 * i);
      const std::size_t most = bits % 16 == 0 ? config_.max_pending_bytes + 2 : 12;
      const std::size_t size = (bits / 16) % most;
      const std::string text = pattern(size, made_);
      made_ += size;
      switch (bits % 5) {
        case 0:
          slices.push_back(Bytes::copy_of(text));
          break;
        case 1:
          slices.push_back(Bytes::from_owner(std::string(text)));
          break;
        case 2:
          slices.push_back(Bytes::from_static(literals_.emplace_back(text)));
          break;
        default:
          if (block_.capacity() < size) {
            block_ = BytesMut::with_capacity(std::max<std::size_t>(size, 1024), &source_);
          }
          block_.extend(text);
          slices.push_back(block_.split_to_frozen(size).value());
      }
    }
    return slices;
  }

  void submit(const QueueOperation& op, bool may_wait) {
    WriteProbe& probe = writes_.emplace_back(make_slices(op), "", &log_);
    QueueModel::Write write{static_cast<int>(writes_.size()) - 1, -1, {}};
    std::vector<const std::byte*> places;
    for (const Bytes& slice : probe.owned) {
      write.slices.emplace_back(slice.view());
      places.push_back(slice.data());
    }
    if (op.a % 3 != 0) {
      write.ticket = next_ticket_++;
      tickets_.push_back({write.ticket, make_ticket()});
      probe.ticket = tickets_.back().ticket.get();
    }
    const auto expected = model_.submit(write, may_wait);
    if (may_wait) {
      const auto outcome = step([&](detail::Effects& e) { return queue_.wait_write(probe, e); });
      expect(static_cast<int>(outcome) == static_cast<int>(expected), "wait_write's outcome");
    } else {
      const auto tried =
          step([&](detail::Effects& e) { return queue_.try_write(probe.slices, probe.ticket, e); });
      expect(tried.has_value() == (expected == QueueModel::Outcome::kAdmitted), "try_write");
      probe.refusal = tried ? std::nullopt : std::optional(tried.error());
    }
    if (expected == QueueModel::Outcome::kWaiting) {
      probe.name = "write " + std::to_string(write.waiter);
      waiting_texts_.push_back({write.waiter, write.slices, places});
    } else if (expected == QueueModel::Outcome::kAdmitted) {
      mark_admitted(probe);
    } else {
      compare(probe.refusal, model_.refusal);
      expect_bytes_back(probe, write.slices, places);
    }
  }

  void compare(const std::optional<detail::Refusal>& real,
               const std::optional<detail::Refusal>& expected) {
    expect(real && expected && real->reason == expected->reason &&
               real->attempted == expected->attempted && real->limit == expected->limit &&
               real->first_error == expected->first_error,
           "refused with something else");
  }

  void expect_bytes_back(WriteProbe& probe, const std::vector<std::string>& texts,
                         const std::vector<const std::byte*>& places) {
    for (std::size_t i = 0; i < texts.size(); ++i) {
      expect(probe.owned[i].view() == texts[i] && probe.owned[i].data() == places[i],
             "refused bytes did not come back as they were");
    }
    probe.owned.clear();
    if (probe.ticket != nullptr) {
      probe.ticket->release();
      std::erase_if(tickets_, [&](auto& entry) { return entry.ticket.get() == probe.ticket; });
    }
  }

  void mark_admitted(WriteProbe& probe) {
    for (const Bytes& slice : probe.owned) {
      expect(slice.empty(), "an admitted slice was not taken");
    }
    probe.owned.clear();
    for (TicketEntry& entry : tickets_) {
      entry.is_admitted = entry.is_admitted || entry.ticket.get() == probe.ticket;
    }
  }

  template <class Probe>
  void start(Probe& probe, const char* what, std::size_t id, bool expected, bool at_once) {
    expect(at_once == expected, std::string(what) + ": there at once or not");
    if (!at_once) {
      probe.name = std::string(what) + " " + std::to_string(id);
    }
  }

  template <class Probes>
  void cancel(Probes& probes, std::uint64_t which);
  void use_ticket(const QueueOperation& op);
  void turn();
  void reply(Reply with, bool yield);
  [[nodiscard]] Reply reply_of(const QueueOperation& op) const;
  void take_unwritten();
  void check();
  void check_resumed();
  void check_tickets();
  [[nodiscard]] std::string describe(const std::string& name);

  WriteHandoffConfig config_;
  CountingResource source_;
  std::deque<std::string> literals_;
  BytesMut block_;
  std::size_t made_ = 0;

  std::deque<WriteProbe> writes_;
  std::deque<FlushProbe> flushes_;
  std::deque<CloseProbe> closers_;
  std::deque<TicketEntry> tickets_;
  struct WaitingText {
    int waiter;
    std::vector<std::string> texts;
    std::vector<const std::byte*> places;
  };
  std::vector<WaitingText> waiting_texts_;
  int next_ticket_ = 0;
  ResumeLog log_;
  std::string failure_;
  bool is_destroyed_ = false;
  bool was_taken_ = false;
  std::chrono::steady_clock::time_point now_{std::chrono::seconds(1)};

  QueueModel model_;
  Queue queue_;
  ScriptedStream<Queue> stream_;
};

}  // namespace bytes_handoff::test
