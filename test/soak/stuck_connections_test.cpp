// Connections whose peers never read, hundreds of them, in the long runs thousands: what each may
// cost is known beforehand.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff.hpp"
#include "bytes_handoff/testing/duplex.hpp"
#include "support/memory/resident_memory.hpp"
#include "support/pattern.hpp"
#include "support/run_for.hpp"
#include "support/stepping/count.hpp"

namespace bytes_handoff::test {
namespace {

/// What the process may hold beside the connections, for each of them.
constexpr std::size_t kSlack = 16 * 1024;
constexpr std::size_t kMaxLen = 64 * 1024;
constexpr std::size_t kMaxItems = 256;
constexpr std::size_t kBudget = 64 * 1024;
constexpr std::size_t kBlock = 64 * 1024;
constexpr std::size_t kPipe = 1024;

/// Hands on items of one size, from a client that never stops to a sink that never reads, until
/// nothing has room any more: neither the queue nor the buffer in front of it.
class StuckConnection {
 public:
  using Stream = BasicDuplexStream<net::io_context::executor_type>;
  using Pair = std::pair<Stream, Stream>;

  StuckConnection(net::io_context& context, std::size_t item_bytes)
      : StuckConnection(make_duplex(context.get_executor(), kPipe),
                        make_duplex(context.get_executor(), kPipe), item_bytes) {}

  void start() {
    feed();
    read();
  }
  void close() {
    client_.close();
    in_.close();
    sink_.close();
    out_.abort();
  }

  [[nodiscard]] bool is_stuck() const { return buffer_.size() == kMaxLen && !has_room(); }

 private:
  StuckConnection(Pair front, Pair back, std::size_t item_bytes)
      : item_bytes_(item_bytes),
        client_(std::move(front.first)),
        in_(std::move(front.second)),
        sink_(std::move(back.second)),
        out_(std::move(back.first), queue_config()),
        buffer_(buffer_config()) {}

  static WriteHandoffConfig queue_config() {
    WriteHandoffConfig config;
    config.max_items = kMaxItems;
    config.max_pending_bytes = kBudget;
    return config;
  }
  static HandoffBufferConfig buffer_config() {
    HandoffBufferConfig config;
    config.max_size = kMaxLen;
    return config;
  }

  void feed() {
    static const std::string text = pattern(kPipe);
    client_.async_write_some(net::buffer(text), [this](net_error_code error, std::size_t) {
      if (!error) {
        feed();
      }
    });
  }

  void read() {
    buffer_.async_read_available(in_, [this](net_error_code error, std::size_t n) {
      if (error || n == 0) {
        return;
      }
      hand_on();
      if (buffer_.size() < kMaxLen) {
        read();
      }
    });
  }

  // Splits off only what has room, so that all that is retained is the queue's or the buffer's.
  void hand_on() {
    while (has_room() && buffer_.size() >= item_bytes_) {
      Bytes item = *buffer_.split_prefix(item_bytes_);
      static_cast<void>(out_.try_write(item));
    }
  }

  [[nodiscard]] bool has_room() const {
    return out_.pending_items() < kMaxItems && out_.pending_bytes() + item_bytes_ <= kBudget;
  }

  const std::size_t item_bytes_;
  Stream client_;
  Stream in_;
  Stream sink_;
  WriteHandoff out_;
  HandoffBuffer buffer_;
};

using StuckConnections = std::vector<std::unique_ptr<StuckConnection>>;

StuckConnections connect_and_get_stuck(net::io_context& context, std::size_t count,
                                       std::size_t item_bytes) {
  StuckConnections connections;
  for (std::size_t i = 0; i < count; ++i) {
    connections.push_back(std::make_unique<StuckConnection>(context, item_bytes));
    connections.back()->start();
  }
  run_ready(context);
  return connections;
}

struct Cost {
  std::size_t item_bytes;
  std::size_t most_bytes;  // of a connection
};

constexpr std::size_t kItemsAndAll = 64 * kMaxItems + 4096 + 2 * kPipe;
/// Small items: no more than the limits say.
constexpr std::size_t kLimits = kMaxLen + kBudget + kItemsAndAll;
/// Items of any size: what the queue retains of shared blocks for what it counts.
constexpr std::size_t kRetained = kMaxLen + 2 * kBudget + 2 * kBlock + 4096 + kItemsAndAll;

class StuckConnectionsOf : public testing::TestWithParam<Cost> {};

TEST_P(StuckConnectionsOf, CostWhatTheirLimitsSayAndNoMore) {
  const std::optional<std::size_t> before = resident_bytes();
  if (!before) {
    GTEST_SKIP() << "this system does not say what a process has in memory";
  }
  const std::size_t count = count_or(500);
  const std::size_t bound = count * (GetParam().most_bytes + kSlack);
  const auto grown = [&] { return *resident_bytes() - std::min(*before, *resident_bytes()); };
  std::size_t most = 0;
  for (int round = 0; round < 4; ++round) {
    net::io_context context(1);
    const StuckConnections connections =
        connect_and_get_stuck(context, count, GetParam().item_bytes);
    for (const auto& connection : connections) {
      ASSERT_TRUE(connection->is_stuck());
    }
    const std::size_t stuck = grown();
    most = std::max(most, stuck);
    EXPECT_LE(stuck, bound) << "in round " << round;
    run_ready(context);
    EXPECT_LE(grown(), stuck + 64 * 1024) << "it grows while nothing moves";
    for (const auto& connection : connections) {
      connection->close();
    }
    ASSERT_TRUE(run_out(context));
  }
  std::cout << GetParam().item_bytes << "-byte items: " << most / count << " bytes a connection of "
            << bound / count << "\n";
}

// One byte; the size at which items and bytes run out together, and its neighbours; large ones.
INSTANTIATE_TEST_SUITE_P(Items, StuckConnectionsOf,
                         testing::Values(Cost{1, kLimits}, Cost{255, kRetained},
                                         Cost{256, kRetained}, Cost{257, kRetained},
                                         Cost{16384, kRetained}),
                         [](const auto& cost) { return std::to_string(cost.param.item_bytes); });

}  // namespace
}  // namespace bytes_handoff::test
