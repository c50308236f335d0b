// How an end of a duplex ends: shutdown, close, reset.
#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <string>
#include <utility>

#include "bytes_handoff/testing/duplex.hpp"
#include "support/pattern.hpp"
#include "support/streams/duplex_fixture.hpp"

namespace bytes_handoff {
namespace {

using test::Result;

using DuplexEnds = test::DuplexFixture;

TEST_F(DuplexEnds, ShutdownSendEndsTheStreamBehindItsBytes) {
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

TEST_F(DuplexEnds, ShutdownSendCompletesWhatWaits) {
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

TEST_F(DuplexEnds, ShutdownReceiveBreaksThePeersWrites) {
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

TEST_F(DuplexEnds, ShutdownBothIsBoth) {
  a.shutdown(a.shutdown_both);
  expect_write(a, "x", net::error::broken_pipe, 0);
  expect_write(b, "x", net::error::broken_pipe, 0);
  expect_read_fails(a, net::error::eof);
  expect_read_fails(b, net::error::eof);
}

TEST_F(DuplexEnds, CloseWhileBothSidesWait) {
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

TEST_F(DuplexEnds, CloseWhileBothSidesRead) {
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

TEST_F(DuplexEnds, ResetLeavesWhatWasWrittenAndThenTellsThePeer) {
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

TEST_F(DuplexEnds, ResetWhileBothSidesRead) {
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

TEST_F(DuplexEnds, ResetBehindAShutdownLeavesTheEndOfTheStream) {
  expect_write(a, "all", {}, 3);
  a.shutdown(a.shutdown_send);
  a.reset();
  expect_read(b, 100, "all");
  expect_read_fails(b, net::error::eof);
  expect_write(b, "?", net::error::connection_reset, 0);
}

TEST_F(DuplexEnds, ResetOfAClosedEndChangesNothing) {
  a.close();
  a.reset();
  expect_read_fails(b, net::error::eof);
  Stream moved(std::move(b));
  b.reset();
  expect_read_fails(moved, net::error::eof);
}

TEST_F(DuplexEnds, AClosedEndRefusesEverything) {
  a.close();
  a.close();
  expect_closed(a);
  b.close();
  expect_closed(b);
}

}  // namespace
}  // namespace bytes_handoff
