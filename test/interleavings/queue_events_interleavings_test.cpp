// Every order in which threads bring about the events of a queue, and tell them.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/core/queue/departure.hpp"
#include "bytes_handoff/core/queue/write_queue_members.hpp"
#include "interleavings/explore_all.hpp"
#include "support/queue/queue_probes.hpp"
#include "support/stepping/stepping_sync.hpp"

namespace bytes_handoff::test {
namespace {

struct EventsShape {
  bool waits = false;   // a write for room
  bool writes = false;  // the writer takes what is there
  bool aborts = true;
  bool hook_writes = false;  // and is refused, once
};

/// A queue that is full, one who is refused, and who else there is. The hook is preempted, too.
class EventsProgram {
 public:
  using Queue = detail::BasicWriteQueue<SteppingSync>;
  using Kind = QueueEventKind;

  explicit EventsProgram(const EventsShape& shape) : shape_(shape), queue_(config()) {
    write("a");  // a turn is posted from now on
  }
  ~EventsProgram() {
    step([&](auto& effects) { queue_.abort(detail::ErrorValue::of(Errc::aborted), effects); });
    queue_.discard_unwritten();
  }
  EventsProgram(const EventsProgram&) = delete;
  EventsProgram& operator=(const EventsProgram&) = delete;

  [[nodiscard]] std::vector<std::function<void()>> bodies() {
    std::vector<std::function<void()>> all;
    all.emplace_back([this] { write("b"); });
    if (shape_.aborts) {
      all.emplace_back([this] {
        step([&](auto& effects) { queue_.abort(detail::ErrorValue::of(Errc::aborted), effects); });
        was_aborted_ = true;
      });
    }
    if (shape_.waits) {
      all.emplace_back([this] {
        step([&](auto& effects) { static_cast<void>(queue_.wait_room(waiter_, effects)); });
      });
    }
    if (shape_.writes) {
      all.emplace_back([this] { run(); });
    }
    return all;
  }

  // When all have returned, all is told, and by then nobody is in the hook.
  [[nodiscard]] std::string verdict() {
    if (!violation_.empty()) {
      return violation_;
    }
    const WriteStatistics seen = queue_.statistics({});
    if (inside_ != 0) {
      return "somebody is in the hook";
    }
    if (ended_ || was_aborted_) {
      return ended_ == was_aborted_ ? "" : "the end was not told";
    }
    // What was not written may be on its way: its turn is for nobody here.
    return seen.waiters != 0 && !waiting_                             ? "a waiter was not told"
           : seen.waiters == 0 && seen.pending_items == 0 && waiting_ ? "waiters that are gone"
           : has_refused_ && !refusing_ && !shape_.writes             ? "a refusal was not told"
                                                                      : "";
  }

 private:
  [[nodiscard]] WriteHandoffConfig config() {
    WriteHandoffConfig config;
    config.max_items = 1;
    config.on_event = [this](const QueueEvent& event) { hear(event); };
    return config;
  }

  void hear(const QueueEvent& event) {
    ++inside_;
    if (inside_ != 1) {
      violation_ = "told twice at once";
    }
    if (ended_) {
      violation_ = "an event behind the end";
    }
    bool& told = event.kind == Kind::ended                                         ? ended_
                 : event.kind == Kind::waiting || event.kind == Kind::nobody_waits ? waiting_
                                                                                   : refusing_;
    const bool begins =
        event.kind == Kind::ended || event.kind == Kind::waiting || event.kind == Kind::refusing;
    if (std::exchange(told, begins) == begins) {
      violation_ = "an event of a pair twice";
    }
    Stepper::mark();
    if (shape_.hook_writes && !std::exchange(hook_has_written_, true)) {
      write("c");
    }
    --inside_;
  }

  void write(const char* text) {
    Bytes bytes = Bytes::borrow_static(std::string_view(text));
    step([&](auto& effects) {
      has_refused_ = !queue_.try_write({&bytes, 1}, effects) || has_refused_;
    });
  }

  // The writer's turn, if there is one, until nothing is left.
  void run() {
    auto turn = Queue::Turn::kIdle;
    step([&](auto& effects) { turn = queue_.begin_turn(batch_, effects); });
    while (turn == Queue::Turn::kWrite) {
      const std::size_t all = batch_.bytes;
      step([&](auto& effects) { turn = queue_.finish_write({}, all, false, batch_, effects); });
    }
  }

  template <class Step>
  void step(Step call) {
    detail::Effects effects;
    call(effects);
    if (effects.tell_events) {
      Stepper::mark();  // another one may tell first
      queue_.tell_events();
    }
    effects.resume_all();
    effects.finish();
  }

  const EventsShape shape_;
  int inside_ = 0;
  bool refusing_ = false;
  bool waiting_ = false;
  bool ended_ = false;
  bool was_aborted_ = false;
  bool has_refused_ = false;
  bool hook_has_written_ = false;
  std::string violation_;
  WriteProbe waiter_{"w"};
  detail::WriteBatch batch_{};
  Queue queue_;
};

void explore_events(const EventsShape& shape, std::size_t least) {
  Bounds bounds;
  bounds.preemptions = 3;
  explore_all_of<EventsProgram>(shape, least, bounds);
}

TEST(QueueEventsInterleavings, ARefusalMeetsAnAbort) { explore_events({}, 20); }

TEST(QueueEventsInterleavings, WithAHookThatIsRefused) {
  EventsShape shape;
  shape.hook_writes = true;
  explore_events(shape, 20);
}

TEST(QueueEventsInterleavings, WithOneWhoWaits) {
  EventsShape shape;
  shape.waits = true;
  explore_events(shape, 200);
}

TEST(QueueEventsInterleavings, WithAWriter) {
  EventsShape shape;
  shape.writes = true;
  explore_events(shape, 200);
}

TEST(QueueEventsInterleavings, WithAWriterAndOneWhoWaits) {
  EventsShape shape;
  shape.waits = shape.writes = true;
  shape.aborts = false;
  explore_events(shape, 200);
}

}  // namespace
}  // namespace bytes_handoff::test
