#include "roles/process/supervise_run.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "report/error_log.hpp"

namespace stream_harness {
namespace {

constexpr std::chrono::milliseconds kProgressInterval{200};
constexpr std::chrono::seconds kProgressAfter{1};

std::string seconds_text(std::chrono::nanoseconds elapsed) {
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%.1f s", std::chrono::duration<double>(elapsed).count());
  return text.data();
}

}  // namespace

std::chrono::milliseconds tick_interval_for(std::chrono::milliseconds timeout) {
  using std::chrono::milliseconds;
  return std::clamp(timeout / 8, milliseconds(1), milliseconds(100));
}

void supervise_run(RunEvents& events, const RunHooks& hooks) {
  const bool visible = progress_is_visible();
  const auto began_at = std::chrono::steady_clock::now();
  auto next_progress = began_at + kProgressAfter;
  for (;;) {
    const auto event = events.wait(hooks.tick_interval);
    if (event == RunEvents::Event::kEnded) break;
    if (event == RunEvents::Event::kStopRequested) hooks.stop_requested();
    const auto now = std::chrono::steady_clock::now();
    if (hooks.tick) hooks.tick(now);
    if (visible && now >= next_progress) {
      show_progress(seconds_text(now - began_at) + ", " + hooks.progress());
      next_progress = now + kProgressInterval;
    }
  }
  if (visible) show_progress({});
}

std::string wave_progress(std::uint64_t wave, std::uint64_t ended_connections) {
  return "wave " + std::to_string(wave) + ", " + std::to_string(ended_connections) +
         " connections ended";
}

}  // namespace stream_harness
