#pragma once

// A scripted fault stream for the plain core: it stands where the front end, the executor and the
// stream stand, and plays their parts one step at a time.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "bytes_handoff/core/queue/departure.hpp"
#include "bytes_handoff/core/queue/write_queue.hpp"

namespace bytes_handoff::test {

/// How one stream operation ends. Bytes are taken first, then the error is reported.
struct Reply {
  std::size_t take = SIZE_MAX;  // at most what was offered
  detail::ErrorValue error = {};

  [[nodiscard]] static Reply all() { return {}; }
  [[nodiscard]] static Reply nothing() { return {0, {}}; }
  [[nodiscard]] static Reply only(std::size_t bytes) { return {bytes, {}}; }
  [[nodiscard]] static Reply fail(detail::ErrorValue error, std::size_t after = 0) {
    return {after, error};
  }
};

/// Drives the writer's side of `Queue`. Everything that a step of the queue asks for is carried out
/// as a front end would, but a posted turn only when the test says so. The first rule that the
/// queue breaks is kept in `violation()`.
template <class Queue>
class ScriptedStream {
 public:
  using Turn = typename Queue::Turn;

  /// Joins scattered slices up to `join_at_most` bytes; 0: takes them as they are.
  explicit ScriptedStream(Queue& queue, std::size_t join_at_most = 0,
                          detail::Entries entries = detail::Entries::kBytes)
      : queue_(&queue), entries_(entries), batch_(join_at_most) {}
  ScriptedStream(const ScriptedStream&) = delete;
  ScriptedStream& operator=(const ScriptedStream&) = delete;

  /// Operation `k` (from 0, the shutdown or the acknowledgement counted too) ends like this when
  /// `run()` meets it; all others like `otherwise`.
  void script(std::size_t k, Reply reply) { script_.insert_or_assign(k, reply); }
  void otherwise(Reply reply) { otherwise_ = reply; }

  /// Calls `step(effects)` and carries out what it asked for.
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

  void carry_out(detail::Effects& effects) {
    if (effects.tell_events) {
      queue_->tell_events();
    }
    effects.resume_all();
    if (effects.start_turn) {
      expect(!turn_posted_, "a second turn was posted");
      turn_posted_ = true;
    }
    if (effects.cancel_stream) {
      expect(outstanding_ == Outstanding::kWrite || outstanding_ == Outstanding::kShutdown,
             "cancelled with nothing outstanding");
      ++cancel_requests_;
    }
    watch_requests_ += effects.watch_time ? 1 : 0;
    ends_ += effects.ended ? 1 : 0;
    expect(ends_ <= 1, "ended twice");
    effects.finish();
  }

  [[nodiscard]] bool turn_posted() const { return turn_posted_; }
  [[nodiscard]] bool is_writing() const { return outstanding_ == Outstanding::kWrite; }
  [[nodiscard]] bool is_shutting_down() const { return outstanding_ == Outstanding::kShutdown; }
  /// Whether the front end is to wait until the peer has everything.
  [[nodiscard]] bool is_acknowledging() const { return outstanding_ == Outstanding::kAcknowledge; }
  [[nodiscard]] const detail::WriteBatch& batch() const { return batch_; }

  /// Runs the posted turn.
  Turn begin() {
    expect(std::exchange(turn_posted_, false), "a turn that nobody posted");
    return follow(step([this](detail::Effects& e) { return queue_->begin_turn(batch_, e); }));
  }

  /// The outstanding operation ends.
  Turn finish(Reply reply, bool yield = false) {
    const Outstanding ended = std::exchange(outstanding_, Outstanding::kNothing);
    ++operations_;
    if (ended == Outstanding::kShutdown || ended == Outstanding::kAcknowledge) {
      is_shut_down_ = ended == Outstanding::kShutdown && !reply.error;
      step([&](detail::Effects& e) { queue_->finish_shutdown(reply.error, e); });
      return Turn::kEnded;
    }
    expect(ended == Outstanding::kWrite, "nothing is outstanding");
    expect(text_of_batch() == offered_, "bytes changed while the stream was reading them");
    const std::size_t taken = std::min(reply.take, batch_.bytes);
    received_ += offered_.substr(0, taken);
    if (entries_ == detail::Entries::kMessages && !reply.error) {
      messages_.push_back(offered_ + (batch_.tag == 0 ? "" : '#' + std::to_string(batch_.tag)));
    }
    return follow(step([&](detail::Effects& e) {
      return queue_->finish_write(reply.error, taken, yield, batch_, e);
    }));
  }

  /// The context goes, and with it what was posted and what was outstanding.
  void destroy() {
    outstanding_ = Outstanding::kNothing;
    turn_posted_ = false;
  }

  /// Plays the script until neither a turn nor an operation is left.
  void run() {
    for (;;) {
      if (outstanding_ != Outstanding::kNothing) {
        const auto found = script_.find(operations_);
        finish(found == script_.end() ? otherwise_ : found->second);
      } else if (turn_posted_) {
        begin();
      } else {
        return;
      }
    }
  }

  /// What the peer got.
  [[nodiscard]] const std::string& received() const { return received_; }
  /// The messages that were written: the bytes of each, and its tag behind a `#`.
  [[nodiscard]] const std::vector<std::string>& messages() const { return messages_; }
  [[nodiscard]] std::size_t operations() const { return operations_; }
  [[nodiscard]] int cancel_requests() const { return cancel_requests_; }
  [[nodiscard]] int watch_requests() const { return watch_requests_; }
  [[nodiscard]] int ends() const { return ends_; }
  [[nodiscard]] bool is_shut_down() const { return is_shut_down_; }
  /// Empty: none.
  [[nodiscard]] const std::string& violation() const { return violation_; }

 private:
  enum class Outstanding { kNothing, kWrite, kShutdown, kAcknowledge };

  void expect(bool holds, std::string_view rule) {
    if (!holds && violation_.empty()) {
      violation_ = rule;
    }
  }

  Turn follow(Turn turn) {
    if (turn == Turn::kWrite) {
      outstanding_ = Outstanding::kWrite;
      if (batch_.must_join()) {
        queue_->join(batch_);
      }
      offered_ = text_of_batch();
      expect(batch_.count != 0 && batch_.count <= detail::kMaxBatchBuffers, "buffers of a batch");
      expect(offered_.size() == batch_.bytes, "bytes of a batch are not the sum of its buffers");
      if (entries_ == detail::Entries::kMessages) {
        expect(batch_.count == 1 && batch_.items == 1, "a batch is one message");
      } else {
        expect(batch_.bytes != 0 && batch_.bytes <= detail::kMaxBatchBytes, "bytes of a batch");
      }
      expect(batch_.items != 0 && batch_.items <= detail::kMaxBatchItems, "items of a batch");
    } else if (turn == Turn::kShutdown) {
      outstanding_ = Outstanding::kShutdown;
    } else if (turn == Turn::kAcknowledge) {
      outstanding_ = Outstanding::kAcknowledge;
    } else if (turn == Turn::kYield) {
      expect(!turn_posted_, "a second turn was asked for");
      turn_posted_ = true;
    }
    return turn;
  }

  [[nodiscard]] std::string text_of_batch() const {
    std::string text;
    for (std::size_t i = 0; i < batch_.count; ++i) {
      text.append(reinterpret_cast<const char*>(batch_.buffers[i].data), batch_.buffers[i].size);
    }
    return text;
  }

  Queue* queue_;
  const detail::Entries entries_;
  std::map<std::size_t, Reply> script_;
  Reply otherwise_;
  detail::WriteBatch batch_;
  std::string offered_;
  std::string received_;
  std::vector<std::string> messages_;
  std::string violation_;
  Outstanding outstanding_ = Outstanding::kNothing;
  bool turn_posted_ = false;
  bool is_shut_down_ = false;
  std::size_t operations_ = 0;
  int cancel_requests_ = 0;
  int watch_requests_ = 0;
  int ends_ = 0;
};

}  // namespace bytes_handoff::test
