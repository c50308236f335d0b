// The framer of the Redis protocol, with its input cut anywhere, against itself with the input in
// one piece. What it finds must hold together: values lie behind one another, and fill the frame.
#include <gtest/gtest.h>

#include <bytes_handoff/handoff_buffer.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "given_bytes.hpp"
#include "support/resp_framer.hpp"
#include "support/streams/buffer_feed.hpp"

namespace programs {
namespace {

using bytes_handoff::Bytes;
using bytes_handoff::HandoffBuffer;
using bytes_handoff::test::GivenBytes;
using Of = RespFramer::Of;

struct Found {
  std::vector<std::string> frames;
  std::vector<std::size_t> values;  // of each frame: how many
  std::error_code error;
  std::uint64_t position = 0;
  std::string problem;
};

class Reader {
 public:
  Reader(Of what, const RespLimits& limits) : what_(what), framer_(what, limits) {}

  void give(std::string_view piece) {
    if (found_.error) return;
    bytes_handoff::test::feed(buffer_, piece);
    auto frames = buffer_.frames(framer_);
    for (const Bytes& frame : frames) take(frame.view());
    const auto error = frames.error();
    found_.error = error.code;
    found_.position = error.position;
    found_.problem = framer_.problem();
  }
  [[nodiscard]] const Found& found() const { return found_; }

 private:
  void take(std::string_view frame) {
    const auto& values = framer_.values();
    found_.frames.emplace_back(frame);
    found_.values.push_back(values.size());
    std::size_t at = 0;
    for (const RespValue& value : values) {
      ASSERT_EQ(value.first, at);
      ASSERT_LE(value.content_first, value.content_last);
      ASSERT_EQ(frame.substr(value.content_last, 2), "\r\n");
      at = value.last();
    }
    ASSERT_TRUE(at == frame.size() || (values.empty() && what_ == Of::requests));
    if (what_ == Of::requests && values.empty()) check_inline(frame);
  }

  // What an inline request becomes is a request of the same words.
  static void check_inline(std::string_view line) {
    const auto words = split_inline(line);
    if (!words) return;
    const std::string request = make_request(*words);
    RespFramer framer(Of::requests);
    const auto scan = framer.scan(std::as_bytes(std::span(request)));
    ASSERT_TRUE(scan.is_complete());
    ASSERT_EQ(scan.size(), request.size());
    ASSERT_EQ(framer.values().size(), words->size() + 1);
    for (std::size_t i = 0; i < words->size(); ++i) {
      ASSERT_EQ(framer.values()[i + 1].text(request), (*words)[i]);
    }
  }

  Of what_;
  HandoffBuffer buffer_;
  RespFramer framer_;
  Found found_;
};

/// Pieces of the protocol, and single characters, so that frames come about.
std::string make_input(GivenBytes& from) {
  constexpr std::string_view kPieces[] = {
      "\r\n",    "*1\r\n",        "*2\r\n",  "*0\r\n",   "*-1\r\n", "$0\r\n\r\n", "$1\r\nx\r\n",
      "$-1\r\n", "$3\r\nGET\r\n", "+OK\r\n", "-ERR\r\n", ":1\r\n",  "\"",         "\\x41",
      "' ",      "GET a\r\n",     "$12\r\n", "*3\r\n"};
  constexpr std::string_view kLetters = "*$+-:0123456789\r\nx \"'\\";
  std::string input;
  while (!from.is_empty() && input.size() < 4096) {
    const std::size_t choice = from.between(0, std::size(kPieces) + kLetters.size() - 1);
    if (choice < std::size(kPieces)) {
      input += kPieces[choice];
    } else {
      input += kLetters[choice - std::size(kPieces)];
    }
  }
  return input;
}

void compare(GivenBytes& from) {
  const Of what = from.one_in(2) ? Of::requests : Of::replies;
  RespLimits limits;
  if (from.one_in(2)) {
    limits = {.max_frame = from.between(32, 95),
              .max_values = from.between(1, 8),
              .max_line = from.between(1, 32)};
  }
  const std::size_t step = from.between(1, 16);
  const std::string input = make_input(from);
  Reader whole(what, limits);
  whole.give(input);
  Reader cut(what, limits);
  for (std::size_t at = 0; at < input.size(); at += step) {
    cut.give(std::string_view(input).substr(at, step));
  }
  ASSERT_EQ(cut.found().frames, whole.found().frames);
  ASSERT_EQ(cut.found().values, whole.found().values);
  ASSERT_EQ(cut.found().error, whole.found().error);
  ASSERT_EQ(cut.found().position, whole.found().position);
  ASSERT_EQ(cut.found().problem, whole.found().problem);
}

}  // namespace
}  // namespace programs

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  bytes_handoff::test::GivenBytes from({data, size});
  programs::compare(from);
  return 0;
}
