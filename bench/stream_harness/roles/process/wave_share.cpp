#include "roles/process/wave_share.hpp"

#include <algorithm>
#include <utility>

namespace stream_harness {
namespace {

// Fewer than a listen queue holds, so that no attempt is dropped and repeated a second later.
constexpr std::uint64_t kMostBeingSetUp = 64;

}  // namespace

std::size_t wave_workers(const Options& options) {
  return static_cast<std::size_t>(
      std::min<std::uint64_t>(options.worker_threads, options.connections));
}

void WaveShare::begin_wave(NumberRange wave) noexcept {
  wave_ = wave;
  next_ = share_.first;
}

std::uint64_t WaveShare::size() const noexcept {
  return (wave_.count - share_.first + share_.stride - 1) / share_.stride;
}

std::optional<std::uint64_t> WaveShare::next() noexcept {
  if (next_ >= wave_.count) return std::nullopt;
  return wave_.first + std::exchange(next_, next_ + share_.stride);
}

std::optional<std::uint64_t> WaveShare::next_to_set_up() noexcept {
  if (being_set_up_ >= kMostBeingSetUp) return std::nullopt;
  const auto connection = next();
  if (connection) ++being_set_up_;
  return connection;
}

}  // namespace stream_harness
