// The framers behind a HandoffBuffer, with their input cut anywhere, against ones that keep nothing
// in mind. Between the scans bytes are taken by other ways, and the framer looks into another
// buffer, so that what it has looked at is out of date.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "bytes_handoff/core/framing/find_frame.hpp"
#include "bytes_handoff/core/reading/buffer_access.hpp"
#include "bytes_handoff/handoff_buffer.hpp"
#include "given_bytes.hpp"
#include "support/framing/naive_framers.hpp"
#include "support/streams/buffer_feed.hpp"

namespace bytes_handoff::test {
namespace {

using Kind = NaiveAnswer::Kind;

/// A buffer, and what must be in it.
struct Side {
  HandoffBuffer buffer;
  std::string model = {};
  std::uint64_t position = 0;

  void drop(std::size_t n) {
    model.erase(0, n);
    position += n;
  }
};

template <Framer F, class Naive>
class Comparison {
 public:
  Comparison(F framer, Naive naive, std::string_view letters, GivenBytes& from)
      : from_(from),
        framer_(std::move(framer)),
        naive_(std::move(naive)),
        letters_(letters),
        sides_{any_side(), any_side()} {}

  void run() {
    while (!from_.is_empty() && !testing::Test::HasFatalFailure()) {
      Side& side = sides_[from_.between(0, 1)];
      act(side);
      ASSERT_EQ(side.buffer.peek_view(), side.model);
      ASSERT_EQ(side.buffer.position(), side.position);
    }
  }

 private:
  [[nodiscard]] Side any_side() {
    HandoffBufferConfig config;
    config.max_size = from_.between(1, 64);
    config.read_reserve = from_.between(1, 16);
    config.block_size = 32;
    config.prefix_policy = {from_.between(0, 8)};
    return {HandoffBuffer(config)};
  }

  void act(Side& side) {
    switch (from_.between(0, 11)) {
      case 0:
        ask_again(side);
        break;
      case 1: {
        const std::size_t n = from_.between(0, side.model.size());
        ASSERT_TRUE(side.buffer.advance(n));
        side.drop(n);
        break;
      }
      case 2:
        put_a_part_back(side);
        break;
      case 3:
        hand_tail_on(side);
        break;
      case 4:
        std::swap(sides_[0].model, sides_[1].model);
        std::swap(sides_[0].position, sides_[1].position);
        std::swap(sides_[0].buffer, sides_[1].buffer);
        break;
      case 5:
        take_frames(side, from_.between(0, 3));
        break;
      case 6:
        take_frames(side, SIZE_MAX);
        break;
      default:
        read(side);
    }
  }

  void read(Side& side) {
    std::string text;
    for (std::size_t n = from_.between(1, 4); n != 0; --n) {
      text += letters_[from_.between(0, letters_.size() - 1)];
    }
    side.model += text.substr(0, read_once(side.buffer, text));
  }

  void put_a_part_back(Side& side) {
    using Access = detail::BufferAccess;
    Bytes all = Access::take_all(side.buffer);
    ASSERT_EQ(all.view(), side.model);
    const std::size_t n = from_.between(0, side.model.size());
    ASSERT_TRUE(all.advance(n));
    Access::put_back(side.buffer, std::move(all));
    side.drop(n);
  }

  // To a buffer that begins at 0.
  void hand_tail_on(Side& side) {
    const HandoffBufferConfig config = side.buffer.config();
    BytesMut tail = side.buffer.take_tail();
    side.buffer = std::move(*HandoffBuffer::from_tail(tail, config));
    side.position = 0;
  }

  [[nodiscard]] NaiveAnswer expected(const Side& side) const {
    if (side.model.empty()) {
      return {Kind::kNeed, 1};
    }
    // The error is that of the first byte with which there is one.
    const std::size_t limit = side.buffer.config().max_size;
    NaiveAnswer answer = {Kind::kNeed, 1};
    for (std::size_t n = 1; n <= side.model.size() && answer.kind == Kind::kNeed; ++n) {
      answer = naive_(std::string_view(side.model).substr(0, n));
      if (answer.kind == Kind::kNeed && answer.n > limit) {
        answer = {Kind::kError, 0, {}, Errc::limit_exceeded, answer.n, limit};
      }
    }
    return answer;
  }

  void ask_again(Side& side) {
    const NaiveAnswer answer = expected(side);
    for (int i = 0; i < 2; ++i) {
      const FrameScan scan = detail::find_frame(side.buffer, framer_);
      ASSERT_EQ(scan.is_complete(), answer.kind == Kind::kFrame);
      ASSERT_EQ(scan.is_error(), answer.kind == Kind::kError);
      ASSERT_TRUE(!scan.is_complete() || scan.size() == answer.n);
      ASSERT_TRUE(answer.kind != Kind::kNeed || scan.needed() == answer.n);
    }
  }

  void take_frames(Side& side, std::size_t most) {
    auto frames = side.buffer.frames(framer_);
    auto it = frames.begin();
    for (;; ++it) {
      const NaiveAnswer answer = expected(side);
      ASSERT_EQ(it != frames.end(), answer.kind == Kind::kFrame);
      if (answer.kind != Kind::kFrame) {
        ASSERT_EQ(frames.error().code, answer.error == Errc{} ? std::error_code() : answer.error);
        ASSERT_EQ(frames.error().length, answer.length);
        ASSERT_EQ(frames.error().limit, answer.limit);
        ASSERT_EQ(frames.error().position, answer.error == Errc{} ? 0 : side.position);
        return;
      }
      ASSERT_EQ(it->view(), answer.content);
      side.drop(answer.n);
      ASSERT_EQ(side.buffer.peek_view(), side.model);
      if (most-- == 0) {
        return;
      }
    }
  }

  GivenBytes& from_;
  F framer_;
  Naive naive_;
  std::string_view letters_;
  Side sides_[2];
};

void compare_delimiters(GivenBytes& from) {
  constexpr std::string_view kDelimiters[] = {"\n", "\r\n", "aab", "aaa", "\r\n\r\n", "abaab"};
  constexpr std::string_view kLetters[] = {"\nx", "\r\nx", "abx", "ax", "\r\nx", "abx"};
  const std::size_t which = from.between(0, std::size(kDelimiters) - 1);
  DelimiterFramerConfig config;
  config.max_content = from.between(0, 15);
  config.keep_delimiter = from.one_in(2);
  Comparison(DelimiterFramer(kDelimiters[which], config),
             NaiveDelimiter{std::string(kDelimiters[which]), config}, kLetters[which], from)
      .run();
}

void compare_lengths(GivenBytes& from) {
  constexpr std::string_view kLetters("\x00\x01\x02\x03\x05\x08\x0a\x7f\x80\xff", 10);
  LengthFramerConfig config;
  config.length_bytes = from.between(0, 8);
  config.byte_order = from.one_in(2) ? std::endian::big : std::endian::little;
  config.counts_header = from.one_in(2);
  config.keep_header = from.one_in(2);
  config.max_content = from.one_in(4) ? SIZE_MAX - 10 - from.between(0, 3) : from.between(0, 15);
  Comparison(LengthFramer(config), NaiveLength{config}, kLetters, from).run();
}

}  // namespace
}  // namespace bytes_handoff::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bytes_handoff::test;
  GivenBytes from({data, size});
  if (from.one_in(2)) {
    compare_delimiters(from);
  } else {
    compare_lengths(from);
  }
  return 0;
}
