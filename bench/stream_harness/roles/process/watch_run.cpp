#include "roles/process/watch_run.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "report/error_log.hpp"

namespace stream_harness {
namespace {

constexpr std::chrono::milliseconds kProgressInterval{200};
constexpr std::chrono::seconds kProgressAfter{1};

}  // namespace

std::chrono::milliseconds tick_interval_for(std::chrono::milliseconds timeout) {
  using std::chrono::milliseconds;
  return std::clamp(timeout / 8, milliseconds(1), milliseconds(100));
}

void watch_run(RunWatch& watch, const RunHooks& hooks) {
  const bool visible = progress_is_visible();
  const auto began_at = std::chrono::steady_clock::now();
  auto next_progress = began_at + kProgressAfter;
  for (;;) {
    const auto event = watch.wait(hooks.tick_interval);
    if (event == RunWatch::Event::kDone) break;
    if (event == RunWatch::Event::kStopRequested) hooks.stop_requested();
    const auto now = std::chrono::steady_clock::now();
    if (hooks.tick) hooks.tick(now);
    if (visible && now >= next_progress) {
      show_progress(hooks.progress(now - began_at));
      next_progress = now + kProgressInterval;
    }
  }
  if (visible) show_progress({});
}

std::string wave_progress(std::chrono::nanoseconds elapsed, std::uint64_t wave,
                          std::uint64_t ended_connections) {
  std::array<char, 160> text;
  std::snprintf(text.data(), text.size(), "%.1f s, wave %llu, %llu connections ended",
                std::chrono::duration<double>(elapsed).count(),
                static_cast<unsigned long long>(wave),
                static_cast<unsigned long long>(ended_connections));
  return text.data();
}

}  // namespace stream_harness
