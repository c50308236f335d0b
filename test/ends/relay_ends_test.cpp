// Each end of a relay and of a tunnel, on each kind of stream of bytes. The other side is always a
// TCP connection.

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <future>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "bytes_handoff/tunnel.hpp"
#include "ends/connection.hpp"
#include "ends/end_table.hpp"
#include "ends/peer.hpp"
#include "ends/tcp_pair.hpp"
#include "support/asio.hpp"
#include "support/pattern.hpp"
#include "support/relaying/tunnel_outcome.hpp"
#include "support/run_for.hpp"
#include "support/stepping/seed.hpp"
#include "support/streams/buffer_feed.hpp"

namespace bytes_handoff::test {
namespace {

// The kernel of who reads this slowly holds a part of it when all is written.
constexpr std::size_t kBytes = 600'000;
constexpr std::size_t kPiece = std::size_t{32} * 1024;
constexpr std::chrono::milliseconds kPause{1};

struct Row {
  std::string_view name;
  bool is_tunnel;
  bool is_from_stream;  ///< what ends is the stream, else the TCP connection
  bool is_cut;          ///< else it ends in order
};
constexpr std::array kRows{
    Row{"relay_from_it_ends", false, true, false}, Row{"relay_from_it_is_cut", false, true, true},
    Row{"relay_to_it_ends", false, false, false},  Row{"relay_to_it_is_cut", false, false, true},
    Row{"tunnel_from_it_ends", true, true, false}, Row{"tunnel_from_it_is_cut", true, true, true},
    Row{"tunnel_to_it_ends", true, false, false},  Row{"tunnel_to_it_is_cut", true, false, true},
};

class RelayEnds : public testing::TestWithParam<std::tuple<Row, StreamRow>> {
 protected:
  ~RelayEnds() override {
    connection_.peer->stop_waiting();
    tcp_peer_.stop_waiting();
  }

  [[nodiscard]] const Row& row() const { return std::get<0>(GetParam()); }
  [[nodiscard]] const FamilyRow& family() const {
    return family_row(std::get<1>(GetParam()).family);
  }
  [[nodiscard]] Peer& from() {
    return row().is_from_stream ? *connection_.peer : static_cast<Peer&>(tcp_peer_);
  }
  [[nodiscard]] Peer& to() {
    return row().is_from_stream ? static_cast<Peer&>(tcp_peer_) : *connection_.peer;
  }

  void start() {
    if (random_.one_in(2)) {
      queue_.emplace(connection_.near->spawn(Form::kSharedAndRead, {}));
    }
    RelayOptions options{.progress = &progress_};
    if (row().is_tunnel) {
      TunnelOptions of_tunnel;
      (row().is_from_stream ? of_tunnel.a_to_b : of_tunnel.b_to_a) = &progress_;
      connection_.near->tunnel(buffer_, queue_ ? &*queue_ : nullptr,
                               TunnelEnd(tcp_buffer_, socket_), of_tunnel, tunnel_.handler());
    } else if (row().is_from_stream) {
      connection_.near->relay_to(buffer_, socket_, options, relay_.handler());
    } else if (queue_) {
      async_relay(tcp_buffer_, socket_, *queue_, options, relay_.handler());
    } else {
      connection_.near->relay_from(tcp_buffer_, socket_, options, relay_.handler());
    }
  }

  template <class Condition>
  [[nodiscard]] bool run_until_true(Condition condition) {
    const auto give_up = std::chrono::steady_clock::now() + kPatience;
    const auto work = net::make_work_guard(context_);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > give_up) {
        return false;
      }
      context_.restart();
      context_.run_one_for(std::chrono::milliseconds(1));
    }
    return true;
  }
  template <class Call>
  auto by_peer(Call call) {
    auto done = std::async(std::launch::async, std::move(call));
    EXPECT_TRUE(run_until_true(
        [&] { return done.wait_for(std::chrono::milliseconds(0)) == std::future_status::ready; }));
    if (HasFailure()) {
      from().stop_waiting();
      to().stop_waiting();
    }
    return done.get();
  }

  // How one ends that ends in order.
  [[nodiscard]] Seen in_order(bool of_stream) const {
    return of_stream && family().family == Family::kTls ? Seen::kCloseNotify : Seen::kEnd;
  }

  // All of it but what is buffered, while the other peer reads it slowly; then the end.
  [[nodiscard]] Reading send_and_end(const std::string& text) {
    auto reading =
        std::async(std::launch::async, [this] { return to().read_to_end(kPiece, kPause); });
    EXPECT_TRUE(by_peer([&] { return from().write(text.substr(buffered_)); }));
    EXPECT_TRUE(run_until_true([&] { return progress_.counts().received == text.size(); }));
    if (!row().is_cut) {
      from().end_write();
    } else if (family().family == Family::kTls && row().is_from_stream && random_.one_in(2)) {
      from().close();  // without a close_notify
    } else {
      from().reset();
    }
    return by_peer([&] { return reading.get(); });
  }

  // Whether the cut looks like one to who reads the input.
  [[nodiscard]] bool is_cut() const {
    return row().is_cut && (!row().is_from_stream || family().knows_reset);
  }

  void expect_reading(const Reading& reading, const std::string& text) {
    const bool to_stream = !row().is_from_stream;
    const bool may_lose = is_cut() && to_stream && !family().is_acknowledged;
    EXPECT_EQ(may_lose ? text.starts_with(reading.bytes) : reading.bytes == text, true)
        << reading.bytes.size();
    const bool is_reset_seen = is_cut() && (!to_stream || family().knows_reset);
    EXPECT_EQ(name_of(reading.end), name_of(is_reset_seen ? Seen::kReset : in_order(to_stream)));
  }

  void expect_counts(const RelayCounts& counts, const net_error_code& error) const {
    EXPECT_EQ(counts, (RelayCounts{kBytes, kBytes, is_cut() ? RelaySide::in : RelaySide::none}));
    EXPECT_EQ(static_cast<bool>(error), is_cut()) << error.message();
  }

  // The other way of a tunnel goes on behind an end in order.
  void expect_answer() {
    const std::string answer = pattern(1000, 7);
    EXPECT_TRUE(by_peer([&] {
      const bool sent = to().write(answer);
      to().end_write();
      return sent;
    }));
    const Reading reading = by_peer([this] { return from().read_to_end(); });
    EXPECT_EQ(reading.bytes, answer);
    EXPECT_EQ(name_of(reading.end), name_of(in_order(row().is_from_stream)));
  }

  Random random_{seed()};
  net::io_context context_{1};
  Connection connection_ = connect(std::get<1>(GetParam()).kind, context_, random_.one_in(2));
  std::pair<NearEnd::Tcp, int> tcp_ = connect_tcp(context_);
  NearEnd::Tcp& socket_ = tcp_.first;
  DescriptorPeer tcp_peer_{tcp_.second};
  HandoffBuffer buffer_;
  HandoffBuffer tcp_buffer_;
  const std::size_t buffered_ = random_.one_in(4) ? 0 : random_.between(1, 1000);
  RelayProgress progress_;
  std::optional<WriteHandoff> queue_;
  RelayOutcome relay_;
  TunnelOutcome tunnel_;
};

TEST_P(RelayEnds, reach_the_other_peer_behind_all_that_came) {
  SCOPED_TRACE(seed_note());
  const std::string text = pattern(kBytes);
  feed(row().is_from_stream ? buffer_ : tcp_buffer_, text.substr(0, buffered_));
  start();
  expect_reading(send_and_end(text), text);
  if (row().is_tunnel && !row().is_cut) {
    expect_answer();
  } else if (row().is_tunnel && !is_cut()) {
    to().end_write();
  }
  ASSERT_TRUE(run_until_true([this] { return relay_.is_over() || tunnel_.is_over(); }));
  if (row().is_tunnel) {
    const auto& way = row().is_from_stream ? tunnel_.a_to_b() : tunnel_.b_to_a();
    expect_counts(way.counts, way.error);
    EXPECT_EQ(tunnel_.error(), way.error);
  } else {
    expect_counts(relay_.counts(), relay_.error());
  }
}

[[nodiscard]] std::vector<std::tuple<Row, StreamRow>> cells() {
  std::vector<std::tuple<Row, StreamRow>> cells;
  for (const StreamRow& stream : kStreams) {
#if !defined(BYTES_HANDOFF_BOOST_ASIO)
    if (stream.needs_boost) {
      continue;
    }
#endif
    for (const Row& row : kRows) {
      const bool is_read = row.is_tunnel || row.is_from_stream;
      if (stream.family != Family::kWebSocket && (!is_read || family_row(stream.family).is_read)) {
        cells.emplace_back(row, stream);
      }
    }
  }
  return cells;
}

INSTANTIATE_TEST_SUITE_P(Cells, RelayEnds, testing::ValuesIn(cells()), [](const auto& cell) {
  return std::string(std::get<0>(cell.param).name) + "_" +
         std::string(std::get<1>(cell.param).name);
});

}  // namespace
}  // namespace bytes_handoff::test
