#pragma once

// Small concurrent programs on a write queue, for every order of their steps.

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bytes_handoff/detail/write_queue_impl.hpp"
#include "support/queue_probes.hpp"
#include "support/stepping_sync.hpp"

namespace bytes_handoff::test {

/// What a program is made of.
struct ProgramShape {
  WriteHandoffConfig config;
  std::size_t producers = 2;
  std::size_t writes = 1;  // of each producer, waiting for room
  std::size_t bytes_a_write = 1;
  std::size_t bytes_a_step = SIZE_MAX;  // that the stream takes at once
  bool with_tickets = false;            // waited for by their producer
  bool closes = true;
  bool aborts = false;
  bool cancels = false;  // the first write of the first producer
  bool flushes = false;
};

/// Producers, a writer, and who else the shape asks for. The test itself is the front end.
class WriteQueueProgram {
 private:
  template <class Step>
  auto step(Step&& call) {
    detail::Effects effects;
    if constexpr (std::is_void_v<decltype(call(effects))>) {
      call(effects);
      carry_out(effects);
    } else {
      auto result = call(effects);
      carry_out(effects);
      return result;
    }
  }

  // Another thread may run between a step and what it asked for.
  void carry_out(detail::Effects& effects) {
    Stepper::mark();
    effects.resume_all();
    if (effects.start_turn && std::exchange(is_turn_posted_, true)) {
      violation_ = "two turns were posted";
    }
    if (effects.ended && std::exchange(has_ended_, true)) {
      violation_ = "ended twice";
    }
  }

 public:
  using Sync = SteppingSync;
  using Queue = detail::BasicWriteQueue<Sync>;
  using Turn = Queue::Turn;

  explicit WriteQueueProgram(const ProgramShape& shape) : shape_(shape), queue_(shape.config) {
    for (std::size_t i = 0; i < shape.producers * shape.writes; ++i) {
      const auto letter = static_cast<char>('a' + i);
      writes_.emplace_back(std::string(shape.bytes_a_write, letter));
    }
    static_cast<void>(queue_.wait_closed(closed_));
  }

  [[nodiscard]] std::vector<std::function<void()>> bodies() {
    std::vector<std::function<void()>> all;
    for (std::size_t i = 0; i < shape_.producers; ++i) {
      all.emplace_back([this, i] { produce(i); });
    }
    all.emplace_back([this] { write(); });
    if (shape_.cancels) {
      all.emplace_back(
          [this] { step([this](detail::Effects& e) { queue_.cancel(writes_[0].probe, e); }); });
    }
    if (shape_.closes) {
      all.emplace_back([this] {
        step([this](detail::Effects& e) { queue_.close(e); });
        is_closed_ = true;
      });
    }
    if (shape_.aborts) {
      all.emplace_back([this] {
        step(
            [this](detail::Effects& e) { queue_.abort(detail::ErrorValue::of(Errc::aborted), e); });
        is_closed_ = true;
      });
    }
    if (shape_.flushes) {
      all.emplace_back([this] {
        if (!queue_.wait_flush(flush_)) {
          Stepper::wait_until([this] { return flush_.resumed != 0; });
        }
      });
    }
    return all;
  }

  [[nodiscard]] std::string verdict() {
    std::string admitted;
    for (std::size_t i = 0; i < writes_.size(); ++i) {
      if (std::string wrong = verdict_of(writes_[i]); !wrong.empty()) {
        return "write " + std::to_string(i) + " " + wrong;
      }
      admitted += writes_[i].is_admitted ? writes_[i].text : "";
    }
    std::string outcome = peer_;
    const auto unwritten = queue_.take_unwritten();
    if (!unwritten) {
      return "it has not ended";
    }
    for (const Bytes& bytes : *unwritten) {
      outcome += bytes.view();
    }
    if (!shape_.aborts && outcome != peer_) {
      return "closed, and not all was written";
    }
    if (!is_in_order(outcome, admitted)) {
      return "admitted " + admitted + ", left " + outcome;
    }
    if (queue_.pending_bytes() != 0 || queue_.pending_items() != 0) {
      return "pending after the end";
    }
    if (closed_.resumed != 1) {
      return "who waits for the end was not resumed once";
    }
    const WriteStatistics seen = queue_.statistics();
    if (seen.high_water_bytes > shape_.config.max_pending_bytes ||
        seen.high_water_items > shape_.config.max_items) {
      return "a bound was passed";
    }
    return violation_;
  }

 private:
  struct Write {
    explicit Write(std::string_view bytes) : text(bytes), probe(bytes) {}
    std::string text;
    BasicWriteProbe<Sync> probe;
    BasicTicketRef<Sync> ticket;
    TicketProbe done;
    bool is_admitted = false;
    bool began_after_close = false;
    bool had_to_wait = false;
  };

  void produce(std::size_t producer) {
    for (std::size_t i = 0; i < shape_.writes; ++i) {
      Write& write = writes_[producer * shape_.writes + i];
      if (shape_.with_tickets) {
        write.ticket = make_ticket<Sync>();
        write.probe.ticket = write.ticket.get();
      }
      write.began_after_close = is_closed_;
      const auto outcome =
          step([&](detail::Effects& e) { return queue_.wait_write(write.probe, e); });
      write.had_to_wait = outcome == Queue::Wait::kWaiting;
      if (write.had_to_wait) {
        Stepper::wait_until([&] { return write.probe.resumed != 0; });
      }
      write.is_admitted = !write.probe.refusal;
      if (shape_.with_tickets) {
        use_ticket(write);
      }
    }
  }

  static void use_ticket(Write& write) {
    if (!write.is_admitted) {
      write.ticket->release();
      return;
    }
    using WaitStart = detail::TicketState<Sync>::WaitStart;
    if (write.ticket->start_wait(write.done) == WaitStart::kWaiting) {
      Stepper::wait_until([&] { return write.done.resumed != 0; });
    }
  }

  void write() {
    detail::WriteBatch batch{};
    for (;;) {
      Stepper::wait_until([this] { return is_turn_posted_ || has_ended_; });
      if (!std::exchange(is_turn_posted_, false)) {
        return;
      }
      Turn turn = step([&](detail::Effects& e) { return queue_.begin_turn(batch, e); });
      while (turn == Turn::kWrite) {
        const std::size_t taken = std::min(shape_.bytes_a_step, batch.bytes);
        take(batch, taken);
        turn = step(
            [&](detail::Effects& e) { return queue_.finish_write({}, taken, false, batch, e); });
      }
      if (turn == Turn::kShutdown) {
        step([&](detail::Effects& e) { queue_.finish_shutdown({}, e); });
      }
    }
  }

  void take(const detail::WriteBatch& batch, std::size_t left) {
    for (std::size_t i = 0; i < batch.count && left != 0; ++i) {
      const std::size_t size = std::min(left, batch.buffers[i].size);
      peer_.append(reinterpret_cast<const char*>(batch.buffers[i].data), size);
      left -= size;
    }
  }

  [[nodiscard]] std::string verdict_of(const Write& write) const {
    if (write.probe.resumed != (write.had_to_wait ? 1 : 0)) {
      return "was resumed " + std::to_string(write.probe.resumed) + " times";
    }
    if (write.is_admitted && write.began_after_close) {
      return "was admitted after the close";
    }
    if (write.probe.owned[0].view() != (write.is_admitted ? "" : write.text)) {
      return "does not have its bytes where they belong";
    }
    if (write.is_admitted && shape_.with_tickets) {
      if (!write.ticket->is_done() || write.done.resumed > 1) {
        return "has a ticket that is not done, or done twice";
      }
      const detail::WriteResult& result = write.ticket->result();
      if (!shape_.aborts && (result.error || result.written != write.text.size())) {
        return "has a ticket with a wrong result";
      }
    }
    return {};
  }

  /// Whether `outcome` has every admitted write once, whole, a producer's in their order.
  [[nodiscard]] bool is_in_order(const std::string& outcome, const std::string& admitted) const {
    if (outcome.size() != admitted.size()) {
      return false;
    }
    std::vector<std::size_t> last(shape_.producers, 0);
    for (const Write& write : writes_) {
      const std::size_t index = static_cast<std::size_t>(write.text[0] - 'a');
      const std::size_t at = outcome.find(write.text);
      if (!write.is_admitted) {
        if (at != std::string::npos) return false;
        continue;
      }
      std::size_t& before = last[index / shape_.writes];
      if (at == std::string::npos || at + 1 <= before) {
        return false;
      }
      before = at + 1;
    }
    return true;
  }

  ProgramShape shape_;
  std::deque<Write> writes_;
  CloseProbe closed_;
  FlushProbe flush_;
  std::string peer_;
  std::string violation_;
  bool is_turn_posted_ = false;
  bool has_ended_ = false;
  bool is_closed_ = false;
  Queue queue_;
};

}  // namespace bytes_handoff::test
