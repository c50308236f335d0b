#include "roles/driver/driver_run.hpp"

#include <asio/dispatch.hpp>
#include <asio/post.hpp>
#include <memory>
#include <utility>
#include <vector>

#include "report/error_log.hpp"
#include "roles/driver/driver_worker.hpp"
#include "roles/process/connection_dealer.hpp"
#include "roles/process/descriptor_limit.hpp"
#include "roles/process/exception_text.hpp"
#include "roles/process/first_error.hpp"
#include "roles/process/shutdown_stages.hpp"
#include "roles/process/supervise_run.hpp"
#include "roles/process/wave_clock.hpp"
#include "transports/stream_end.hpp"

namespace stream_harness {
namespace {

using bytes_handoff::expected;
using bytes_handoff::unexpected;
using Clock = std::chrono::steady_clock;

// The client's and the sink's.
constexpr std::uint64_t kDescriptorsOfClientAndSink = 2;

// While the sinks of one wave receive, the clients of the next send: that keeps a service at work.
// More at a time would let clients run away from a service that is slower than they are.
constexpr std::size_t kMostWaves = 2;

std::string shortage_for(const Options& options, std::size_t waves) {
  return descriptor_shortage(options.connections, kDescriptorsOfClientAndSink * waves,
                             wave_workers(options));
}

class Driver {
 public:
  Driver(const Options& options, std::size_t most_waves)
      : options_(options),
        clock_(options),
        ledger_(options.connections, most_waves, {[this] { wave_due(); }, [this] { over(); }}),
        pool_(wave_workers(options)),
        dealer_(pool_,
                {[](std::size_t) { return net_error_code(); },
                 [this](std::size_t worker, TcpStream in) { accepted(worker, std::move(in)); },
                 [this](const std::string& error) { fail(error); }}) {
    for (std::size_t i = 0; i < pool_.size(); ++i) {
      workers_.push_back(std::make_unique<DriverWorker>(
          pool_.context(i), options, WorkerShare{i, pool_.size()}, ledger_,
          [this](const std::string& error) { fail(error); }));
    }
  }

  ~Driver() { pool_.stop(); }
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  // The error that prevents it.
  [[nodiscard]] std::string open() {
    if (auto error = dealer_.listen(options_.sink_addr); !error.empty()) return error;
    dealer_.start();
    return pool_.start([this](const std::string& error) { fail(error); });
  }

  expected<RunResult, std::string> run() {
    clock_.start();
    begin_wave();
    supervise_run(
        events_, {[this] { begin_end(); }, [this](auto now) { tick(now); },
                  [this] { return wave_progress(clock_.waves() + 1, ledger_.ended_connections()); },
                  tick_interval_for(options_.idle_timeout)});
    pool_.stop();
    if (auto error = error_.text(); !error.empty()) return unexpected<std::string>(error);
    return result();
  }

 private:
  void begin_wave() {
    const NumberRange wave = ledger_.begin_wave();
    for_each_worker([wave](DriverWorker& worker) { worker.start_wave(wave); });
  }

  template <class Function>
  void for_each_worker(Function function) {
    for (std::size_t i = 0; i < pool_.size(); ++i) {
      net::post(pool_.context(i), [this, i, function] { function(*workers_[i]); });
    }
  }

  void accepted(std::size_t worker, TcpStream socket) {
    net_error_code ignored;
    const auto entry = ledger_.sink_accepted(socket.remote_endpoint(ignored));
    net::dispatch(pool_.context(worker),
                  [this, worker, entry, socket = std::move(socket)]() mutable {
                    workers_[worker]->start_sink(std::move(socket), entry);
                  });
  }

  // By the thread that brought it about.
  void wave_due() {
    clock_.wave_ended();
    if (!clock_.another_wave()) return ledger_.end_waves();
    begin_wave();
  }

  void over() {
    clock_.ended(ledger_.last_event());
    events_.announce_end();
  }

  void begin_end() {
    clock_.request_stop();
    stages_.begin(Clock::now());
    for_each_worker([](DriverWorker& worker) { worker.stop_starting(); });
  }

  void tick(Clock::time_point now) {
    ledger_.give_up_if_idle(now, options_.idle_timeout);
    if (stages_.step(now) == ShutdownStages::Step::kStopWhatIsOpen) {
      ledger_.give_up("stopped before its end");
    }
  }

  void fail(const std::string& error) {
    error_.set(error);
    events_.announce_end();
  }

  // After the threads have ended.
  [[nodiscard]] RunResult result() const {
    for (const TcpEndpoint& stranger : ledger_.strangers()) {
      log_error("a connection to the sinks, from " + to_text(stranger) +
                ", has not begun with a route frame; nobody waited for it");
    }
    auto totals = ledger_.totals();
    RunResult result;
    result.actual_iterations = totals.waves;
    result.bytes_per_connection = options_.bytes_per_connection();
    result.total_streams = totals.streams;
    result.total_bytes = totals.received_bytes;
    result.failed_connections = totals.failed;
    result.worker_threads_running = pool_.size();
    result.elapsed = clock_.elapsed();
    result.usage = clock_.usage();
    result.latency = std::move(totals.latency);
    return result;
  }

  const Options& options_;
  RunEvents events_;  // first of what acts: it keeps the signals from the threads
  WaveClock clock_;
  ShutdownStages stages_;  // used by the main thread
  FirstError error_;
  DriverLedger ledger_;
  WorkerPool pool_;  // outlives what uses its contexts
  std::vector<std::unique_ptr<DriverWorker>> workers_;
  ConnectionDealer dealer_;
};

}  // namespace

expected<RunResult, std::string> run_driver(const Options& options) {
  if (auto shortage = shortage_for(options, 1); !shortage.empty()) {
    return unexpected<std::string>(std::move(shortage));
  }
  const std::size_t most_waves = shortage_for(options, kMostWaves).empty() ? kMostWaves : 1;
  return exceptions_as_errors([&]() -> expected<RunResult, std::string> {
    Driver driver(options, most_waves);
    if (auto error = driver.open(); !error.empty()) return unexpected<std::string>(error);
    return driver.run();
  });
}

}  // namespace stream_harness
