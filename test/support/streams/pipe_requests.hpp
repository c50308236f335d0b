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

using detail::ConstSegment;
using detail::DuplexPipe;
using detail::MutableSegment;
using detail::PipeCondition;
using detail::PipeRead;
using detail::PipeRequest;
using detail::PipeResult;
using detail::PipeSettled;
using detail::PipeStatus;
using detail::PipeWait;
using detail::PipeWrite;
using detail::SettledRequests;

/// A request that counts how often it was resumed; `Base` is PipeRead, PipeWrite or PipeWait.
template <typename Base>
class Recorded : public Base {
 public:
  void resume(const void* /*destroyed_context*/) noexcept override { ++resumptions; }

  int resumptions = 0;
};

class Reading final : public Recorded<PipeRead> {
 public:
  explicit Reading(std::size_t room) : text(room, '\0') {
    segment = std::as_writable_bytes(std::span(text));
    into = {&segment, 1};
  }

  std::string got() const { return text.substr(0, bytes); }

  std::string text;
  MutableSegment segment;
};

class Writing final : public Recorded<PipeWrite> {
 public:
  explicit Writing(std::string from_text) : text(std::move(from_text)) {
    segment = std::as_bytes(std::span(text));
    from = {&segment, 1};
  }

  std::string text;
  ConstSegment segment;
};

class WaitingFor final : public Recorded<PipeWait> {
 public:
  explicit WaitingFor(PipeCondition what) { condition = what; }
};

/// Calls a pipe with strings, and collects what it settles.
class PipeFixture : public testing::Test {
 protected:
  PipeSettled settled() { return {reader_settled, writer_settled}; }

  PipeResult write(DuplexPipe& pipe, std::string_view text) {
    const ConstSegment segment = bytes_of(text);
    return pipe.write({&segment, 1}, settled());
  }

  PipeResult read(DuplexPipe& pipe, std::string& into, std::size_t room) {
    into.assign(room, '\0');
    const MutableSegment segment = std::as_writable_bytes(std::span(into));
    const PipeResult result = pipe.read({&segment, 1}, settled());
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

  /// Takes the one request that was settled.
  void expect_only(SettledRequests& settled, PipeRequest& request, PipeStatus status,
                   std::size_t bytes = 0) {
    EXPECT_EQ(settled.requests.pop_front(), &request);
    EXPECT_TRUE(settled.requests.empty());
    EXPECT_FALSE(request.is_parked);
    EXPECT_EQ(request.status, status);
    EXPECT_EQ(request.bytes, bytes);
  }

  void expect_nothing_settled() {
    EXPECT_TRUE(reader_settled.requests.empty());
    EXPECT_TRUE(writer_settled.requests.empty());
  }

  SettledRequests reader_settled;
  SettledRequests writer_settled;
};

}  // namespace bytes_handoff::test
