#include "roles/service/service_run.hpp"

#include <asio/dispatch.hpp>
#include <asio/post.hpp>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "contenders/splice_pipe.hpp"
#include "report/error_log.hpp"
#include "roles/process/connection_dealer.hpp"
#include "roles/process/descriptor_limit.hpp"
#include "roles/process/exception_text.hpp"
#include "roles/process/first_error.hpp"
#include "roles/process/shutdown_stages.hpp"
#include "roles/process/supervise_run.hpp"
#include "roles/service/connection_clock.hpp"
#include "roles/service/ready_file.hpp"
#include "roles/service/service_worker.hpp"
#include "transports/stream_end.hpp"

namespace stream_harness {
namespace {

using bytes_handoff::expected;
using bytes_handoff::unexpected;
using Clock = std::chrono::steady_clock;

// Sockets of connections that have ended may still wait for the end of their sinks.
constexpr std::chrono::seconds kLongestLinger{1};

class Service {
 public:
  explicit Service(const Options& options)
      : options_(options),
        sink_protocol_(to_endpoint(options.sink_addr).protocol()),
        memory_budget_(budget_of(options)),
        pool_(options.worker_threads),
        dealer_(pool_,
                {[this](std::size_t worker) { return prepare(worker); },
                 [this](std::size_t worker, TcpStream in) { accepted(worker, std::move(in)); },
                 [this](const std::string& error) { fail(error); }}) {
    for (std::size_t i = 0; i < pool_.size(); ++i) {
      workers_.push_back(
          std::make_unique<ServiceWorker>(options, memory_budget_, [this] { connection_ended(); }));
    }
  }

  ~Service() { pool_.stop(); }
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // The error that prevents it.
  [[nodiscard]] std::string open() {
    if (auto error = dealer_.listen(options_.service_addr); !error.empty()) return error;
    dealer_.start();
    if (auto error = pool_.start([this](const std::string& text) { fail(text); }); !error.empty()) {
      return error;
    }
    if (options_.ready_file.empty()) return {};
    return write_ready_file(options_.ready_file, to_text(dealer_.endpoint()));
  }

  expected<RunResult, std::string> run() {
    supervise_run(events_,
                  {[this] { begin_end(); }, [this](auto now) { tick(now); },
                   [this] { return progress_text(); }, tick_interval_for(options_.idle_timeout)});
    pool_.finish(kLongestLinger);
    if (auto error = error_.text(); !error.empty()) return unexpected<std::string>(error);
    return result();
  }

 private:
  static bytes_handoff::MemoryBudget budget_of(const Options& options) {
    if (options.memory_budget == 0) return {};
    return bytes_handoff::MemoryBudget({.limit = options.memory_budget});
  }

  // A connection that is accepted must not fail for want of its other descriptors, so these are
  // there first.
  net_error_code prepare(std::size_t worker) {
    net_error_code error;
    if (!next_out_) {
      TcpStream out(pool_.context(worker).get_executor());
      out.open(sink_protocol_, error);
      if (!error) next_out_ = std::move(out);
    }
    if (!error && options_.implementation == Implementation::kSplice && !next_pipe_) {
      auto pipe = std::make_shared<SplicePipe>();
      error = pipe->open(SplicePipe::bytes_for(options_.read_block));
      if (!error) next_pipe_ = std::move(pipe);
    }
    return error;
  }

  void accepted(std::size_t worker, TcpStream in) {
    std::uint64_t number = 0;
    {
      const std::lock_guard lock(mutex_);
      number = clock_.opened(Clock::now());
    }
    net::dispatch(pool_.context(worker), [this, worker, number, in = std::move(in),
                                          out = std::move(*std::exchange(next_out_, std::nullopt)),
                                          pipe = std::exchange(next_pipe_, nullptr)]() mutable {
      workers_[worker]->start(number, std::move(in), std::move(out), std::move(pipe));
    });
  }

  void connection_ended() {
    {
      const std::lock_guard lock(mutex_);
      clock_.closed(Clock::now());
      done_if_over();
    }
    dealer_.resume();
  }

  void begin_end() {
    const std::lock_guard lock(mutex_);
    if (stages_.begun()) return;
    stages_.begin(Clock::now());
    dealer_.stop([this] {
      const std::lock_guard stopped_lock(mutex_);
      accepts_no_more_ = true;
      done_if_over();
    });
  }

  void done_if_over() {
    if (accepts_no_more_ && clock_.open() == 0) events_.announce_end();
  }

  void tick(Clock::time_point now) {
    if (is_idle(now)) begin_end();
    ShutdownStages::Step step;
    {
      const std::lock_guard lock(mutex_);
      step = stages_.step(now);
    }
    if (step == ShutdownStages::Step::kAbandon) events_.announce_end();
    if (step != ShutdownStages::Step::kStopWhatIsOpen) return;
    for (std::size_t i = 0; i < pool_.size(); ++i) {
      net::post(pool_.context(i), [this, i] { workers_[i]->stop_all(); });
    }
  }

  [[nodiscard]] bool is_idle(Clock::time_point now) {
    const std::lock_guard lock(mutex_);
    const auto since = clock_.idle_since();
    return since && now - *since >= options_.idle_timeout;
  }

  void fail(const std::string& error) {
    error_.set(error);
    events_.announce_end();
  }

  [[nodiscard]] std::string progress_text() {
    const std::lock_guard lock(mutex_);
    return std::to_string(clock_.open()) + " connections open, " +
           std::to_string(clock_.total() - clock_.open()) + " ended";
  }

  // After the threads have ended.
  [[nodiscard]] RunResult result() {
    RunResult result;
    for (const auto& worker : workers_) {
      result.total_bytes += worker->forwarded_bytes();
      result.failed_connections += worker->failed_connections();
    }
    if (const std::uint64_t abandoned = clock_.open(); abandoned != 0) {
      log_error(std::to_string(abandoned) + " connections were abandoned");
      result.failed_connections += abandoned;
      clock_.stop_at(Clock::now());
    }
    result.worker_threads_running = pool_.size();
    result.actual_iterations = 1;
    result.total_streams = clock_.total();
    result.bytes_per_connection = clock_.total() == 0 ? 0 : result.total_bytes / clock_.total();
    result.elapsed = clock_.elapsed();
    result.usage = clock_.usage();
    if (memory_budget_.valid()) result.memory = memory_budget_.statistics();
    return result;
  }

  const Options& options_;
  const net::ip::tcp sink_protocol_;
  const bytes_handoff::MemoryBudget memory_budget_;  // none without the flag
  RunEvents events_;  // first of what acts: it keeps the signals from the threads
  std::mutex mutex_;
  ConnectionClock clock_;
  ShutdownStages stages_;
  bool accepts_no_more_ = false;
  FirstError error_;
  WorkerPool pool_;  // outlives what uses its contexts
  std::vector<std::unique_ptr<ServiceWorker>> workers_;
  std::optional<TcpStream> next_out_;      // used by the acceptor's thread
  std::shared_ptr<SplicePipe> next_pipe_;  // likewise
  ConnectionDealer dealer_;
};

}  // namespace

expected<RunResult, std::string> run_service(const Options& options) {
  raise_descriptor_limit();
  return exceptions_as_errors([&]() -> expected<RunResult, std::string> {
    Service service(options);
    if (auto error = service.open(); !error.empty()) return unexpected<std::string>(error);
    return service.run();
  });
}

}  // namespace stream_harness
