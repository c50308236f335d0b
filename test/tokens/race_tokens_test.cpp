// A write, a burst or a reservation in a race with something else: of `||` one result is dropped.
// With it goes a ticket, but never bytes: a slice is empty exactly if it was admitted. A permit
// that is dropped gives its room back.

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "bytes_handoff/testing/duplex.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "support/asio.hpp"
#include "support/run_for.hpp"
#include "support/stepping/count.hpp"
#include "support/stepping/seed.hpp"

#if defined(BYTES_HANDOFF_BOOST_ASIO)
#include <boost/asio/experimental/awaitable_operators.hpp>
#else
#include <asio/experimental/awaitable_operators.hpp>
#endif

namespace bytes_handoff::test {
namespace {

using net::experimental::awaitable_operators::operator||;
using Clock = std::chrono::steady_clock;

/// A queue with room or without, a timer, and a far end that is read from. All on one context.
class WriteRace : public testing::Test {
 protected:
  void fill() {
    Bytes all = Bytes::copy_of("12345678");
    ASSERT_TRUE(out.try_write(all));
    sent += "12345678";
  }
  void read() {
    std::array<char, 16> room{};
    net_error_code error;
    received.append(room.data(), ends.second.read_some(net::buffer(room), error));
  }
  void read_all() {
    for (int i = 0; i < 20; ++i) {
      run_ready(context);
      read();
    }
  }

  /// Starts `out.async_write(slices) || timer.async_wait()`.
  template <class Slices>
  void start(Slices& slices) {
    const auto admitted_before = out.statistics().admitted_items;
    const auto race = [this, &slices, admitted_before]() -> net::awaitable<void> {
      const auto result = co_await (out.async_write(slices, net::use_awaitable) ||
                                    timer.async_wait(net::use_awaitable));
      was_admitted = out.statistics().admitted_items != admitted_before;
      EXPECT_TRUE(was_admitted || result.index() == 1) << "a ticket for what was not admitted";
      is_over = true;
    };
    net::co_spawn(context, race, [](std::exception_ptr thrown) { EXPECT_EQ(thrown, nullptr); });
  }
  void expect_nothing_lost(const Bytes& slice, const std::string& text, const std::byte* data) {
    ASSERT_TRUE(is_over);
    EXPECT_EQ(slice.empty(), was_admitted);
    if (was_admitted) {
      sent += text;
    } else {
      EXPECT_EQ(slice.data(), data);
      EXPECT_EQ(slice.view(), text);
    }
    read_all();
    EXPECT_EQ(received, sent);
  }

  net::io_context context{1};
  std::pair<DuplexStream, DuplexStream> ends = make_duplex(context.get_executor(), 4);
  WriteHandoff out{std::move(ends.first),
                   WriteHandoffConfig{.max_items = 2, .max_pending_bytes = 8}};
  net::steady_timer timer{context, Clock::time_point::max()};
  std::string sent;
  std::string received;
  bool was_admitted = false;
  bool is_over = false;
};

TEST_F(WriteRace, with_a_timer_that_wins_leaves_the_slice) {
  fill();
  Bytes slice = Bytes::copy_of("late");
  const std::byte* const data = slice.data();
  timer.expires_at(Clock::time_point::min());
  start(slice);
  ASSERT_TRUE(run_until(context, [&] { return is_over; }));
  EXPECT_FALSE(was_admitted);
  EXPECT_EQ(out.statistics().waits, 1U);
  expect_nothing_lost(slice, "late", data);
}

TEST_F(WriteRace, with_a_timer_that_loses_takes_the_slice) {
  fill();
  Bytes slice = Bytes::copy_of("soon");
  start(slice);
  run_ready(context);
  EXPECT_FALSE(is_over);
  read_all();
  EXPECT_TRUE(was_admitted);
  expect_nothing_lost(slice, "soon", nullptr);
}

TEST_F(WriteRace, with_a_timer_that_is_over_takes_the_slice_where_there_is_room) {
  Bytes slice = Bytes::copy_of("soon");
  timer.expires_at(Clock::time_point::min());
  start(slice);
  ASSERT_TRUE(run_until(context, [&] { return is_over; }));
  EXPECT_TRUE(was_admitted);
  expect_nothing_lost(slice, "soon", nullptr);
}

TEST_F(WriteRace, of_slices_leaves_all_or_none) {
  for (const bool has_room : {false, true}) {
    if (!has_room) {
      fill();
    }
    std::array slices{Bytes::copy_of("a"), Bytes::copy_of("b")};
    timer.expires_at(Clock::time_point::min());
    is_over = false;
    start(slices);
    ASSERT_TRUE(run_until(context, [&] { return is_over; }));
    EXPECT_EQ(was_admitted, has_room);
    EXPECT_EQ(slices[0].empty(), has_room);
    EXPECT_EQ(slices[1].empty(), has_room);
    sent += has_room ? "ab" : "";
    read_all();
    EXPECT_EQ(received, sent);
  }
}

// At any point of the race there is room, or the timer is over, or both.
TEST_F(WriteRace, at_any_point_loses_nothing) {
  Random random;
  SCOPED_TRACE(seed_note());
  const std::uint64_t rounds = count_or(500);
  unsigned times_admitted = 0;
  for (std::uint64_t round = 0; round < rounds && !HasFailure(); ++round) {
    fill();
    const std::string text = "round " + std::string(1, static_cast<char>('a' + round % 26));
    Bytes slice = Bytes::copy_of(text);
    const std::byte* const data = slice.data();
    timer.expires_at(Clock::now() + std::chrono::microseconds(random.between(0, 60)));
    is_over = false;
    start(slice);
    while (!is_over) {
      if (random.one_in(6)) {
        read();
      }
      context.restart();
      context.poll_one();
    }
    times_admitted += was_admitted ? 1U : 0U;
    expect_nothing_lost(slice, text, data);
  }
  std::printf("%u of %u admitted\n", times_admitted, static_cast<unsigned>(rounds));
}

class ReserveRace : public WriteRace {
 protected:
  /// Starts `out.async_reserve(bytes) || timer.async_wait()`. The result lives on in `permit`.
  void start(std::size_t bytes) {
    const auto race = [this, bytes]() -> net::awaitable<void> {
      auto result = co_await (out.async_reserve(bytes, net::use_awaitable) ||
                              timer.async_wait(net::use_awaitable));
      if (auto* won = std::get_if<0>(&result)) {
        EXPECT_TRUE(won->valid());
        permit = std::move(*won);
      }
      is_over = true;
    };
    net::co_spawn(context, race, [](std::exception_ptr thrown) { EXPECT_EQ(thrown, nullptr); });
  }
  /// What is reserved is what the program was given.
  void expect_room_is_not_lost() {
    EXPECT_TRUE(is_over);
    EXPECT_EQ(out.statistics().reserved_bytes, permit.bytes());
    EXPECT_EQ(out.statistics().reserved_items, permit.items());
    permit = WritePermit();
    read_all();
    EXPECT_TRUE(out.try_reserve(8, 2).has_value()) << "room was lost";
    EXPECT_EQ(out.statistics().reserved_bytes, 0U);
  }

  WritePermit permit;
};

TEST_F(ReserveRace, with_a_timer_that_wins_holds_no_room) {
  fill();
  timer.expires_at(Clock::time_point::min());
  start(8);
  ASSERT_TRUE(run_until(context, [&] { return is_over; }));
  EXPECT_FALSE(permit.valid());
  EXPECT_EQ(out.statistics().waits, 1U);
  expect_room_is_not_lost();
}

TEST_F(ReserveRace, with_a_timer_that_loses_gives_a_permit) {
  fill();
  start(8);
  run_ready(context);
  EXPECT_FALSE(is_over);
  read_all();
  EXPECT_TRUE(permit.valid());
  expect_room_is_not_lost();
}

// Both are over in the same turn: the permit is granted, and `||` drops it.
TEST_F(ReserveRace, that_is_lost_by_a_permit_that_was_granted_gives_its_room_back) {
  const auto race = [this]() -> net::awaitable<void> {
    const auto result = co_await (net::post(context, net::use_awaitable) ||
                                  out.async_reserve(8, net::use_awaitable));
    EXPECT_EQ(result.index(), 0U) << "the permit has won; the case is not met";
    is_over = true;
  };
  net::co_spawn(context, race, [](std::exception_ptr thrown) { EXPECT_EQ(thrown, nullptr); });
  ASSERT_TRUE(run_until(context, [&] { return is_over; }));
  EXPECT_EQ(out.statistics().waits, 0U) << "it was granted at once";
  expect_room_is_not_lost();
}

TEST_F(ReserveRace, at_any_point_loses_no_room) {
  Random random;
  SCOPED_TRACE(seed_note());
  const std::uint64_t rounds = count_or(500);
  unsigned times_granted = 0;
  for (std::uint64_t round = 0; round < rounds && !HasFailure(); ++round) {
    fill();
    timer.expires_at(Clock::now() + std::chrono::microseconds(random.between(0, 200)));
    is_over = false;
    start(random.between(1, 8));
    while (!is_over) {
      if (random.one_in(2)) {
        read();
      }
      context.restart();
      context.poll_one();
    }
    times_granted += permit.valid() ? 1U : 0U;
    expect_room_is_not_lost();
  }
  std::printf("%u of %u granted\n", times_granted, static_cast<unsigned>(rounds));
}

class BurstRace : public WriteRace {
 protected:
  void make_slices(Random& random) {
    cuts = random.one_in(2);
    slices.clear();
    all.clear();
    for (std::size_t i = 0; i < 5; ++i) {
      const std::string text(random.between(1, cuts ? 20 : 8), static_cast<char>('a' + i));
      all += text;
      slices.push_back(Bytes::copy_of(text));
    }
  }
  /// Starts `out.async_send(slices) || timer.async_wait()`.
  void start() {
    is_over = false;
    told = 0;
    const auto race = [this]() -> net::awaitable<void> {
      auto burst = cuts ? out.async_send(slices, may_cut, net::use_awaitable)
                        : out.async_send(slices, net::use_awaitable);
      const auto result = co_await (std::move(burst) || timer.async_wait(net::use_awaitable));
      if (const auto* won = std::get_if<0>(&result)) {
        told = *won;
      }
      is_over = true;
    };
    net::co_spawn(context, race, [](std::exception_ptr thrown) { EXPECT_EQ(thrown, nullptr); });
  }
  /// Returns whether all was admitted.
  bool expect_nothing_lost() {
    std::string left;
    for (const Bytes& slice : slices) {
      EXPECT_TRUE(left.empty() || !slice.empty()) << "others than the leading ones were admitted";
      left += slice.view();
    }
    EXPECT_TRUE(told == 0 || left.empty());
    sent += all.substr(0, all.size() - left.size());
    EXPECT_EQ(all.substr(all.size() - left.size()), left);
    read_all();
    EXPECT_EQ(received, sent);
    return left.empty();
  }

  bool cuts = false;
  std::string all;
  std::vector<Bytes> slices;
  std::size_t told = 0;
};

// The leading slices that are empty were admitted, the others are the caller's; one that was cut
// keeps its rest.
TEST_F(BurstRace, at_any_point_loses_nothing) {
  Random random;
  SCOPED_TRACE(seed_note());
  const std::uint64_t rounds = count_or(500);
  unsigned times_whole = 0;
  for (std::uint64_t round = 0; round < rounds && !HasFailure(); ++round) {
    make_slices(random);
    timer.expires_at(Clock::now() + std::chrono::microseconds(random.between(0, 400)));
    start();
    while (!is_over) {
      if (random.one_in(2)) {
        read();
      }
      context.restart();
      context.poll_one();
    }
    times_whole += expect_nothing_lost() ? 1U : 0U;
  }
  std::printf("%u of %u admitted in whole\n", times_whole, static_cast<unsigned>(rounds));
}

}  // namespace
}  // namespace bytes_handoff::test
