#include "report/report.hpp"

#include <array>
#include <cstdio>
#include <string_view>

namespace stream_harness {
namespace {

class Lines {
 public:
  void text(std::string_view key, std::string_view value) {
    text_.append(key).append("=").append(value).append("\n");
  }

  void number(std::string_view key, std::uint64_t value) { text(key, std::to_string(value)); }

  void decimal(std::string_view key, double value, int digits) {
    // The largest double has 309 digits before its point.
    std::array<char, 400> buffer;
    const int length = std::snprintf(buffer.data(), buffer.size(), "%.*f", digits, value);
    text(key, std::string_view(buffer.data(), static_cast<std::size_t>(length)));
  }

  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

double per(double amount, double base) { return base > 0 ? amount / base : 0; }

void add_configuration(Lines& out, const Options& options) {
  out.text("mode", "stream_harness");
  out.text("role", to_text(options.role));
  out.text("transport", to_text(options.transport));
  out.text("implementation", to_text(options.implementation));
  out.text("scenario", to_text(options.scenario));
  out.text("completion", to_text(options.completion));
  out.number("worker_threads", options.worker_threads);
  out.number("connections", options.connections);
  out.number("route_frames", options.route_frames);
  out.number("frame_len", options.frame_len);
  out.number("tunnel_bytes", options.tunnel_bytes);
  out.number("input_fragment", options.input_fragment);
  out.number("read_reserve", options.read_reserve);
  out.number("write_pending_bytes", options.write_pending_bytes);
  out.number("duplex_capacity", options.duplex_capacity);
  out.number("configured_iterations", options.iterations);
  out.decimal("duration_seconds_target", seconds(options.duration), 6);
}

void add_throughput(Lines& out, const RunResult& result) {
  const double elapsed = seconds(result.elapsed);
  const double bytes_per_sec = per(static_cast<double>(result.total_bytes), elapsed);
  out.number("actual_iterations", result.actual_iterations);
  out.number("bytes_per_connection", result.bytes_per_connection);
  out.number("total_streams", result.total_streams);
  out.number("total_bytes", result.total_bytes);
  out.decimal("total_seconds", elapsed, 6);
  out.decimal("bytes_per_sec", bytes_per_sec, 2);
  out.decimal("mib_per_sec", bytes_per_sec / (1024.0 * 1024), 2);
  out.decimal("gib_per_sec", bytes_per_sec / (1024.0 * 1024 * 1024), 6);
  out.decimal("streams_per_sec", per(static_cast<double>(result.total_streams), elapsed), 2);
}

void add_usage(Lines& out, const RunResult& result) {
  const ProcessUsage& usage = result.usage;
  const double cpu = seconds(usage.cpu_user + usage.cpu_system);
  const double cores = per(cpu, seconds(result.elapsed));
  out.text("cpu_usage_measured", usage.measured ? "true" : "false");
  out.decimal("cpu_user_seconds", seconds(usage.cpu_user), 6);
  out.decimal("cpu_system_seconds", seconds(usage.cpu_system), 6);
  out.decimal("cpu_total_seconds", cpu, 6);
  out.decimal("cpu_avg_cores", cores, 6);
  out.decimal("cpu_utilization_pct", 100 * cores, 2);
  out.decimal("cpu_ns_per_byte", per(cpu * 1e9, static_cast<double>(result.total_bytes)), 2);
  out.number("voluntary_context_switches", usage.voluntary_context_switches);
  out.number("involuntary_context_switches", usage.involuntary_context_switches);
  out.number("max_rss_bytes", usage.max_rss_bytes);
}

void add_latency(Lines& out, const bytes_handoff::DurationHistogram& latency) {
  const auto add = [&](const char* key, std::chrono::nanoseconds value) {
    out.number(key, static_cast<std::uint64_t>(value / std::chrono::microseconds(1)));
  };
  add("latency_p50_micros", latency.at_percentile(50));
  add("latency_p95_micros", latency.at_percentile(95));
  add("latency_p99_micros", latency.at_percentile(99));
  add("latency_p999_micros", latency.at_percentile(99.9));
  add("latency_max_micros", latency.longest());
}

void add_memory(Lines& out, const bytes_handoff::MemoryBudgetStatistics& memory) {
  out.number("memory_budget", memory.limit_bytes);
  out.number("memory_charged_bytes", memory.charged_bytes);
  out.number("memory_floor_bytes", memory.floor_bytes);
  out.number("memory_waiters", memory.waiters);
  out.number("memory_waiting_bytes", memory.waiting_bytes);
  out.number("memory_waits", memory.waits);
  out.number("memory_refusals", memory.refusals);
  out.number("memory_shed_queues", memory.shed_queues);
  out.number("memory_shed_bytes", memory.shed_bytes);
}

}  // namespace

std::string format_report(const Options& options, const RunResult& result) {
  Lines out;
  add_configuration(out, options);
  add_throughput(out, result);
  add_usage(out, result);
  add_latency(out, result.latency);
  out.number("failed_connections", result.failed_connections);
  out.number("read_block", options.read_block);
  out.number("gather_micros", static_cast<std::uint64_t>(options.gather_for.count()));
  out.number("worker_threads_running", result.worker_threads_running);
  if (options.memory_budget != 0) add_memory(out, result.memory);
  return out.take();
}

}  // namespace stream_harness
