#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "command_line/options.hpp"
#include "workload/tenant_number.hpp"

namespace stream_harness {

/// How many workers a run in waves has use for.
[[nodiscard]] std::size_t wave_workers(const Options& options);

/// Which connections of a wave are a worker's own: `first`, `first + stride`, ...
struct WorkerShare {
  std::uint64_t first = 0;
  std::uint64_t stride = 1;
};

/// Deals out a worker's share of one wave after the other.
class WaveShare {
 public:
  explicit WaveShare(WorkerShare share) noexcept : share_(share) {}

  /// The numbers of the wave that begins. What was left of the one before is not dealt out.
  void begin_wave(NumberRange wave) noexcept;

  /// How many connections of the wave are the worker's.
  [[nodiscard]] std::uint64_t size() const noexcept;

  /// The next connection's number; none when all are dealt out.
  [[nodiscard]] std::optional<std::uint64_t> next() noexcept;

  /// The same, and its setting up begins: none while too many are being set up.
  [[nodiscard]] std::optional<std::uint64_t> next_to_set_up() noexcept;
  /// It is set up, or never will be.
  void end_setting_up() noexcept { --being_set_up_; }

 private:
  WorkerShare share_;
  NumberRange wave_;
  std::uint64_t next_ = 0;  // of the wave
  std::uint64_t being_set_up_ = 0;
};

}  // namespace stream_harness
