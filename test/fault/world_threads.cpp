// A world whose context is run by several threads.

#include <atomic>
#include <thread>

#include "fault/world.hpp"

namespace bytes_handoff::test {

void World::start_threads() {
  strand_ = streams_->executor();
  switch (threads_.handlers) {
    case Threads::Handlers::kOnTheStreamsStrand:
      break;
    case Threads::Handlers::kOnAStrandOfTheirOwn:
      bound_ = net::make_strand(*context_);
      break;
    case Threads::Handlers::kOnAnyThread:
      bound_ = context_->get_executor();
      break;
  }
  pool_ = std::make_unique<Pool>(threads_.count, [this] { return run_handler(); });
}

bool World::is_program() const {
  return std::this_thread::get_id() == caller_ && !caller_runs_handlers_;
}

void World::resume() {
  if (pool_ != nullptr && pool_->is_parked() && !is_stopped_) {
    context_->restart();
    work_.emplace(context_->get_executor());
    pool_->resume();
  }
}

void World::stop_threads() {
  if (pool_ != nullptr) {
    pool_->park();
  }
}

void World::end_threads() {
  pool_.reset();
  work_.reset();
  strand_.reset();
  bound_.reset();
  if (destroyer_.joinable()) {
    destroyer_.join();
  }
}

// Before each call of the program, and before each rest. Looks seldom: what it looks at takes
// locks, which put in order what is to race.
void World::point() {
  if (points_++ == event_.step) {
    run_event();
  }
  if (out_ && is_seldom()) {
    expect(out_->pending_bytes() <= limits_.max_pending_bytes, "too many bytes are pending");
    expect(out_->pending_items() <= limits_.max_items, "too many items are pending");
  }
  if (context_ == nullptr || is_stopped_) {
    return;
  }
  resume();
  if (event_.kind == Event::Kind::kCancelSome && random_.one_in(2)) {
    cancel_nth(random_.between(0, 3), net::cancellation_type::total);
  }
  if (random_.one_in(6)) {
    post_time();
  }
  for (std::size_t i = random_.one_in(2) ? random_.between(1, 8) : 0; i != 0; --i) {
    std::this_thread::yield();
  }
}

void World::post_time() {
  if (strand_) {
    net::post(*strand_, [this] { pass_time(); });
  }
}

void World::settle_threads() {
  constexpr std::size_t kMost = 10'000;
  for (std::size_t n = 0; n < kMost; ++n) {
    point();
    if (destroyer_.joinable()) {
      destroyer_.join();
      check_all();
    }
    if (context_ == nullptr || is_stopped_) {
      return;
    }
    pool_->drain();
    check_all();
    work_.reset();
    context_->restart();
    caller_runs_handlers_ = true;
    const bool ran = run_handler();
    caller_runs_handlers_ = false;
    if (!ran && !pass_time()) {
      return;
    }
  }
  expect(false, "it never ends");
}

// A signal is emitted where its operation's handler runs, or while nothing does.
void World::emit(Operation& operation, net::cancellation_type type) {
  const bool is_anywhere =
      threads_.handlers == Threads::Handlers::kOnAnyThread && !operation.is_read;
  if (!is_threaded() || is_anywhere || pool_->is_parked()) {
    stop_threads();
    operation.signal.emit(type);
    return;
  }
  net::post(bound_ && !operation.is_read ? *bound_ : *strand_,
            [&operation, type] { operation.signal.emit(type); });
}

// While the program goes on, where its handlers are bound to nothing. What those are bound to must
// not be posted to meanwhile.
void World::destroy_context_meanwhile() {
  if (threads_.handlers != Threads::Handlers::kOnTheStreamsStrand) {
    destroy_context();
    return;
  }
  if (context_ == nullptr) {
    return;
  }
  end_threads();
  streams_->drop_streams();
  read_was_dropped_ = buffer_ && front_end::is_reading(*buffer_);
  std::atomic<bool> has_begun{false};
  destroyer_ = std::thread([&has_begun, context = std::move(context_)]() mutable {
    has_begun = true;
    context.reset();
  });
  while (!has_begun) {
    std::this_thread::yield();
  }
}

}  // namespace bytes_handoff::test
