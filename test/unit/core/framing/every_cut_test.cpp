// Every frame, every rest and every error is the same wherever the input is cut.
#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bytes_handoff/framers.hpp"
#include "support/framing/frames_of.hpp"
#include "support/framing/naive_framers.hpp"

namespace bytes_handoff {
namespace {

using test::expect_the_same_at_every_cut;
using test::NaiveDelimiter;
using test::NaiveLength;

constexpr std::size_t kRoomy = 64;

void try_delimiter(const NaiveDelimiter& naive, std::size_t max_size, std::string_view input) {
  SCOPED_TRACE(testing::PrintToString(naive.delimiter) + ", at most " +
               std::to_string(naive.config.max_content) + ", buffer of " +
               std::to_string(max_size) + ": " + testing::PrintToString(input));
  const DelimiterFramer framer(naive.delimiter, naive.config);
  expect_the_same_at_every_cut(max_size, framer, naive, input);
}

/// All texts of `length` of the letters.
template <class Use>
void for_every_text(std::string_view letters, std::size_t length, const Use& use) {
  std::string text(length, letters[0]);
  std::vector<std::size_t> digits(length, 0);
  for (;;) {
    use(text);
    std::size_t i = 0;
    while (i < length && ++digits[i] == letters.size()) {
      digits[i] = 0;
      text[i++] = letters[0];
    }
    if (i == length) {
      return;
    }
    text[i] = letters[digits[i]];
  }
}

class DelimiterAtEveryCut : public testing::TestWithParam<std::string> {
 protected:
  // Those of the delimiter, once each, and another one.
  [[nodiscard]] static std::string letters() {
    std::string letters = "x";
    for (const char letter : GetParam()) {
      if (letters.find(letter) == std::string::npos) {
        letters += letter;
      }
    }
    return letters;
  }
  [[nodiscard]] static std::size_t length_of_texts() { return letters().size() == 2 ? 8 : 6; }
};

TEST_P(DelimiterAtEveryCut, AllTextsGiveTheFramesOfTheReference) {
  for_every_text(letters(), length_of_texts(), [&](std::string_view text) {
    for (const std::size_t max_content : {0U, 1U, 2U}) {
      if (!HasFatalFailure()) {
        try_delimiter({GetParam(), {.max_content = max_content}}, kRoomy, text);
      }
    }
  });
}

TEST_P(DelimiterAtEveryCut, AllTextsGiveTheFramesOfTheReferenceInABufferThatIsShort) {
  for_every_text(letters(), length_of_texts() - 1, [&](std::string_view text) {
    for (const std::size_t max_size : {1U, 2U, 3U, 4U, 5U}) {
      if (!HasFatalFailure()) {
        try_delimiter({GetParam(), {.max_content = 2, .keep_delimiter = true}}, max_size, text);
      }
    }
  });
}

TEST_P(DelimiterAtEveryCut, AFrameOfTheLimitIsAFrameAndALongerOneIsNot) {
  constexpr std::size_t kLimit = 12;
  for (const std::size_t length : {kLimit - 1, kLimit, kLimit + 1}) {
    for (const bool keep : {false, true}) {
      const std::string text = "ok" + GetParam() + std::string(length, '.') + GetParam() + "rest";
      try_delimiter({GetParam(), {.max_content = kLimit, .keep_delimiter = keep}}, kRoomy, text);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Delimiters, DelimiterAtEveryCut,
                         testing::Values("\n", "\r\n", "aab", "aaa", "\r\n\r\n", "abaab"),
                         [](const auto& each) { return std::to_string(each.index); });

struct LengthCase {
  std::size_t length_bytes;
  std::endian byte_order;
  bool counts_header;
  bool keep_header;
};

class LengthAtEveryCut : public testing::Test {
 protected:
  /// `use()` with each case as `now`.
  template <class Use>
  void for_every_case(const Use& use) {
    for (std::size_t bytes = 0; bytes <= 8; ++bytes) {
      for (const std::endian order : {std::endian::big, std::endian::little}) {
        for (const bool counts_header : {false, true}) {
          now = {bytes, order, counts_header, (bytes & 1) != 0};
          SCOPED_TRACE(std::to_string(bytes) + " bytes, " +
                       (order == std::endian::big ? "big" : "little") +
                       (counts_header ? ", counts itself" : ""));
          use();
        }
      }
    }
  }

  [[nodiscard]] std::string header(std::uint64_t length) const {
    std::string bytes;
    if (now.length_bytes == LengthFramerConfig::kVarint) {
      for (; length >= 0x80; length >>= 7) {
        bytes += static_cast<char>(0x80 | (length & 0x7f));
      }
      return bytes += static_cast<char>(length);
    }
    for (std::size_t i = 0; i < now.length_bytes; ++i) {
      bytes += static_cast<char>(length >> (8 * i));
    }
    return now.byte_order == std::endian::little ? bytes
                                                 : std::string(bytes.rbegin(), bytes.rend());
  }

  [[nodiscard]] std::string frame(std::size_t length) const {
    const std::size_t counted = now.counts_header ? header(length).size() : 0;
    return header(length + counted) + std::string(length, '.');
  }

  void try_input(std::size_t max_content, std::size_t max_size, std::string_view input) const {
    SCOPED_TRACE("at most " + std::to_string(max_content) + ", buffer of " +
                 std::to_string(max_size) + ": " + testing::PrintToString(input));
    const NaiveLength naive{{.length_bytes = now.length_bytes,
                             .byte_order = now.byte_order,
                             .counts_header = now.counts_header,
                             .max_content = max_content,
                             .keep_header = now.keep_header}};
    expect_the_same_at_every_cut(max_size, LengthFramer(naive.config), naive, input);
  }

  LengthCase now = {};
};

TEST_F(LengthAtEveryCut, FramesAreThoseOfTheReference) {
  for_every_case([&] { try_input(8, kRoomy, frame(3) + frame(0) + frame(8) + frame(1) + "x"); });
}

TEST_F(LengthAtEveryCut, AFrameOfTheLimitIsAFrameAndALongerOneIsNot) {
  for_every_case([&] {
    for (const std::size_t length : {4U, 5U, 6U}) {
      try_input(5, kRoomy, frame(1) + frame(length) + frame(2));
    }
  });
}

TEST_F(LengthAtEveryCut, AFrameThatTheBufferCannotHoldIsKnownByItsHeader) {
  for_every_case([&] {
    for (std::size_t max_size = 1; max_size <= 16; ++max_size) {
      try_input(100, max_size, frame(6) + frame(2));
    }
  });
}

TEST_F(LengthAtEveryCut, TheGreatestLengthsAreTooLongOrMalformed) {
  const std::uint64_t powers[] = {std::uint64_t{1} << 63, UINT64_MAX, SIZE_MAX - 10,
                                  std::uint64_t{1} << 32};
  for_every_case([&] {
    for (const std::uint64_t length : powers) {
      for (const std::uint64_t below : {0U, 1U, 9U}) {
        try_input(5, kRoomy, header(length - below) + "..");
        try_input(SIZE_MAX - 10, kRoomy, header(length - below) + "..");
      }
    }
  });
}

TEST_F(LengthAtEveryCut, ALengthThatIsLessThanItsHeaderIsMalformedIfItCountsIt) {
  for_every_case([&] {
    for (std::uint64_t length = 0; length < 10; ++length) {
      try_input(5, kRoomy, header(length) + ".....");
    }
  });
}

TEST(VarintAtEveryCut, AllBeginsGiveWhatTheReferenceSays) {
  constexpr std::string_view kLetters("\x00\x01\x02\x7f\x80\xff", 6);
  for_every_text(kLetters, 3, [](std::string_view text) {
    for (const std::size_t continued : {0U, 7U, 8U, 9U}) {
      const std::string input = std::string(continued, '\xff') + std::string(text) + "...";
      for (const bool counts_header : {false, true}) {
        SCOPED_TRACE(testing::PrintToString(input));
        const NaiveLength naive{{.length_bytes = LengthFramerConfig::kVarint,
                                 .counts_header = counts_header,
                                 .max_content = 3}};
        expect_the_same_at_every_cut(kRoomy, LengthFramer(naive.config), naive, input);
      }
    }
  });
}

}  // namespace
}  // namespace bytes_handoff
