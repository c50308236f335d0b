#include "roles/process/worker_pool.hpp"

#include <system_error>

#include "roles/process/exception_text.hpp"

namespace stream_harness {

WorkerPool::WorkerPool(std::size_t workers) {
  for (std::size_t i = 0; i < workers; ++i) workers_.push_back(std::make_unique<Worker>());
}

std::string WorkerPool::start(const OnError& on_error) {
  try {
    for (const auto& worker : workers_) {
      worker->thread = std::thread([&worker = *worker, on_error] {
        try {
          worker.context.run();
        } catch (...) {
          on_error(exception_text());
        }
        worker.ended.set_value();
      });
    }
  } catch (const std::system_error& error) {
    stop();
    return "cannot start " + std::to_string(workers_.size()) +
           " threads (--worker-threads): " + std::string(error.what());
  }
  return {};
}

void WorkerPool::finish(std::chrono::steady_clock::duration most) {
  const auto deadline = std::chrono::steady_clock::now() + most;
  for (const auto& worker : workers_) worker->keep_running.reset();
  for (const auto& worker : workers_) {
    if (worker->thread.joinable()) worker->ended.get_future().wait_until(deadline);
  }
  stop();
}

void WorkerPool::stop() {
  for (const auto& worker : workers_) worker->context.stop();
  for (const auto& worker : workers_) {
    if (worker->thread.joinable()) worker->thread.join();
  }
}

}  // namespace stream_harness
