#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace stream_harness {

/// Looks at what a sink receives. Used by one sink, on its thread.
class SinkInspector {
 public:
  virtual ~SinkInspector() = default;

  /// Looks at the next bytes. What is wrong with them; empty where nothing is.
  [[nodiscard]] virtual std::string inspect(std::span<const std::byte> received) = 0;

  /// How many bytes it is worth to read at a time for it.
  [[nodiscard]] virtual std::size_t window_bytes() const noexcept = 0;

  /// Whether it has seen enough: the rest need only be counted.
  [[nodiscard]] virtual bool has_seen_enough() const noexcept = 0;
};

}  // namespace stream_harness
