#pragma once

// What is told of a relay, without Asio. Users include `bytes_handoff/relay.hpp`.

#include <atomic>
#include <chrono>
#include <cstdint>

#include "bytes_handoff/core/support/abi.hpp"

namespace bytes_handoff {

namespace detail {
class RelayCore;
}

/// Whose error ended a relay.
enum class RelaySide : unsigned char { none, in, out };

/// Who moves the bytes of a relay. It can be the kernel only on Linux, and between two sockets of
/// Asio itself (`basic_stream_socket`), with or without a queue. Everywhere else a relay copies,
/// whatever is chosen.
enum class RelayBy : unsigned char {
  kernel_if_it_pays,  ///< copies, and goes over to the kernel and back as reads are large or small
  copy,               ///< reads into the buffer and writes from it
  kernel,             ///< has the kernel move what is not buffered; copies where it cannot
};

/// What a relay has done. What was received and not passed on is in the buffer.
struct RelayCounts {
  /// Bytes that were in the buffer at the start, and all that were read from `in` since.
  std::uint64_t received = 0;
  /// Bytes that a stream `out` has taken, or a queue has admitted.
  std::uint64_t passed_on = 0;
  RelaySide failed = RelaySide::none;
  friend bool operator==(const RelayCounts&, const RelayCounts&) = default;
};

/// The counts of a relay, while it runs and after it.
///
/// Ownership: it must outlive the relay, and count for one at a time. The next one starts over. One
///     that is refused tells it nothing.
/// Threads: any thread may ask at any time.
class RelayProgress {
 public:
  RelayProgress() noexcept = default;
  RelayProgress(const RelayProgress&) = delete;
  RelayProgress& operator=(const RelayProgress&) = delete;

  /// While the relay runs, `passed_on` may be a little older than `received`.
  [[nodiscard]] RelayCounts counts() const noexcept {
    RelayCounts counts;
    counts.passed_on = passed_on_.load(std::memory_order_acquire);
    counts.received = received_.load(std::memory_order_relaxed);
    counts.failed = failed_.load(std::memory_order_relaxed);
    return counts;
  }

 private:
  friend class detail::RelayCore;

  // One thread at a time counts.
  void start(std::uint64_t received) noexcept {
    passed_on_.store(0, std::memory_order_relaxed);
    received_.store(received, std::memory_order_relaxed);
    failed_.store(RelaySide::none, std::memory_order_relaxed);
  }
  void add_received(std::uint64_t n) noexcept {
    received_.store(received_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void add_passed_on(std::uint64_t n) noexcept {
    passed_on_.store(passed_on_.load(std::memory_order_relaxed) + n, std::memory_order_release);
  }
  void set_failed(RelaySide side) noexcept { failed_.store(side, std::memory_order_relaxed); }

  std::atomic<std::uint64_t> received_{0};
  std::atomic<std::uint64_t> passed_on_{0};
  std::atomic<RelaySide> failed_{RelaySide::none};
};

/// How a relay goes about its end, and where it counts.
struct RelayOptions {
  /// Whether `out` is ended as `in` was: in order behind a clean end, by a reset behind an error.
  /// Otherwise it stays open.
  bool end_out = true;
  /// If not null: where the relay counts.
  RelayProgress* progress = nullptr;
  /// Bounds of the end of a stream `out`, as in `WriteHandoffConfig`. Behind a failed input, they
  /// include what is yet to be passed on. A queue has its own.
  std::chrono::nanoseconds close_timeout{std::chrono::seconds{10}};
  std::chrono::nanoseconds close_limit{std::chrono::seconds{120}};
  /// Who moves the bytes to a stream `out`. To a queue a relay copies.
  RelayBy by = RelayBy::kernel_if_it_pays;
};

}  // namespace bytes_handoff
