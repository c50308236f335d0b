#pragma once

#include <algorithm>
#include <asio/async_result.hpp>
#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <bytes_handoff/fan_out.hpp>
#include <bytes_handoff/write_handoff.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include "support/as_tuple.hpp"
#include "support/asio_names.hpp"

namespace line_broadcast {

/// A stream that takes all bytes and keeps none.
class Nowhere {
 public:
  using executor_type = asio::io_context::executor_type;
  explicit Nowhere(executor_type executor) : executor_(std::move(executor)) {}

  [[nodiscard]] executor_type get_executor() const noexcept { return executor_; }

  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(asio::error_code, std::size_t)>(
        [executor = executor_, n = asio::buffer_size(buffers)](auto handler) {
          asio::post(executor, [handler = std::move(handler), n]() mutable { handler({}, n); });
        },
        token);
  }

 private:
  executor_type executor_;
};

class Topic;
/// Those that have subscribers, by name.
using Topics = std::unordered_map<std::string, std::weak_ptr<Topic>>;

/// A topic: one log, in which each line is kept once for all subscribers. It is among `topics` as
/// long as somebody has it.
///
/// Publishers are paced. The log has one more subscriber, which writes nowhere. Subscribers take
/// turns, so behind it all were given the lines that their queues have room for. A publisher waits
/// for it when a quarter of the log is new. So nobody misses a line only because others publish
/// many before its turn.
class Topic {
 public:
  Topic(Topics& topics, std::string name, const bytes_handoff::FanOutConfig& config,
        const bytes_handoff::WriteHandoff& nowhere)
      : log(config),
        topics_(topics),
        name_(std::move(name)),
        pace_(log.subscribe(nowhere)),
        most_(config.max_bytes / 4),
        least_weight_(config.max_bytes / config.max_entries) {}
  Topic(const Topic&) = delete;
  Topic& operator=(const Topic&) = delete;
  ~Topic() { topics_.erase(name_); }

  /// Whether the line was published: not if the log can never hold it.
  [[nodiscard]] bool publish(bytes_handoff::Bytes& line) {
    published_ += std::max(line.size(), least_weight_);
    return log.publish(line).has_value();
  }
  [[nodiscard]] bool is_ahead() const noexcept { return published_ - given_ >= most_; }

  /// Until subscribers were given what was published before.
  programs::awaitable<void> until_given() {
    const std::uint64_t mark = published_;
    co_await pace_.async_caught_up(programs::as_tuple(programs::use_awaitable));
    given_ = std::max(given_, mark);
  }

  const bytes_handoff::FanOut log;

 private:
  Topics& topics_;
  const std::string name_;
  const bytes_handoff::Subscription pace_;
  const std::uint64_t most_;
  const std::size_t least_weight_;  // so that a log full of short lines counts as full, too
  std::uint64_t published_ = 0;     // bytes, or weights of short lines
  std::uint64_t given_ = 0;         // of them
};

}  // namespace line_broadcast
