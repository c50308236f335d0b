#include "roles/service/service_run.hpp"

#include <array>
#include <asio/dispatch.hpp>
#include <asio/post.hpp>
#include <cstdio>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "contenders/splice_pipe.hpp"
#include "report/error_log.hpp"
#include "roles/process/accept_loop.hpp"
#include "roles/process/descriptor_limit.hpp"
#include "roles/process/end_stages.hpp"
#include "roles/process/exception_text.hpp"
#include "roles/process/watch_run.hpp"
#include "roles/service/connection_span.hpp"
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
        pool_(options.worker_threads),
        loop_(pool_,
              {[this](std::size_t worker) { return prepare(worker); },
               [this](std::size_t worker, TcpStream in) { accepted(worker, std::move(in)); }}) {
    for (std::size_t i = 0; i < pool_.size(); ++i) {
      workers_.push_back(std::make_unique<ServiceWorker>(options, [this] { connection_ended(); }));
    }
  }

  ~Service() { pool_.stop(); }
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // The error that prevents it.
  [[nodiscard]] std::string open() {
    if (const auto error = loop_.listen(to_endpoint(options_.service_addr))) {
      return describe(("listen at " + to_text(options_.service_addr)).c_str(), error);
    }
    loop_.start();
    if (auto error = pool_.start([this](const std::string& text) { fail(text); }); !error.empty()) {
      return error;
    }
    if (options_.ready_file.empty()) return {};
    return write_ready_file(options_.ready_file, to_text(loop_.endpoint()));
  }

  expected<RunResult, std::string> run() {
    watch_run(watch_, {[this] { begin_end(); }, [this](auto now) { tick(now); },
                       [this](auto elapsed) { return progress_text(elapsed); },
                       tick_interval_for(options_.idle_timeout)});
    pool_.finish(kLongestLinger);
    if (!error_.empty()) return unexpected<std::string>(error_);
    return result();
  }

 private:
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
      number = span_.opened(Clock::now());
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
      span_.closed(Clock::now());
      done_if_over();
    }
    loop_.resume();
  }

  void begin_end() {
    const std::lock_guard lock(mutex_);
    if (stages_.begun()) return;
    stages_.begin(Clock::now());
    loop_.stop([this] {
      const std::lock_guard stopped_lock(mutex_);
      accepts_no_more_ = true;
      done_if_over();
    });
  }

  void done_if_over() {
    if (accepts_no_more_ && span_.open() == 0) watch_.done();
  }

  void tick(Clock::time_point now) {
    if (is_idle(now)) begin_end();
    EndStages::Step step;
    {
      const std::lock_guard lock(mutex_);
      step = stages_.step(now);
    }
    if (step == EndStages::Step::kAbandon) watch_.done();
    if (step != EndStages::Step::kStopWhatIsOpen) return;
    for (std::size_t i = 0; i < pool_.size(); ++i) {
      net::post(pool_.context(i), [this, i] { workers_[i]->stop_all(); });
    }
  }

  [[nodiscard]] bool is_idle(Clock::time_point now) {
    const std::lock_guard lock(mutex_);
    const auto since = span_.idle_since();
    return since && now - *since >= options_.idle_timeout;
  }

  void fail(const std::string& error) {
    {
      const std::lock_guard lock(mutex_);
      if (error_.empty()) error_ = error;
    }
    watch_.done();
  }

  [[nodiscard]] std::string progress_text(std::chrono::nanoseconds elapsed) {
    const std::lock_guard lock(mutex_);
    std::array<char, 160> text;
    std::snprintf(text.data(), text.size(), "%.1f s, %llu connections open, %llu ended",
                  std::chrono::duration<double>(elapsed).count(),
                  static_cast<unsigned long long>(span_.open()),
                  static_cast<unsigned long long>(span_.total() - span_.open()));
    return text.data();
  }

  // After the threads have ended.
  [[nodiscard]] RunResult result() {
    RunResult result;
    for (const auto& worker : workers_) {
      result.total_bytes += worker->forwarded_bytes();
      result.failed_connections += worker->failed_connections();
    }
    if (const std::uint64_t abandoned = span_.open(); abandoned != 0) {
      log_error(std::to_string(abandoned) + " connections were abandoned");
      result.failed_connections += abandoned;
      span_.cut(Clock::now());
    }
    result.worker_threads_running = pool_.size();
    result.actual_iterations = 1;
    result.total_streams = span_.total();
    result.bytes_per_connection = span_.total() == 0 ? 0 : result.total_bytes / span_.total();
    result.elapsed = span_.elapsed();
    result.usage = span_.usage();
    return result;
  }

  const Options& options_;
  const net::ip::tcp sink_protocol_;
  RunWatch watch_;  // first of what acts: it keeps the signals from the threads
  std::mutex mutex_;
  ConnectionSpan span_;
  EndStages stages_;
  bool accepts_no_more_ = false;
  std::string error_;
  WorkerPool pool_;  // outlives what uses its contexts
  std::vector<std::unique_ptr<ServiceWorker>> workers_;
  std::optional<TcpStream> next_out_;      // used by the acceptor's thread
  std::shared_ptr<SplicePipe> next_pipe_;  // likewise
  AcceptLoop loop_;
};

}  // namespace

expected<RunResult, std::string> run_service(const Options& options) {
  raise_descriptor_limit();
  try {
    Service service(options);
    if (auto error = service.open(); !error.empty()) return unexpected<std::string>(error);
    return service.run();
  } catch (...) {
    return unexpected<std::string>(exception_text());
  }
}

}  // namespace stream_harness
