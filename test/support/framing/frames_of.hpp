#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bytes_handoff/handoff_buffer.hpp"
#include "support/framing/naive_framers.hpp"
#include "support/streams/buffer_feed.hpp"

namespace bytes_handoff::test {

/// What comes of an input that is read in `pieces`: after each, the frames that are there are
/// taken. Nothing is read behind an error.
template <Framer F>
[[nodiscard]] Outcome frames_of(HandoffBuffer& buffer, F& framer,
                                const std::vector<std::string_view>& pieces) {
  Outcome outcome;
  for (std::string_view piece : pieces) {
    do {
      const std::size_t n = read_once(buffer, piece);
      outcome.fed += n;
      piece.remove_prefix(n);
      auto frames = buffer.frames(framer);
      for (const Bytes& frame : frames) {
        outcome.contents.emplace_back(frame.view());
      }
      if (const FrameError error = frames.error()) {
        outcome.error = static_cast<Errc>(error.code.value());
        outcome.position = error.position;
        outcome.length = error.length;
        outcome.limit = error.limit;
        outcome.rest = buffer.peek_view();
        return outcome;
      }
    } while (!piece.empty());
  }
  outcome.rest = buffer.peek_view();
  return outcome;
}

template <Framer F>
[[nodiscard]] Outcome frames_of(std::size_t max_size, F framer,
                                const std::vector<std::string_view>& pieces) {
  HandoffBuffer buffer({.max_size = max_size, .read_reserve = max_size, .block_size = 64});
  return frames_of(buffer, framer, pieces);
}

/// Compares what comes of `input` at every cut, and at every two, with what comes of it byte by
/// byte; and that with what the naive framer says.
template <Framer F, class Naive>
void expect_the_same_at_every_cut(std::size_t max_size, const F& framer, const Naive& naive,
                                  std::string_view input) {
  Outcome expected = naive_outcome(naive, max_size, input);
  std::vector<std::string_view> bytes;
  for (std::size_t i = 0; i < input.size(); ++i) {
    bytes.push_back(input.substr(i, 1));
  }
  ASSERT_EQ(frames_of(max_size, framer, bytes), expected) << "byte by byte";

  for (std::size_t first = 0; first <= input.size(); ++first) {
    for (std::size_t second = first; second <= input.size(); ++second) {
      Outcome found = frames_of(
          max_size, framer,
          {input.substr(0, first), input.substr(first, second - first), input.substr(second)});
      if (found.error != Errc{}) {  // what came behind it with the same read
        ASSERT_GE(found.fed, expected.fed);
        found.fed = expected.fed;
        found.rest.resize(std::min(found.rest.size(), expected.rest.size()));
      }
      ASSERT_EQ(found, expected) << "cut at " << first << " and " << second;
    }
  }
}

}  // namespace bytes_handoff::test
