#pragma once

// Executors that keep to the rules of Asio's and are as unhelpful as these allow: for handlers, and
// for coroutines; the streams keep theirs.

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <new>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/asio.hpp"
#include "support/stepping/seed.hpp"

namespace bytes_handoff::test {

enum class Hostility {
  elsewhere,  ///< runs each piece of work on another thread, and lets who submitted it wait until
              ///< it has finished, or for 5 ms
  late,       ///< runs nothing until `run_one` is called
  shuffled,   ///< likewise, in an order that a seed decides
};

template <class Allocator = std::allocator<void>>
class HostileExecutor;

/// What hostile executors submit to. It must outlive them, and all that is submitted.
class HostileContext : public net::execution_context {
 public:
  using executor_type = HostileExecutor<>;

  explicit HostileContext(Hostility how, std::uint64_t from_seed = seed()) : random_(from_seed) {
    if (how == Hostility::elsewhere) {
      for (unsigned i = 0; i < kThreads; ++i) {
        threads_.emplace_back([this] { run_as_worker(); });
      }
    }
    how_ = how;
  }
  HostileContext(const HostileContext&) = delete;
  HostileContext& operator=(const HostileContext&) = delete;
  /// Ends its threads; what has not run by then is destroyed.
  ~HostileContext() {
    {
      const std::lock_guard lock(mutex_);
      is_ending_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) {
      thread.join();
    }
    shutdown();
    while (!queue_.empty()) {
      take(queue_.begin()).first->finish(false);
    }
    destroy();
  }

  [[nodiscard]] executor_type get_executor() noexcept;

  /// Late and shuffled: runs one piece of work, on this thread. False when there is none.
  bool run_one() {
    std::unique_lock lock(mutex_);
    if (queue_.empty()) {
      return false;
    }
    auto next = queue_.begin();
    if (how_ == Hostility::shuffled) {
      std::advance(next, random_.between(0, queue_.size() - 1));
    }
    run(lock, take(next));
    return true;
  }

  /// Waits until nothing is queued, running, or announced by a tracked executor. Late and shuffled:
  /// runs what is queued. False when that does not come in time.
  [[nodiscard]] bool settle(std::chrono::steady_clock::duration patience) {
    const auto give_up = std::chrono::steady_clock::now() + patience;
    while (how_ != Hostility::elsewhere && run_one() &&
           std::chrono::steady_clock::now() < give_up) {
    }
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, give_up,
                               [this] { return unfinished_.empty() && tracked_ == 0; });
  }

  /// Whether this thread is running a piece of work of this context.
  [[nodiscard]] bool is_running_here() const noexcept { return running_here() == this; }
  /// While it is poor there is no memory for work that is submitted.
  void set_poor(bool is_poor) {
    const std::lock_guard lock(mutex_);
    is_poor_ = is_poor;
  }
  /// Pieces of work that were submitted, and not run inside of the call.
  [[nodiscard]] std::size_t submitted() const {
    const std::lock_guard lock(mutex_);
    return next_number_;
  }

 private:
  template <class>
  friend class HostileExecutor;

  static constexpr unsigned kThreads = 3;
  static constexpr std::chrono::milliseconds kLongestWait{5};

  struct Piece {
    virtual void finish(bool run) = 0;  // gives its memory back first

   protected:
    ~Piece() = default;
  };
  using Numbered = std::pair<Piece*, std::uint64_t>;

  template <class Function, class Allocator>
  struct PieceOf final : Piece {
    using Memory = typename std::allocator_traits<Allocator>::template rebind_alloc<PieceOf>;

    PieceOf(Function&& from, const Allocator& with) : function(std::move(from)), allocator(with) {}

    static Piece* make(Function function, const Allocator& with) {
      Memory memory(with);
      auto* place = std::allocator_traits<Memory>::allocate(memory, 1);
      return ::new (static_cast<void*>(std::to_address(place))) PieceOf(std::move(function), with);
    }
    void finish(bool run) override {
      Function taken(std::move(function));
      Memory memory(allocator);
      this->~PieceOf();
      std::allocator_traits<Memory>::deallocate(memory, this, 1);
      if (run) {
        std::move(taken)();
      }
    }

    Function function;
    Allocator allocator;
  };

  static const HostileContext*& running_here() noexcept {
    thread_local const HostileContext* context = nullptr;
    return context;
  }

  template <class Function, class Allocator>
  void submit(Function function, const Allocator& allocator) {
    if (is_poor()) {
      throw std::bad_alloc();
    }
    Piece* const piece = PieceOf<Function, Allocator>::make(std::move(function), allocator);
    std::unique_lock lock(mutex_);
    const std::uint64_t number = next_number_++;
    queue_.emplace_back(piece, number);
    unfinished_.push_back(number);
    if (how_ != Hostility::elsewhere) {
      return;
    }
    changed_.notify_all();
    changed_.wait_for(lock, kLongestWait, [&] { return !is_unfinished(number); });
  }

  [[nodiscard]] bool is_poor() const {
    const std::lock_guard lock(mutex_);
    return is_poor_;
  }

  [[nodiscard]] bool is_unfinished(std::uint64_t number) const {
    for (const std::uint64_t other : unfinished_) {
      if (other == number) {
        return true;
      }
    }
    return false;
  }

  Numbered take(std::list<Numbered>::iterator from) {
    const Numbered piece = *from;
    queue_.erase(from);
    return piece;
  }

  void run(std::unique_lock<std::mutex>& lock, Numbered piece) {
    lock.unlock();
    const HostileContext* const outer = std::exchange(running_here(), this);
    try {
      piece.first->finish(true);
    } catch (...) {
      running_here() = outer;
      lock.lock();
      unfinished_.remove(piece.second);
      throw;
    }
    running_here() = outer;
    lock.lock();
    unfinished_.remove(piece.second);
    changed_.notify_all();
  }

  void run_as_worker() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return is_ending_ || !queue_.empty(); });
      if (is_ending_) {
        return;
      }
      run(lock, take(queue_.begin()));
    }
  }

  void track() noexcept {
    const std::lock_guard lock(mutex_);
    ++tracked_;
  }
  void untrack() noexcept {
    const std::lock_guard lock(mutex_);
    --tracked_;
    changed_.notify_all();
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Hostility how_ = Hostility::elsewhere;
  Random random_;
  std::list<Numbered> queue_;
  std::list<std::uint64_t> unfinished_;  // queued or running
  std::uint64_t next_number_ = 0;
  std::size_t tracked_ = 0;
  bool is_poor_ = false;
  bool is_ending_ = false;
  std::vector<std::thread> threads_;
};

/// An executor of a `HostileContext`, with all the properties that those of an `io_context` have.
template <class Allocator>
class HostileExecutor {
  using Blocking = net::execution::blocking_t;
  using Work = net::execution::outstanding_work_t;
  using Relationship = net::execution::relationship_t;

 public:
  HostileExecutor(HostileContext& context, const Allocator& allocator) noexcept
      : context_(&context), allocator_(allocator) {}
  HostileExecutor(const HostileExecutor& other) noexcept
      : HostileExecutor(other, other.allocator_) {}
  // Asio's work guard leaves what was moved from undestroyed: it announces no work.
  HostileExecutor(HostileExecutor&& other) noexcept
      : context_(other.context_),
        is_tracked_(std::exchange(other.is_tracked_, false)),
        may_block_(other.may_block_),
        continues_(other.continues_),
        allocator_(other.allocator_) {}
  HostileExecutor& operator=(HostileExecutor other) noexcept {
    std::swap(context_, other.context_);
    std::swap(is_tracked_, other.is_tracked_);
    std::swap(may_block_, other.may_block_);
    std::swap(continues_, other.continues_);
    std::swap(allocator_, other.allocator_);
    return *this;
  }
  ~HostileExecutor() {
    if (is_tracked_) {
      context_->untrack();
    }
  }

  [[nodiscard]] bool running_in_this_thread() const noexcept { return context_->is_running_here(); }

  template <class Function>
  void execute(Function&& function) const {
    if (may_block_ && context_->is_running_here()) {
      std::decay_t<Function> taken(std::forward<Function>(function));
      std::move(taken)();
      return;
    }
    context_->submit<std::decay_t<Function>>(std::forward<Function>(function), allocator_);
  }

  [[nodiscard]] friend bool operator==(const HostileExecutor& a,
                                       const HostileExecutor& b) noexcept {
    return a.context_ == b.context_ && a.is_tracked_ == b.is_tracked_ &&
           a.may_block_ == b.may_block_ && a.continues_ == b.continues_ &&
           a.allocator_ == b.allocator_;
  }
  [[nodiscard]] friend bool operator!=(const HostileExecutor& a,
                                       const HostileExecutor& b) noexcept {
    return !(a == b);
  }

  [[nodiscard]] HostileExecutor require(Blocking::possibly_t) const noexcept {
    return changed(&HostileExecutor::may_block_, true);
  }
  [[nodiscard]] HostileExecutor require(Blocking::never_t) const noexcept {
    return changed(&HostileExecutor::may_block_, false);
  }
  [[nodiscard]] HostileExecutor require(Relationship::continuation_t) const noexcept {
    return changed(&HostileExecutor::continues_, true);
  }
  [[nodiscard]] HostileExecutor require(Relationship::fork_t) const noexcept {
    return changed(&HostileExecutor::continues_, false);
  }
  [[nodiscard]] HostileExecutor require(Work::tracked_t) const noexcept {
    HostileExecutor other(*this);
    if (!std::exchange(other.is_tracked_, true)) {
      context_->track();
    }
    return other;
  }
  [[nodiscard]] HostileExecutor require(Work::untracked_t) const noexcept {
    HostileExecutor other(*this);
    if (std::exchange(other.is_tracked_, false)) {
      context_->untrack();
    }
    return other;
  }
  template <class Other>
  [[nodiscard]] HostileExecutor<Other> require(net::execution::allocator_t<Other> with) const {
    return HostileExecutor<Other>(*this, with.value());
  }
  [[nodiscard]] HostileExecutor<> require(net::execution::allocator_t<void>) const {
    return HostileExecutor<>(*this, std::allocator<void>());
  }

  [[nodiscard]] HostileContext& query(net::execution::context_t) const noexcept {
    return *context_;
  }
  [[nodiscard]] Blocking query(Blocking) const noexcept {
    return may_block_ ? Blocking(net::execution::blocking.possibly)
                      : Blocking(net::execution::blocking.never);
  }
  [[nodiscard]] Relationship query(Relationship) const noexcept {
    return continues_ ? Relationship(net::execution::relationship.continuation)
                      : Relationship(net::execution::relationship.fork);
  }
  [[nodiscard]] Work query(Work) const noexcept {
    return is_tracked_ ? Work(net::execution::outstanding_work.tracked)
                       : Work(net::execution::outstanding_work.untracked);
  }
  [[nodiscard]] static constexpr net::execution::mapping_t query(
      net::execution::mapping_t) noexcept {
    return net::execution::mapping.thread;
  }
  template <class Other>
  [[nodiscard]] Allocator query(net::execution::allocator_t<Other>) const noexcept {
    return allocator_;
  }

 private:
  template <class>
  friend class HostileExecutor;

  template <class Other>
  HostileExecutor(const HostileExecutor<Other>& other, const Allocator& allocator) noexcept
      : context_(other.context_),
        is_tracked_(other.is_tracked_),
        may_block_(other.may_block_),
        continues_(other.continues_),
        allocator_(allocator) {
    if (is_tracked_) {
      context_->track();
    }
  }

  [[nodiscard]] HostileExecutor changed(bool HostileExecutor::*what, bool to) const noexcept {
    HostileExecutor other(*this);
    other.*what = to;
    return other;
  }

  HostileContext* context_;
  bool is_tracked_ = false;
  bool may_block_ = true;
  bool continues_ = false;
  [[no_unique_address]] Allocator allocator_;
};

inline HostileContext::executor_type HostileContext::get_executor() noexcept {
  return {*this, std::allocator<void>()};
}

static_assert(net::execution::is_executor<HostileExecutor<>>::value);
static_assert(net::can_require<HostileExecutor<>, net::execution::blocking_t::never_t>::value);
static_assert(
    net::can_require<HostileExecutor<>, net::execution::outstanding_work_t::tracked_t>::value);
static_assert(
    net::can_require<HostileExecutor<>, net::execution::allocator_t<std::allocator<char>>>::value);

}  // namespace bytes_handoff::test
