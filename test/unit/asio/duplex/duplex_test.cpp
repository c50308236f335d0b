#include "bytes_handoff/testing/duplex.hpp"

#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "bytes_handoff/asio/support/stream_traits.hpp"
#include "support/memory/counting_resource.hpp"
#include "support/pattern.hpp"
#include "support/streams/duplex_fixture.hpp"

namespace bytes_handoff {
namespace {

using test::DuplexFixture;
using test::Result;

using Concrete = BasicDuplexStream<net::io_context::executor_type>;

static_assert(std::is_same_v<DuplexStream::executor_type, net::any_io_executor>);
static_assert(std::is_same_v<Concrete::rebind_executor<net::any_io_executor>::other, DuplexStream>);
static_assert(std::is_nothrow_move_constructible_v<DuplexStream>);
static_assert(std::is_nothrow_move_assignable_v<Concrete>);
static_assert(!std::is_copy_constructible_v<DuplexStream>);
static_assert(std::is_convertible_v<Concrete, DuplexStream>);
static_assert(!std::is_convertible_v<DuplexStream, Concrete>);
static_assert(detail::ReadinessReadStream<Concrete>);
static_assert(detail::NonBlockingWriteStream<DuplexStream>);

using DuplexTest = DuplexFixture;

TEST_F(DuplexTest, RefusesACapacityOfZero) {
  EXPECT_THROW(make_duplex(context, 0), std::invalid_argument);
  try {
    make_duplex(context.get_executor(), 0);
    ADD_FAILURE() << "not refused";
  } catch (const std::invalid_argument& refused) {
    EXPECT_STREQ(refused.what(), "make_duplex: capacity must be at least 1");
  }
}

TEST_F(DuplexTest, TakesItsRingsFromTheBlockSource) {
  test::CountingResource source;
  auto [one, two] = make_duplex(context, 100, &source);
  EXPECT_EQ(source.allocations(), 0U);
  source.fail(true);
  expect_write(one, "abc", net::error::no_memory, 0);
  source.fail(false);
  expect_write(one, "abc", {}, 3);
  expect_write(two, "def", {}, 3);
  EXPECT_EQ(source.bytes_out(), 200U);
  one.close();
  EXPECT_EQ(source.bytes_out(), 100U);
  expect_read(two, 9, "abc");
  two.close();
  EXPECT_EQ(source.bytes_out(), 0U);
}

TEST_F(DuplexTest, HasTheShapeOfAConnectedSocket) {
  auto [one, two] = make_duplex(net::any_io_executor(context.get_executor()), 7);
  EXPECT_EQ(one.capacity(), 7U);
  EXPECT_TRUE(one.is_open());
  EXPECT_EQ(two.available(), 0U);
  EXPECT_EQ(one.get_executor(), net::any_io_executor(context.get_executor()));
  EXPECT_TRUE(one.non_blocking());
  net_error_code error;
  one.non_blocking(true, error);
  EXPECT_FALSE(error);
  one.non_blocking(false, error);
  EXPECT_EQ(error, net::error::operation_not_supported);
  EXPECT_THROW(one.non_blocking(false), net_system_error);
}

TEST_F(DuplexTest, CarriesBytesBothWays) {
  expect_write(a, "to b", {}, 4);
  expect_write(b, "to a!", {}, 5);
  EXPECT_EQ(b.available(), 4U);
  expect_read(b, 100, "to b");
  expect_read(a, 100, "to a!");
  expect_read_fails(a, net::error::would_block);
}

TEST_F(DuplexTest, NeverCallsAHandlerFromWithinACall) {
  expect_write(a, "x", {}, 1);
  Result read;
  Result write;
  Result wait;
  char room = 0;
  b.async_read_some(net::buffer(&room, 1), read.handler());
  a.async_write_some(net::buffer("y", 1), write.handler());
  a.async_wait(a.wait_write, wait.wait_handler());
  EXPECT_FALSE(read.called || write.called || wait.called);
  context.run();
  read.expect({}, 1);
  write.expect({}, 1);
  wait.expect({});
  EXPECT_EQ(room, 'x');
}

TEST_F(DuplexTest, AWaitingReadGetsTheBytesAndTheWriteIsShort) {
  Result read;
  std::string room(3, '\0');
  b.async_read_some(net::buffer(room), read.handler());
  expect_write(a, "abcdefghijklmnop", {}, 3);
  expect_write(a, "defghijklmnop", {}, kCapacity);
  EXPECT_FALSE(read.called);
  context.run();
  read.expect({}, 3);
  EXPECT_EQ(room, "abc");
  expect_read(b, 100, "defghijk");
}

TEST_F(DuplexTest, AWaitingWriteCompletesShortWhenThereIsRoom) {
  expect_write(a, "abcdefgh", {}, 8);
  Result write;
  a.async_write_some(net::buffer("ijkl", 4), write.handler());
  context.poll();
  EXPECT_FALSE(write.called);
  expect_write(a, "z", net::error::would_block, 0);
  expect_read(b, 2, "ab");
  context.run();
  write.expect({}, 2);
  expect_read(b, 100, "cdefghij");
}

TEST_F(DuplexTest, AReadLargerThanTheRingTakesFromAWaitingWriteToo) {
  expect_write(a, "abcdefgh", {}, 8);
  const std::string rest = test::pattern(100);
  Result write;
  a.async_write_some(net::buffer(rest), write.handler());
  expect_read(b, 58, "abcdefgh" + rest.substr(0, 50));
  context.run();
  write.expect({}, 58);
  expect_read(b, 100, rest.substr(50, 8));
}

TEST_F(DuplexTest, OperationsWithoutBytesCompleteAtOnce) {
  Result read;
  Result write;
  expect_write(a, "abcdefgh", {}, 8);
  b.async_read_some(net::mutable_buffer(), read.handler());
  a.async_write_some(std::vector<net::const_buffer>(3), write.handler());
  context.run();
  read.expect({}, 0);
  write.expect({}, 0);
  expect_write(a, "", {}, 0);
  expect_read(b, 0, "");
  expect_read(b, 100, "abcdefgh");
}

TEST_F(DuplexTest, GathersAndScattersWaitingOrNot) {
  std::string one(2, '\0');
  std::string two(3, '\0');
  const std::array<net::mutable_buffer, 3> into{net::buffer(one), net::mutable_buffer(),
                                                net::buffer(two)};
  const std::vector<net::const_buffer> from{net::buffer("a", 1), net::buffer("bc", 2),
                                            net::const_buffer(), net::buffer("defg", 4)};
  Result read;
  b.async_read_some(into, read.handler());
  net_error_code error;
  EXPECT_EQ(a.write_some(from, error), 5U) << "more than the read that waits takes";
  context.run();
  read.expect({}, 5);
  EXPECT_EQ(one + two, "abcde");
  EXPECT_EQ(a.write_some(from, error), 7U);
  EXPECT_EQ(b.read_some(into), 5U);
  EXPECT_EQ(one + two, "abcde");
  EXPECT_EQ(b.read_some(into), 2U);
  EXPECT_EQ(one, "fg");
}

TEST_F(DuplexTest, UsesTheFirst64BuffersThatAreNotEmpty) {
  auto [sender, receiver] = make_duplex(context, 1000);
  const std::string text = test::pattern(100);
  std::vector<net::const_buffer> from;
  for (const char& letter : text) {
    from.emplace_back();
    from.emplace_back(&letter, 1);
  }
  EXPECT_EQ(sender.write_some(from), 64U);
  std::string room(100, '\0');
  EXPECT_EQ(receiver.read_some(net::buffer(room)), 64U);
  EXPECT_EQ(room.substr(0, 64), text.substr(0, 64));
}

TEST_F(DuplexTest, ShutdownSendEndsTheStreamBehindItsBytes) {
  expect_write(a, "abc", {}, 3);
  a.shutdown(a.shutdown_send);
  expect_write(a, "d", net::error::broken_pipe, 0);
  expect_read(b, 100, "abc");
  expect_read_fails(b, net::error::eof);
  expect_write(b, "other way", {}, 8);
  expect_read(a, 100, "other wa");
  a.shutdown(a.shutdown_send);
  EXPECT_TRUE(a.is_open());
}

TEST_F(DuplexTest, ShutdownSendCompletesWhatWaits) {
  expect_write(a, "abcdefgh", {}, 8);
  Result write;
  Result read;
  char room = 0;
  a.async_write_some(net::buffer("i", 1), write.handler());
  a.async_read_some(net::buffer(&room, 1), read.handler());
  a.shutdown(a.shutdown_send);
  b.shutdown(b.shutdown_send);
  context.run();
  write.expect(net::error::broken_pipe, 0);
  read.expect(net::error::eof, 0);
}

TEST_F(DuplexTest, ShutdownReceiveBreaksThePeersWrites) {
  expect_write(a, "abcdefgh", {}, 8);
  Result write;
  Result wait;
  a.async_write_some(net::buffer("i", 1), write.handler());
  a.async_wait(a.wait_error, wait.wait_handler());
  b.shutdown(b.shutdown_receive);
  context.run();
  write.expect(net::error::broken_pipe, 0);
  wait.expect({});
  expect_write(a, "i", net::error::broken_pipe, 0);
  expect_read(b, 100, "abcdefgh");
  expect_read_fails(b, net::error::eof);
}

TEST_F(DuplexTest, ShutdownBothIsBoth) {
  a.shutdown(a.shutdown_both);
  expect_write(a, "x", net::error::broken_pipe, 0);
  expect_write(b, "x", net::error::broken_pipe, 0);
  expect_read_fails(a, net::error::eof);
  expect_read_fails(b, net::error::eof);
}

TEST_F(DuplexTest, CloseWhileBothSidesWait) {
  expect_write(a, "abcdefgh", {}, 8);
  expect_write(b, "stuvwxyz", {}, 8);
  Result own_write;
  Result peer_write;
  Result own_wait;
  a.async_write_some(net::buffer("i", 1), own_write.handler());
  b.async_write_some(net::buffer("!", 1), peer_write.handler());
  a.async_wait(a.wait_error, own_wait.wait_handler());
  a.close();
  EXPECT_FALSE(a.is_open());
  context.run();
  own_write.expect(net::error::operation_aborted, 0);
  own_wait.expect(net::error::operation_aborted);
  peer_write.expect(net::error::broken_pipe, 0);
  expect_read(b, 100, "abcdefgh");
  expect_read_fails(b, net::error::eof);
}

TEST_F(DuplexTest, CloseWhileBothSidesRead) {
  Result own;
  Result peer;
  std::array<char, 2> room{};
  a.async_read_some(net::buffer(&room[0], 1), own.handler());
  b.async_read_some(net::buffer(&room[1], 1), peer.handler());
  net_error_code error = net::error::eof;
  a.close(error);
  EXPECT_FALSE(error);
  context.run();
  own.expect(net::error::operation_aborted, 0);
  peer.expect(net::error::eof, 0);
}

TEST_F(DuplexTest, ResetLeavesWhatWasWrittenAndThenTellsThePeer) {
  expect_write(a, "abcdefgh", {}, 8);
  expect_write(b, "stuvwxyz", {}, 8);
  Result own_write;
  Result own_wait;
  Result peer_write;
  a.async_write_some(net::buffer("i", 1), own_write.handler());
  a.async_wait(a.wait_error, own_wait.wait_handler());
  b.async_write_some(net::buffer("!", 1), peer_write.handler());
  a.reset();
  EXPECT_FALSE(a.is_open());
  context.run();
  own_write.expect(net::error::operation_aborted, 0);
  own_wait.expect(net::error::operation_aborted);
  peer_write.expect(net::error::connection_reset, 0);
  expect_read(b, 100, "abcdefgh");
  expect_read_fails(b, net::error::connection_reset);
  expect_write(b, "?", net::error::connection_reset, 0);
  a.reset();
  expect_closed(a);
}

TEST_F(DuplexTest, ResetWhileBothSidesRead) {
  Result own;
  Result peer;
  std::array<char, 2> room{};
  a.async_read_some(net::buffer(&room[0], 1), own.handler());
  b.async_read_some(net::buffer(&room[1], 1), peer.handler());
  a.reset();
  context.run();
  own.expect(net::error::operation_aborted, 0);
  peer.expect(net::error::connection_reset, 0);
}

TEST_F(DuplexTest, ResetBehindAShutdownLeavesTheEndOfTheStream) {
  expect_write(a, "all", {}, 3);
  a.shutdown(a.shutdown_send);
  a.reset();
  expect_read(b, 100, "all");
  expect_read_fails(b, net::error::eof);
  expect_write(b, "?", net::error::connection_reset, 0);
}

TEST_F(DuplexTest, ResetOfAClosedEndChangesNothing) {
  a.close();
  a.reset();
  expect_read_fails(b, net::error::eof);
  Stream moved(std::move(b));
  b.reset();
  expect_read_fails(moved, net::error::eof);
}

TEST_F(DuplexTest, AClosedEndRefusesEverything) {
  a.close();
  a.close();
  expect_closed(a);
  b.close();
  expect_closed(b);
}

TEST_F(DuplexTest, AMovedFromEndIsClosedAndTheOtherGoesOn) {
  Result read;
  std::string room(8, '\0');
  a.async_read_some(net::buffer(room), read.handler());
  Concrete moved = std::move(a);
  expect_closed(a);
  EXPECT_EQ(a.capacity(), 0U);
  EXPECT_EQ(a.available(), 0U);
  a.cancel();
  a.close();
  DuplexStream general = std::move(moved);
  EXPECT_FALSE(moved.is_open());
  expect_write(b, "hello", {}, 5);
  context.run();
  read.expect({}, 5);
  EXPECT_EQ(general.write_some(net::buffer("back", 4)), 4U);
  expect_read(b, 9, "back");
}

TEST_F(DuplexTest, MoveAssignmentClosesWhatWasThere) {
  auto [c, d] = make_duplex(context, kCapacity);
  a = std::move(c);
  expect_read_fails(b, net::error::eof);
  expect_write(a, "new", {}, 3);
  expect_read(d, 9, "new");
  Concrete& same = a;
  a = std::move(same);
  EXPECT_TRUE(a.is_open());
}

TEST_F(DuplexTest, TheDestructorCloses) {
  std::optional<Concrete> short_lived(std::move(a));
  Result own;
  Result peer;
  char room = 0;
  short_lived->async_read_some(net::buffer(&room, 1), own.handler());
  b.async_wait(b.wait_read, peer.wait_handler());
  short_lived.reset();
  context.run();
  own.expect(net::error::operation_aborted, 0);
  peer.expect({});
  expect_read_fails(b, net::error::eof);
}

TEST_F(DuplexTest, ThrowingFormsThrowTheSameErrors) {
  char room = 0;
  EXPECT_THROW(a.read_some(net::buffer(&room, 1)), net_system_error);
  a.close();
  EXPECT_THROW(a.write_some(net::buffer("x", 1)), net_system_error);
  EXPECT_THROW(a.shutdown(a.shutdown_send), net_system_error);
}

TEST_F(DuplexTest, WaitsCompleteWhenACallWouldNotBlock) {
  Result readable;
  Result second;
  Result writable;
  Result broken;
  b.async_wait(b.wait_read, readable.wait_handler());
  b.async_wait(b.wait_read, second.wait_handler());
  a.async_wait(a.wait_error, broken.wait_handler());
  context.poll();
  EXPECT_FALSE(readable.called);
  expect_write(a, "abcdefgh", {}, 8);
  a.async_wait(a.wait_write, writable.wait_handler());
  context.poll();
  readable.expect({});
  second.expect({});
  EXPECT_FALSE(writable.called);
  expect_read(b, 1, "a");
  context.poll();
  writable.expect({});
  EXPECT_FALSE(broken.called);
  b.close();
  context.run();
  broken.expect({});
}

TEST_F(DuplexTest, AReadAndAWriteAndWaitsMayBePendingTogether) {
  expect_write(a, "abcdefgh", {}, 8);
  Result read;
  Result write;
  Result readable;
  Result writable;
  char room = 0;
  a.async_read_some(net::buffer(&room, 1), read.handler());
  a.async_write_some(net::buffer("i", 1), write.handler());
  a.async_wait(a.wait_read, readable.wait_handler());
  a.async_wait(a.wait_write, writable.wait_handler());
  expect_write(b, "1", {}, 1);
  expect_write(b, "2", {}, 1);
  expect_read(b, 5, "abcde");
  context.run();
  read.expect({}, 1);
  write.expect({}, 1);
  readable.expect({});
  writable.expect({});
}

TEST_F(DuplexTest, ASecondReadIsRefused) {
  Result first;
  Result second;
  std::array<char, 2> room{};
  b.async_read_some(net::buffer(&room[0], 1), first.handler());
  b.async_read_some(net::buffer(&room[1], 1), second.handler());
  context.poll();
  EXPECT_FALSE(first.called);
  second.expect(net::error::already_started, 0);
  expect_write(a, "x", {}, 1);
  context.run();
  first.expect({}, 1);
}

}  // namespace
}  // namespace bytes_handoff
