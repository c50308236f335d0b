#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "bytes_handoff/core/pipe/duplex_pipe.hpp"
#include "support/pattern.hpp"

namespace bytes_handoff::test {

using detail::DuplexPipe;
using detail::PipeAct;
using detail::PipeEnd;
using detail::PipeRequest;
using detail::PipeResult;
using detail::PipeSegment;
using detail::PipeSettled;
using detail::PipeSide;
using detail::PipeStatus;
using detail::WaitingList;

[[nodiscard]] inline PipeSegment segment_of(std::string& text) {
  return {std::as_writable_bytes(std::span(text)).data(), text.size()};
}

/// A request that counts how often it was resumed.
class Recorded : public PipeRequest {
 public:
  using PipeRequest::PipeRequest;
  void resume(const void* /*destroyed_context*/) noexcept override { ++resumptions; }

  int resumptions = 0;
};

/// One that moves the bytes of a text.
class Transfer : public Recorded {
 public:
  Transfer(PipeAct what, std::string with) : Recorded(what), text(std::move(with)) {
    segment = segment_of(text);
    segments = {&segment, 1};
  }

  std::string text;
  PipeSegment segment;
};

class Reading final : public Transfer {
 public:
  explicit Reading(std::size_t room) : Transfer(PipeAct::kRead, std::string(room, '\0')) {}

  std::string got() const { return text.substr(0, bytes); }
};

class Writing final : public Transfer {
 public:
  explicit Writing(std::string from) : Transfer(PipeAct::kWrite, std::move(from)) {}
};

using WaitingFor = Recorded;

/// Calls a pipe with strings, and collects what it settles.
class PipeFixture : public testing::Test {
 protected:
  PipeSettled settled() { return {reader_settled, writer_settled}; }

  PipeResult write(DuplexPipe& pipe, std::string_view text) {
    std::string copy(text);
    const PipeSegment segment = segment_of(copy);
    return pipe.attempt(PipeAct::kWrite, {&segment, 1}, settled());
  }

  PipeResult read(DuplexPipe& pipe, std::string& into, std::size_t room) {
    into.assign(room, '\0');
    const PipeSegment segment = segment_of(into);
    const PipeResult result = pipe.attempt(PipeAct::kRead, {&segment, 1}, settled());
    into.resize(result.bytes);
    return result;
  }

  void expect_read(DuplexPipe& pipe, std::size_t room, std::string_view expected) {
    std::string got;
    EXPECT_EQ(read(pipe, got, room).status, PipeStatus::kDone);
    EXPECT_EQ(got, expected);
  }

  void expect_read_fails(DuplexPipe& pipe, PipeStatus expected) {
    std::string got;
    const PipeResult result = read(pipe, got, 8);
    EXPECT_EQ(result.status, expected);
    EXPECT_EQ(result.bytes, 0U);
  }

  void expect_write(DuplexPipe& pipe, std::string_view text, PipeStatus status, std::size_t bytes) {
    const PipeResult result = write(pipe, text);
    EXPECT_EQ(result.status, status);
    EXPECT_EQ(result.bytes, bytes);
  }

  /// Starts a request that cannot go on at once.
  void park(DuplexPipe& pipe, PipeRequest& request) {
    pipe.start(request, settled());
    ASSERT_TRUE(request.is_parked);
    expect_nothing_settled();
  }

  /// Takes the one request that was settled.
  void expect_only(WaitingList& settled, PipeRequest& request, PipeStatus status,
                   std::size_t bytes = 0) {
    EXPECT_EQ(settled.pop_front(), &request);
    EXPECT_TRUE(settled.empty());
    EXPECT_FALSE(request.is_parked);
    EXPECT_EQ(request.status, status);
    EXPECT_EQ(request.bytes, bytes);
  }

  void expect_nothing_settled() {
    EXPECT_TRUE(reader_settled.empty());
    EXPECT_TRUE(writer_settled.empty());
  }

  WaitingList reader_settled;
  WaitingList writer_settled;
};

}  // namespace bytes_handoff::test
