#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <ratio>
#include <utility>

#include "bytes_handoff/asio/ending/linger.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/time_of.hpp"
#include "bytes_handoff/core/queue/write_queue.hpp"
#include "bytes_handoff/core/support/later.hpp"
#include "bytes_handoff/end_write.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// Whether a stream is ended with its queue, or left as it is.
enum class AtEnd : bool { kEnd, kLeaveOpen };
enum class StreamOwnership : bool { kShared, kOwned };

/// What becomes of a writer's stream when its queue ends. It depends on whether the stream is ended
/// at all, and on who owns it. On the stream's executor.
template <class Stream, AtEnd kAtEnd>
class StreamEnd {
  using Clock = std::chrono::steady_clock;

 public:
  // A stream of messages sends on by itself what it keeps.
  static constexpr bool kBuffersWrites =
      kAtEnd == AtEnd::kEnd && BuffersWrites<Stream> && !MessageStream<Stream>;

  explicit StreamEnd(StreamOwnership ownership) noexcept : ownership_(ownership) {}

  /// Whether the peer's system has acknowledged more than the last time.
  [[nodiscard]] bool has_acknowledged_more(Stream& stream) noexcept {
    if constexpr (kAtEnd == AtEnd::kEnd) {
      return acknowledgement_.has_more(stream);
    } else {
      return false;
    }
  }

  /// When to look again whether everything is acknowledged, after `has_acknowledged_more`. Nothing
  /// if everything is, or never will be.
  [[nodiscard]] std::optional<Clock::time_point> next_look(Clock::time_point now) noexcept {
    if (!acknowledgement_.is_alive() || acknowledgement_.unacknowledged() == 0) {
      return std::nullopt;
    }
    const Milliseconds after = look_after_;
    look_after_ = (std::min)(2 * after, kLongestLook);
    return later(now, after);
  }

  /// The queue has ended. If that was not the end of a whole message, the connection is reset. A
  /// shared stream that has failed by itself may still be read: it is reset when it is closed.
  void end(Stream& stream, const WriteQueue& queue) const noexcept {
    if constexpr (kAtEnd == AtEnd::kEnd) {
      if (queue.has_ended_in_order()) {
        return;
      }
      if (ownership_ == StreamOwnership::kShared && queue.was_ended_by_stream()) {
        mark_for_reset(stream);
      } else {
        reset_stream(stream);
      }
    }
  }

  /// The context is being destroyed, and the stream may not be used any more.
  void end_with_context(Stream& stream, const WriteQueue& queue) const noexcept {
    if constexpr (kAtEnd == AtEnd::kEnd) {
      if (!queue.has_ended_in_order()) {
        mark_for_reset(stream);
      }
    }
  }

  /// The writer lets go of its stream: one that is owned, and was ended in order, lingers.
  void let_go(std::shared_ptr<Stream> stream, const WriteQueue& queue) const noexcept {
    if constexpr (kAtEnd == AtEnd::kEnd && LingersAtEnd<Stream>) {
      const QueueConfig& config = queue.config();
      const bool waits = config.close_timeout.count() != 0 && config.close_limit.count() != 0;
      if (waits && ownership_ == StreamOwnership::kOwned && queue.has_ended_in_order()) {
        try {
          const Clock::time_point since = queue.closing_since().value_or(now_at(*stream));
          const LingerBounds bounds{kMaxLingerBytes, config.close_timeout,
                                    later(since, config.close_limit), queue.block_source()};
          start_lingering(std::move(stream), bounds);
        } catch (...) {  // NOLINT: then it is closed at once
        }
      }
    }
  }

 private:
  using Milliseconds = std::chrono::duration<std::uint32_t, std::milli>;
  static constexpr Milliseconds kShortestLook{1};
  static constexpr Milliseconds kLongestLook{100};

  AcknowledgementLook acknowledgement_;
  Milliseconds look_after_ = kShortestLook;
  const StreamOwnership ownership_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail
