#pragma once

#include <asio/executor_work_guard.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "transports/streams.hpp"

namespace stream_harness {

/// Threads with an io_context each. What is started on one context stays on its thread.
class WorkerPool {
 public:
  using OnError = std::function<void(std::string)>;

  explicit WorkerPool(std::size_t workers);
  ~WorkerPool() { stop(); }
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  [[nodiscard]] std::size_t size() const noexcept { return workers_.size(); }
  [[nodiscard]] net::io_context& context(std::size_t worker) noexcept {
    return workers_[worker]->context;
  }

  /// Starts the threads. `on_error` is called, from any of them, when a handler has thrown; that
  /// worker then runs no more. The error is that a thread cannot be started; then none is left.
  [[nodiscard]] std::string start(const OnError& on_error);

  /// Lets the threads end once nothing is left to do, and waits for that, but not for longer than
  /// `most`; then as `stop`.
  void finish(std::chrono::steady_clock::duration most);

  /// Ends the threads, whatever is under way, and waits for them. What has not completed is
  /// destroyed with the pool.
  void stop();

 private:
  struct Worker {
    net::io_context context{1};
    net::executor_work_guard<Executor> keep_running{context.get_executor()};
    std::promise<void> ended;
    std::thread thread;
  };

  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace stream_harness
