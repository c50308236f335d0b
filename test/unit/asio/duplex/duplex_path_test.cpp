// What a test can do to the bytes on their way through a duplex.
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/handoff_buffer.hpp"
#include "bytes_handoff/testing/duplex.hpp"
#include "bytes_handoff/testing/manual_clock.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "support/asio.hpp"
#include "support/pattern.hpp"
#include "support/run_for.hpp"

namespace bytes_handoff::test {
namespace {

using namespace std::chrono_literals;

class DuplexPathTest : public testing::Test {
 protected:
  using End = BasicDuplexStream<ManualExecutor>;

  DuplexPathTest() {
    auto [one, other] = make_duplex(clock.executor(context), 64);
    sender.emplace(std::move(one));
    receiver.emplace(std::move(other));
  }

  struct Moved {
    std::size_t n = 0;
    net_error_code error;
    friend bool operator==(const Moved&, const Moved&) = default;
  };
  static Moved write(End& end, std::string_view text) {
    Moved moved;
    moved.n = end.write_some(net::buffer(text.data(), text.size()), moved.error);
    return moved;
  }
  static Moved read(End& end, std::string& into, std::size_t most = 100) {
    Moved moved;
    std::string text(most, ' ');
    moved.n = end.read_some(net::buffer(text), moved.error);
    into.append(text, 0, moved.n);
    return moved;
  }
  static Moved read(End& end) {
    std::string ignored;
    return read(end, ignored);
  }
  // Reads and writes of both ends that wait.
  void start_read(End& end, std::optional<Moved>& told) {
    end.async_read_some(net::buffer(room), [&](const net_error_code& error, std::size_t n) {
      told = Moved{n, error};
    });
  }
  void start_write(End& end, std::optional<Moved>& told, const std::string& text) {
    end.async_write_some(net::buffer(text), [&](const net_error_code& error, std::size_t n) {
      told = Moved{n, error};
    });
  }

  net::io_context context{1};
  ManualClock clock;
  std::string room = std::string(100, ' ');
  std::optional<End> sender;
  std::optional<End> receiver;
};

const net_error_code kWouldBlock = net::error::would_block;

TEST_F(DuplexPathTest, that_can_never_work_is_refused) {
  EXPECT_THROW(receiver->set_incoming({.max_read = 0}), std::invalid_argument);
  EXPECT_THROW(receiver->set_incoming({.max_write = 0}), std::invalid_argument);
  EXPECT_THROW(receiver->set_incoming({.delay = -1ns}), std::invalid_argument);
  EXPECT_EQ(write(*sender, pattern(64)), (Moved{64, {}}));
}

TEST_F(DuplexPathTest, of_a_closed_end_is_ignored) {
  receiver->close();
  receiver->set_incoming({.fault = DuplexFault::sender_closes});
  EXPECT_TRUE(sender->is_open());
}

TEST_F(DuplexPathTest, with_bounds_gives_short_reads_and_writes) {
  receiver->set_incoming({.max_read = 3, .max_write = 5});
  EXPECT_EQ(write(*sender, "0123456789"), (Moved{5, {}}));
  EXPECT_EQ(write(*sender, "56"), (Moved{2, {}}));
  std::string text;
  EXPECT_EQ(read(*receiver, text), (Moved{3, {}}));
  EXPECT_EQ(read(*receiver, text, 2), (Moved{2, {}}));
  EXPECT_EQ(read(*receiver, text), (Moved{2, {}}));
  EXPECT_EQ(text, "0123456");
  EXPECT_EQ(read(*receiver).error, kWouldBlock);
}

TEST_F(DuplexPathTest, with_bounds_leaves_the_other_direction_alone) {
  receiver->set_incoming({.max_read = 3, .max_write = 5});
  EXPECT_EQ(write(*receiver, pattern(50)), (Moved{50, {}}));
  EXPECT_EQ(read(*sender), (Moved{50, {}}));
}

TEST_F(DuplexPathTest, bounds_hold_for_what_waits_and_for_several_buffers) {
  receiver->set_incoming({.max_read = 3, .max_write = 5});
  std::optional<Moved> told;
  start_read(*receiver, told);
  const std::array<net::const_buffer, 3> buffers{net::buffer("ab", 2), net::buffer("cd", 2),
                                                 net::buffer("ef", 2)};
  EXPECT_EQ(sender->write_some(buffers), 3U) << "a read that waits takes no more";
  run_ready(context);
  EXPECT_EQ(told, (Moved{3, {}}));
  EXPECT_EQ(room.substr(0, 3), "abc");
  EXPECT_EQ(sender->write_some(buffers), 5U);
  EXPECT_EQ(receiver->available(), 5U);
}

TEST_F(DuplexPathTest, a_write_that_waits_is_short_too) {
  EXPECT_EQ(write(*sender, pattern(64)), (Moved{64, {}}));
  receiver->set_incoming({.max_write = 5});
  std::optional<Moved> told;
  const std::string text = pattern(20);
  start_write(*sender, told, text);
  EXPECT_EQ(read(*receiver).n, 69U);
  run_ready(context);
  EXPECT_EQ(told, (Moved{5, {}}));
}

TEST_F(DuplexPathTest, with_a_seed_has_the_same_bounds_each_time_and_uses_all_of_them) {
  const auto sizes_of = [this](std::uint64_t seed) {
    receiver->set_incoming({.max_write = 4, .seed = seed});
    std::vector<std::size_t> sizes;
    for (int i = 0; i < 100; ++i) {
      sizes.push_back(write(*sender, "0123456789").n);
      EXPECT_EQ(read(*receiver).n, sizes.back());
    }
    return sizes;
  };
  const auto first = sizes_of(1);
  EXPECT_EQ(sizes_of(1), first);
  EXPECT_NE(sizes_of(2), first);
  for (std::size_t size = 0; size != 7; ++size) {
    EXPECT_EQ(std::count(first.begin(), first.end(), size) != 0, size >= 1 && size <= 4) << size;
  }
}

struct FaultRow {
  DuplexFault fault;
  net_error_code at_receiver;  // behind the bytes
  net_error_code at_sender;
};

/// Each fault at each byte of a message.
class DuplexFaults : public DuplexPathTest, public testing::WithParamInterface<FaultRow> {};

INSTANTIATE_TEST_SUITE_P(
    All, DuplexFaults,
    testing::Values(
        FaultRow{DuplexFault::sender_closes, net::error::eof, net::error::bad_descriptor},
        FaultRow{DuplexFault::sender_resets, net::error::connection_reset,
                 net::error::bad_descriptor},
        FaultRow{DuplexFault::receiver_closes, net::error::bad_descriptor, net::error::broken_pipe},
        FaultRow{DuplexFault::receiver_resets, net::error::bad_descriptor,
                 net::error::connection_reset},
        FaultRow{DuplexFault::path_fails, net::error::network_down, net::error::network_down},
        FaultRow{DuplexFault::path_stalls, net::error::would_block, net::error::would_block}));

TEST_P(DuplexFaults, happen_behind_exactly_so_many_bytes) {
  const std::string message = "0123456789";
  for (std::size_t n = 0; n <= message.size(); ++n) {
    auto [one, other] = make_duplex(clock.executor(context), 64);
    other.set_incoming({.fault = GetParam().fault, .fault_after = n});
    if (n != 0) {
      EXPECT_EQ(write(one, message), (Moved{n, {}})) << n;
    }
    EXPECT_EQ(write(one, message).error, GetParam().at_sender) << n;
    std::string text;
    const bool may_read = GetParam().at_receiver != net::error::bad_descriptor;
    if (n != 0 && may_read) {
      EXPECT_EQ(read(other, text), (Moved{n, {}})) << n;
      EXPECT_EQ(text, message.substr(0, n));
    }
    EXPECT_EQ(read(other, text).error, GetParam().at_receiver) << n;
  }
}

TEST_P(DuplexFaults, tell_a_read_and_a_write_that_wait) {
  receiver->set_incoming({.fault = GetParam().fault, .fault_after = 3});
  std::optional<Moved> taken;
  start_read(*receiver, taken);
  EXPECT_EQ(write(*sender, "0123456789"), (Moved{3, {}}));
  run_ready(context);
  EXPECT_EQ(taken, (Moved{3, {}}));
  std::optional<Moved> read_on;
  std::optional<Moved> write_on;
  const std::string rest = "3456789";
  start_read(*receiver, read_on);
  start_write(*sender, write_on, rest);
  run_ready(context);
  if (GetParam().fault == DuplexFault::path_stalls) {
    EXPECT_FALSE(read_on);
    EXPECT_FALSE(write_on);
    EXPECT_TRUE(sender->is_open() && receiver->is_open());
    sender->close();
    run_ready(context);
    EXPECT_EQ(read_on, (Moved{0, net::error::eof}));
  } else {
    EXPECT_EQ(read_on, (Moved{0, GetParam().at_receiver}));
    EXPECT_EQ(write_on, (Moved{0, GetParam().at_sender}));
  }
}

TEST_P(DuplexFaults, come_while_a_read_and_a_write_wait) {
  std::optional<Moved> read_on;
  start_read(*receiver, read_on);
  std::optional<net_error_code> can_write;
  EXPECT_EQ(write(*receiver, pattern(64)), (Moved{64, {}}));
  receiver->async_wait(End::wait_write, [&](const net_error_code& error) { can_write = error; });
  receiver->set_incoming({.fault = GetParam().fault, .fault_after = 0});
  run_ready(context);
  EXPECT_EQ(read_on.has_value(), GetParam().fault != DuplexFault::path_stalls);
  // The other direction is whole unless an end has gone.
  const bool is_whole =
      GetParam().fault == DuplexFault::path_stalls || GetParam().fault == DuplexFault::path_fails;
  EXPECT_EQ(can_write.has_value(), !is_whole);
  if (is_whole) {
    EXPECT_EQ(read(*sender), (Moved{64, {}}));
  }
}

TEST_F(DuplexPathTest, that_has_stalled_is_not_writable) {
  receiver->set_incoming({.fault = DuplexFault::path_stalls, .fault_after = 1});
  std::optional<net_error_code> can_write;
  const auto wait = [&] {
    can_write.reset();
    sender->async_wait(End::wait_write, [&](const net_error_code& error) { can_write = error; });
    run_ready(context);
  };
  wait();
  EXPECT_TRUE(can_write);
  EXPECT_EQ(write(*sender, "ab"), (Moved{1, {}}));
  wait();
  EXPECT_FALSE(can_write);
  receiver->set_incoming({});
  EXPECT_EQ(write(*sender, "b"), (Moved{1, {}}));
}

TEST_F(DuplexPathTest, with_a_delay_gives_bytes_in_order_each_in_its_time) {
  receiver->set_incoming({.delay = 3s});
  EXPECT_EQ(write(*sender, "ab"), (Moved{2, {}}));
  EXPECT_EQ(read(*receiver).error, kWouldBlock);
  std::optional<Moved> told;
  start_read(*receiver, told);
  clock.advance(1s);
  EXPECT_EQ(write(*sender, "cde"), (Moved{3, {}}));
  clock.advance(2s - 1ns);
  run_ready(context);
  EXPECT_FALSE(told);
  clock.advance(1ns);
  run_ready(context);
  EXPECT_EQ(told, (Moved{2, {}}));
  EXPECT_EQ(room.substr(0, 2), "ab");
  EXPECT_EQ(receiver->available(), 0U);
  clock.advance(1s);
  run_ready(context);
  std::string text;
  EXPECT_EQ(read(*receiver, text), (Moved{3, {}}));
  EXPECT_EQ(text, "cde");
  EXPECT_EQ(clock.next_wait(), std::nullopt);
}

TEST_F(DuplexPathTest, bytes_on_their_way_have_room_in_the_ring_and_the_end_is_behind_them) {
  receiver->set_incoming({.delay = 3s});
  const std::string all = pattern(100);
  EXPECT_EQ(write(*sender, all), (Moved{64, {}}));
  EXPECT_EQ(write(*sender, "x").error, kWouldBlock);
  std::optional<Moved> written;
  const std::string rest = all.substr(64);
  start_write(*sender, written, rest);
  clock.advance(3s);
  run_ready(context);
  std::string text;
  EXPECT_EQ(read(*receiver, text), (Moved{64, {}}));
  run_ready(context);
  EXPECT_EQ(written, (Moved{36, {}}));
  sender->reset();
  EXPECT_EQ(read(*receiver).error, kWouldBlock) << "the reset has overtaken";
  std::optional<net_error_code> readable;
  receiver->async_wait(End::wait_read, [&](const net_error_code& error) { readable = error; });
  run_ready(context);
  EXPECT_FALSE(readable);
  clock.advance(3s);
  run_ready(context);
  EXPECT_TRUE(readable);
  EXPECT_EQ(read(*receiver, text), (Moved{36, {}}));
  EXPECT_EQ(text, all);
  EXPECT_EQ(read(*receiver).error, net::error::connection_reset);
}

TEST_F(DuplexPathTest, without_its_delay_what_was_delayed_still_comes_first) {
  receiver->set_incoming({.delay = 3s});
  EXPECT_EQ(write(*sender, "ab"), (Moved{2, {}}));
  receiver->set_incoming({});
  EXPECT_EQ(write(*sender, "cd"), (Moved{2, {}}));
  std::string text;
  clock.advance(3s);
  run_ready(context);
  while (read(*receiver, text).n != 0) {
  }
  EXPECT_EQ(text, "abcd");
}

TEST_F(DuplexPathTest, with_the_systems_clock_a_delay_takes_its_time) {
  auto [one, other] = make_duplex(context, 64);
  other.set_incoming({.delay = 1ms});
  const auto begin = std::chrono::steady_clock::now();
  one.write_some(net::buffer("a", 1));
  std::optional<Moved> told;
  other.async_read_some(net::buffer(room), [&](const net_error_code& error, std::size_t n) {
    told = Moved{n, error};
  });
  ASSERT_TRUE(run_until(context, [&] { return told.has_value(); }));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 1ms);
}

TEST_F(DuplexPathTest, with_a_delay_ends_may_go_while_bytes_are_on_their_way) {
  receiver->set_incoming({.delay = 3s});
  EXPECT_EQ(write(*sender, "ab"), (Moved{2, {}}));
  receiver.reset();
  EXPECT_EQ(write(*sender, "cd").error, net::error::broken_pipe);
  clock.advance(3s);
  EXPECT_TRUE(run_out(context));
}

TEST_F(DuplexPathTest, with_a_delay_its_context_may_go_while_bytes_are_on_their_way) {
  auto going = std::make_unique<net::io_context>(1);
  auto [one, other] = make_duplex(context, *going, 64);
  other.set_incoming({.delay = 1h});
  one.write_some(net::buffer("ab", 2));
  going.reset();
  net_error_code error;
  one.write_some(net::buffer("cd", 2), error);
  EXPECT_EQ(error, net::error::connection_reset);
}

/// What it is for: a queue in front of a stream that does all this at once.
TEST_F(DuplexPathTest, a_queue_writes_everything_through_short_and_delayed_pieces) {
  receiver->set_incoming({.max_read = 7, .max_write = 5, .seed = 3, .delay = 1s});
  WriteHandoff out(std::move(*sender));
  const std::string all = pattern(1000);
  Bytes bytes = Bytes::copy_of(all);
  ASSERT_TRUE(out.try_write(bytes));
  out.close();
  HandoffBuffer in;
  bool is_over = false;
  const auto read_on = [&](const auto& again) -> void {
    in.async_read_available(*receiver, [&](const net_error_code& error, std::size_t n) {
      EXPECT_FALSE(error);
      is_over = n == 0;
      if (!is_over) {
        again(again);
      }
    });
  };
  read_on(read_on);
  run_ready(context);
  while (!is_over) {
    const auto next = clock.next_wait();
    ASSERT_TRUE(next);
    clock.advance(*next);
    run_ready(context);
  }
  EXPECT_EQ(in.peek_view(), all);
}

}  // namespace
}  // namespace bytes_handoff::test
