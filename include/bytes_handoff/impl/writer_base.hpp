#pragma once

#include <chrono>
#include <memory>
#include <mutex>

#include "bytes_handoff/detail/net.hpp"
#include "bytes_handoff/detail/write_queue.hpp"
#include "bytes_handoff/impl/net_error.hpp"
#include "bytes_handoff/impl/writer_home.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

class WriterRegistry;

/// What handles, tickets and waiting operations see of a writer, whatever its stream: the queue,
/// and how to carry out what the queue asks for.
class WriterBase : public std::enable_shared_from_this<WriterBase> {
 public:
  WriterBase(const WriterBase&) = delete;
  WriterBase& operator=(const WriterBase&) = delete;
  virtual ~WriterBase() = default;

  [[nodiscard]] WriteQueue& queue() noexcept { return queue_; }
  [[nodiscard]] const std::shared_ptr<WriterHome>& home() const noexcept { return home_; }
  [[nodiscard]] const net::any_io_executor& executor() const noexcept { return home_->executor; }

  /// Carries out what a step of the queue asked for. From any thread, outside the queue's lock.
  void apply(Effects& effects) noexcept {
    effects.resume_all();
    if (effects.start_turn) {
      start_turn(effects.may_dispatch);
    }
    if (effects.ended) {
      post_end(effects.cancel_stream);
    }
  }

  void close() noexcept;
  void abort(Errc error) noexcept;

  /// Ends the queue with `timed_out` unless it has ended by then. Any thread.
  virtual void set_deadline(std::chrono::steady_clock::time_point deadline) = 0;

  /// The stream's context is being destroyed.
  void orphan(const void* context) noexcept {
    Effects effects;
    queue_.orphan(context, effects);
    effects.resume_all();
    forget_stream();
  }

 protected:
  WriterBase(const WriteHandoffConfig& config, net::any_io_executor executor)
      : queue_(config), home_(std::make_shared<WriterHome>(std::move(executor))) {}

  /// Posts a turn of the writer to the stream's executor, or dispatches it there. The queue sees to
  /// it that at most one is posted or running.
  virtual void start_turn(bool may_dispatch) noexcept = 0;
  /// Once, on the stream's executor: stops the timer and, where that is under way with the stream,
  /// asks it to cancel what it is doing for the writer.
  virtual void post_end(bool is_with_stream) noexcept = 0;
  virtual void forget_stream() noexcept = 0;

 private:
  friend class WriterRegistry;

  WriteQueue queue_;
  const std::shared_ptr<WriterHome> home_;
  WriterBase* next_ = nullptr;  // in the registry, under its lock
  WriterBase* previous_ = nullptr;
  bool registered_ = false;
};

/// One step of the queue: what it asks for is done at the end of the scope, also when that is left
/// by an exception.
class WriterStep {
 public:
  explicit WriterStep(WriterBase& writer) noexcept : writer_(writer) {}
  WriterStep(const WriterStep&) = delete;
  WriterStep& operator=(const WriterStep&) = delete;
  ~WriterStep() { writer_.apply(effects); }

  Effects effects;

 private:
  WriterBase& writer_;
};

inline void WriterBase::close() noexcept {
  WriterStep step(*this);
  queue_.close(step.effects);
}

inline void WriterBase::abort(Errc error) noexcept {
  WriterStep step(*this);
  queue_.abort(ErrorValue::of(error), step.effects);
}

/// The writers whose streams live on one execution context, so that what waits on them is destroyed
/// with it.
class WriterRegistry final : public net::execution_context::service {
 public:
  using key_type = WriterRegistry;
  inline static net::execution_context::id id;

  explicit WriterRegistry(net::execution_context& context)
      : net::execution_context::service(context), list_(std::make_shared<List>()) {}

  /// Outlives the context, so that a writer that does can still leave.
  class List {
   public:
    void add(WriterBase& writer) {
      const std::lock_guard lock(mutex_);
      writer.registered_ = true;
      writer.next_ = first_;
      if (first_ != nullptr) {
        first_->previous_ = &writer;
      }
      first_ = &writer;
    }

    void remove(WriterBase& writer) noexcept {
      const std::lock_guard lock(mutex_);
      if (writer.registered_) {
        unlink(writer);
      }
    }

    /// Takes one out that is still alive; null when there is none left.
    [[nodiscard]] std::shared_ptr<WriterBase> take() noexcept {
      const std::lock_guard lock(mutex_);
      std::shared_ptr<WriterBase> writer;
      while (writer == nullptr && first_ != nullptr) {
        writer = first_->weak_from_this().lock();
        unlink(*first_);
      }
      return writer;
    }

   private:
    void unlink(WriterBase& writer) noexcept {
      (writer.previous_ == nullptr ? first_ : writer.previous_->next_) = writer.next_;
      if (writer.next_ != nullptr) {
        writer.next_->previous_ = writer.previous_;
      }
      writer.next_ = writer.previous_ = nullptr;
      writer.registered_ = false;
    }

    std::mutex mutex_;
    WriterBase* first_ = nullptr;
  };

  [[nodiscard]] const std::shared_ptr<List>& list() const noexcept { return list_; }
  [[nodiscard]] const std::shared_ptr<WriterHomes>& homes() const noexcept { return homes_; }

 private:
  void shutdown() override {
    while (auto writer = list_->take()) {
      writer->orphan(&context());
    }
    homes_->empty_all();
  }

  std::shared_ptr<List> list_;
  std::shared_ptr<WriterHomes> homes_ = std::make_shared<WriterHomes>();
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
