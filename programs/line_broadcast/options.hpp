#pragma once

#include <bytes_handoff/fan_out.hpp>
#include <bytes_handoff/write_handoff.hpp>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include "support/command_line.hpp"
#include "support/service.hpp"

namespace line_broadcast {

struct Options {
  programs::ServiceOptions service{.listen = {asio::ip::address_v4::loopback(), 7000},
                                   .drain = std::chrono::nanoseconds(0),
                                   .opens_second_socket = false};
  std::string lag = "drop";
  std::size_t max_line = 8 * 1024;
  std::size_t max_topics = 256;
  std::size_t max_subscriptions = 64;
  std::size_t max_pending = 64 * 1024;
  std::size_t max_items = 1024;
  std::size_t topic_bytes = 256 * 1024;
  std::size_t topic_lines = 4096;
  std::chrono::nanoseconds stall_limit = std::chrono::seconds(30);
  std::chrono::nanoseconds end_limit = std::chrono::seconds(10);

  void declare(programs::CommandLine& line) {
    service.declare(line);
    line.text("--lag", "drop|end", lag,
              "a subscriber that is too slow: leave out its oldest lines, or end it");
    line.number("--max-line", max_line, 128, 64 * 1024, "bytes of a line that a client sends");
    line.number("--max-topics", max_topics, 1, 100'000, "topics with subscribers");
    line.number("--max-subscriptions", max_subscriptions, 1, 100'000, "topics of a connection");
    line.number("--max-pending", max_pending, 1024, std::size_t{1} << 30,
                "bytes that wait for a connection to take them");
    line.number("--max-items", max_items, 2, 1'000'000, "lines that wait there");
    line.number("--topic-bytes", topic_bytes, 1024, std::size_t{1} << 30,
                "bytes that a topic keeps for subscribers that are behind");
    line.number("--topic-lines", topic_lines, 16, 1'000'000, "lines that it keeps for them");
    line.seconds("--stall-limit", stall_limit, std::chrono::milliseconds(10),
                 "how long a connection may take nothing of what waits for it");
    line.seconds("--end-limit", end_limit, std::chrono::milliseconds(10),
                 "how long a connection may take at its end for what waits for it");
  }

  /// What is wrong with them together.
  [[nodiscard]] std::optional<std::string> problem() const {
    if (lag != "drop" && lag != "end") return "--lag: must be drop or end";
    // A note is written together with the line behind it.
    if (max_pending < max_line + 128) return "--max-pending: must be 128 more than --max-line";
    if (topic_bytes < 4 * max_line) return "--topic-bytes: must be 4 times --max-line";
    return std::nullopt;
  }

  [[nodiscard]] bytes_handoff::WriteHandoffConfig queue() const {
    return {.max_items = max_items,
            .max_pending_bytes = max_pending,
            .stall_timeout = stall_limit,
            .close_timeout = end_limit,
            .close_limit = end_limit};
  }

  /// Gaps are told; with `--lag end`, whoever is behind by more than a topic keeps is reset.
  [[nodiscard]] bytes_handoff::LagPolicy policy(const std::string& topic) const {
    bytes_handoff::LagPolicy policy;
    policy.gap_note = [topic](std::uint64_t missed) {
      return bytes_handoff::Bytes::from_owner("missed " + std::to_string(missed) + " " + topic +
                                              "\n");
    };
    if (lag == "end") policy.hard_limit = {.bytes = topic_bytes, .entries = topic_lines};
    return policy;
  }
};

}  // namespace line_broadcast
