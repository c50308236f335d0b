// The parser of the harness's frames, with its input cut anywhere, against one that keeps nothing
// in mind.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "contenders/route_parser.hpp"
#include "given_bytes.hpp"

namespace stream_harness {
namespace {

using Found = RouteParser::Found;
using bytes_handoff::test::GivenBytes;

constexpr std::size_t kLimit = RouteParser::kLeastUnfinishedLimit;

class Comparison {
 public:
  /// The input begins with `padding` bytes of a frame.
  Comparison(std::size_t padding, GivenBytes& from)
      : from_(from), input_(padding_and_text()), begin_(kLimit - padding) {
    input_.resize(kLimit);
  }

  void run() {
    while (is_routing_ && !from_.is_empty()) {
      add_text();
      if (is_routing_ && from_.one_in(4)) {
        route(false);
      }
    }
    if (is_routing_) {
      route(true);
    }
  }

 private:
  // A megabyte of a frame that every comparison begins in or behind, made once.
  static std::string& padding_and_text() {
    static std::string text(kLimit, 'a');
    return text;
  }

  void add_text() {
    constexpr std::string_view kMarkerLine = "TUNNEL\n";
    constexpr std::string_view kLetters = "\nTUNELx\r";
    const std::size_t choice = from_.between(0, 15);
    if (choice < kLetters.size()) {
      input_ += kLetters[choice];
      return;
    }
    // The marker, or what differs from it in one place, cut somewhere.
    std::string line(kMarkerLine);
    if (const std::size_t at = choice - kLetters.size(); at < line.size()) {
      line[at] = kLetters[from_.between(0, kLetters.size() - 1)];
    }
    const std::size_t cut = from_.between(0, line.size());
    input_ += line.substr(0, cut);
    route(false);
    input_ += line.substr(cut);
  }

  /// Takes units from the front until more is needed, or nothing is routed any more.
  void route(bool at_end) {
    for (;;) {
      const std::string_view window = std::string_view(input_).substr(begin_);
      const auto bytes = std::as_bytes(std::span(window));
      const auto unit = at_end ? parser_.next_at_end(bytes) : parser_.next(bytes);
      const auto expected = naive_next(window, at_end);
      ASSERT_EQ(unit.found, expected.found);
      ASSERT_EQ(unit.bytes, expected.bytes);
      if (unit.found != Found::kFrame) {
        is_routing_ = unit.found == Found::kNeedMore;
        return;
      }
      begin_ += expected.bytes;
    }
  }

  [[nodiscard]] RouteParser::Result naive_next(std::string_view window, bool at_end) const {
    const std::size_t known = begin_ < kLimit ? kLimit - begin_ : 0;  // to have no newline
    const std::size_t newline = window.find('\n', known);
    const bool is_whole = newline != std::string_view::npos;
    const std::size_t length = is_whole ? newline + 1 : window.size();
    if (length > kLimit) {
      return {Found::kTooLong};
    }
    if (!is_whole && (!at_end || window.empty())) {
      return {Found::kNeedMore};
    }
    return {window.substr(0, length) == "TUNNEL\n" ? Found::kMarker : Found::kFrame, length};
  }

  GivenBytes& from_;
  RouteParser parser_{63};
  std::string& input_;
  std::size_t begin_;
  bool is_routing_ = true;
};

}  // namespace
}  // namespace stream_harness

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stream_harness;
  GivenBytes from({data, size});
  const bool is_near_the_limit = from.one_in(8);
  const std::size_t padding = is_near_the_limit ? kLimit - from.between(0, 31) : 0;
  Comparison(padding, from).run();
  return 0;
}
