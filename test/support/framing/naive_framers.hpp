#pragma once

// What the framers must say, in the plainest way: without a state, one byte more each time.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bytes_handoff/framers.hpp"

namespace bytes_handoff::test {

/// What comes of an input: the frames' contents, and then an error or a rest.
struct Outcome {
  std::vector<std::string> contents;
  Errc error = Errc{};  // none
  std::uint64_t position = 0;
  std::uint64_t length = 0;
  std::uint64_t limit = 0;
  std::string rest;     // from the first byte that is in no frame
  std::size_t fed = 0;  // bytes that had come when the error was known; else all

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

inline void PrintTo(const Outcome& outcome, std::ostream* out) {
  for (const std::string& content : outcome.contents) {
    *out << '"' << content << "\" ";
  }
  *out << "error " << static_cast<int>(outcome.error) << " at " << outcome.position << ": "
       << outcome.length << " over " << outcome.limit << ", rest \"" << outcome.rest
       << "\", known after " << outcome.fed;
}

/// Of the bytes at the front: a frame of `n` bytes, or `n` bytes are needed, or an error.
struct NaiveAnswer {
  enum class Kind { kFrame, kNeed, kError };
  Kind kind;
  std::size_t n = 0;
  std::string content = {};
  Errc error = Errc{};
  std::uint64_t length = 0;
  std::uint64_t limit = 0;
};

struct NaiveDelimiter {
  std::string delimiter;
  DelimiterFramerConfig config = {};

  [[nodiscard]] NaiveAnswer operator()(std::string_view input) const {
    const std::size_t at = input.find(delimiter);
    if (at != std::string_view::npos && at <= config.max_content) {
      const std::size_t n = at + delimiter.size();
      return {NaiveAnswer::Kind::kFrame, n,
              std::string(input.substr(0, config.keep_delimiter ? n : at))};
    }
    for (std::size_t content = 0; content <= config.max_content; ++content) {
      if (may_be_at(content, input)) {
        return {NaiveAnswer::Kind::kNeed, input.size() + 1};
      }
    }
    return {NaiveAnswer::Kind::kError,
            0,
            {},
            Errc::frame_too_long,
            std::uint64_t{config.max_content} + 1,
            config.max_content};
  }

 private:
  [[nodiscard]] bool may_be_at(std::size_t at, std::string_view input) const {
    for (std::size_t i = 0; i < delimiter.size() && at + i < input.size(); ++i) {
      if (input[at + i] != delimiter[i]) {
        return false;
      }
    }
    return true;
  }
};

struct NaiveLength {
  LengthFramerConfig config = {};

  [[nodiscard]] NaiveAnswer operator()(std::string_view input) const {
    const Header found =
        config.length_bytes == LengthFramerConfig::kVarint ? varint(input) : fixed(input);
    const std::size_t header = found.bytes;
    if (header > input.size()) {
      return {NaiveAnswer::Kind::kNeed, header};
    }
    if (found.is_malformed || (config.counts_header && found.length < header)) {
      return {NaiveAnswer::Kind::kError, 0, {}, Errc::malformed_frame};
    }
    const Wide content = found.length - (config.counts_header ? header : 0);
    if (content > config.max_content) {
      return {NaiveAnswer::Kind::kError,
              0,
              {},
              Errc::frame_too_long,
              static_cast<std::uint64_t>(content),
              config.max_content};
    }
    const auto n = static_cast<std::size_t>(header + content);
    if (input.size() < n) {
      return {NaiveAnswer::Kind::kNeed, n};
    }
    const std::size_t first = config.keep_header ? 0 : header;
    return {NaiveAnswer::Kind::kFrame, n, std::string(input.substr(first, n - first))};
  }

 private:
  __extension__ using Wide = unsigned __int128;
  // More bytes than there are: the header is not whole.
  struct Header {
    std::size_t bytes;
    Wide length = 0;
    bool is_malformed = false;
  };

  [[nodiscard]] Header fixed(std::string_view input) const {
    Header header{config.length_bytes};
    for (std::size_t i = 0; i < std::min(header.bytes, input.size()); ++i) {
      const std::size_t power = config.byte_order == std::endian::big ? header.bytes - 1 - i : i;
      header.length += Wide{static_cast<unsigned char>(input[i])} << (8 * power);
    }
    return header;
  }

  [[nodiscard]] static Header varint(std::string_view input) {
    Header header{1};
    for (const char letter : input) {
      const auto byte = static_cast<unsigned char>(letter);
      header.length += Wide{byte & 0x7fU} << (7 * (header.bytes - 1));
      header.is_malformed = header.length > UINT64_MAX || (header.bytes == 10 && byte >= 0x80);
      if (byte < 0x80 || header.is_malformed) {
        break;
      }
      ++header.bytes;
    }
    return header;
  }
};

/// What comes of `input` in a buffer of at most `max_size` bytes, if it comes byte by byte.
template <class Naive>
[[nodiscard]] Outcome naive_outcome(const Naive& naive, std::size_t max_size,
                                    std::string_view input) {
  Outcome outcome;
  std::size_t begin = 0;
  for (std::size_t end = 1; end <= input.size(); ++end) {
    NaiveAnswer answer = naive(input.substr(begin, end - begin));
    if (answer.kind == NaiveAnswer::Kind::kFrame) {
      outcome.contents.push_back(std::move(answer.content));
      begin += answer.n;
      continue;
    }
    if (answer.kind == NaiveAnswer::Kind::kNeed && answer.n > max_size) {
      answer = {NaiveAnswer::Kind::kError, 0, {}, Errc::limit_exceeded, answer.n, max_size};
    }
    if (answer.kind == NaiveAnswer::Kind::kError) {
      outcome.error = answer.error;
      outcome.position = begin;
      outcome.length = answer.length;
      outcome.limit = answer.limit;
      outcome.fed = end;
      outcome.rest = input.substr(begin, end - begin);
      return outcome;
    }
  }
  outcome.fed = input.size();
  outcome.rest = input.substr(begin);
  return outcome;
}

}  // namespace bytes_handoff::test
