#include "workload.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "frame_text.hpp"
#include "payload_verifier.hpp"

namespace stream_harness {
namespace {

// The payload written down the plain way.
std::string reference_payload(const PayloadShape& shape, std::uint64_t connection) {
  std::string payload;
  for (std::uint64_t f = 0; f < shape.route_frames; ++f) {
    char text[80];
    std::snprintf(text, sizeof text, "GET /tenant/%04llu/object/%08llu",
                  static_cast<unsigned long long>(connection), static_cast<unsigned long long>(f));
    std::string frame = text;
    frame.resize(shape.frame_len, 'x');
    payload += frame + "\n";
  }
  payload += "TUNNEL\n";
  for (std::uint64_t b = 0; b < shape.tunnel_bytes; ++b) {
    payload += static_cast<char>((connection + b) % 251);
  }
  return payload;
}

std::string joined(const PayloadPiece& piece) {
  std::string text;
  for (const auto buffer : piece.buffers()) {
    EXPECT_FALSE(buffer.empty());
    text.append(reinterpret_cast<const char*>(buffer.data()), buffer.size());
  }
  EXPECT_EQ(text.size(), piece.bytes());
  return text;
}

std::string drain(PayloadCursor& cursor, std::size_t fragment) {
  std::string all;
  while (cursor.remaining_bytes() != 0) {
    const std::size_t before = all.size();
    all += joined(cursor.next(fragment));
    EXPECT_GT(all.size(), before);
    EXPECT_LE(all.size() - before, fragment);
  }
  EXPECT_EQ(cursor.next(fragment).bytes(), 0u);
  return all;
}

struct Case {
  PayloadShape shape;
  std::uint64_t connection;
  std::size_t fragment;
};

class PayloadCursorTest : public testing::TestWithParam<Case> {};

TEST_P(PayloadCursorTest, YieldsThePayload) {
  const auto& [shape, connection, fragment] = GetParam();
  const std::string reference = reference_payload(shape, connection);
  ASSERT_EQ(payload_bytes(shape), reference.size());
  ASSERT_EQ(checked_payload_bytes(shape), reference.size());
  PayloadCursor cursor(shape, connection, fragment);
  EXPECT_EQ(cursor.total_bytes(), reference.size());
  EXPECT_TRUE(drain(cursor, fragment) == reference);
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, PayloadCursorTest,
    testing::Values(Case{{64, 63, 65536}, 0, 64},           // the default
                    Case{{64, 63, 65536}, 7, 16384},        //
                    Case{{1, 16, 1}, 12345, 1},             // five digits, a cut frame
                    Case{{3, 20, 1}, 250, 7},               // cut within the frame's number
                    Case{{5, 32, 600}, 251, 13},            // exactly the text
                    Case{{20000, 63, 1000}, 3, 64},         // more frames than the block holds
                    Case{{20000, 63, 1000}, 3, 5000},       //
                    Case{{1000, 2047, 1}, 9999, 100},       // the largest small frame
                    Case{{1000, 2048, 1}, 9999, 100},       // the smallest large one
                    Case{{300, 3000, 100}, 1, 300000},      // many large frames in a piece
                    Case{{3, 200000, 300000}, 1, 1 << 20},  // slices longer than the padding
                    Case{{2, 70000, 10}, 4, 65536}));

TEST(PayloadCursorTest, AFragmentIsWhole) {
  for (const std::size_t fragment : {1u, 64u, 100u, 4096u, 16384u, 65536u}) {
    PayloadCursor cursor({5000, 63, 1 << 20}, 2, fragment);
    while (cursor.remaining_bytes() >= fragment) {
      ASSERT_EQ(cursor.next(fragment).bytes(), fragment);
    }
  }
}

TEST(PayloadCursorTest, TheTunnelIsNotCopied) {
  PayloadCursor first({1, 16, 1 << 20}, 251, 65536);
  PayloadCursor second({1, 16, 1 << 20}, 251, 65536);
  ASSERT_EQ(first.next(24).bytes(), 24u);
  ASSERT_EQ(second.next(24).bytes(), 24u);
  const auto& a = first.next(1000);
  const auto& b = second.next(1000);
  ASSERT_EQ(a.buffers().size(), 1u);
  ASSERT_EQ(b.buffers().size(), 1u);
  EXPECT_EQ(a.buffers()[0].data(), b.buffers()[0].data());
}

TEST(PayloadBytes, WhatDoesNotFitIsNothing) {
  constexpr auto kLargest = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(checked_payload_bytes({1, 16, kLargest - 24}), kLargest);
  EXPECT_EQ(checked_payload_bytes({1, 16, kLargest - 23}), std::nullopt);
  EXPECT_EQ(checked_payload_bytes({1, kLargest, 1}), std::nullopt);
  EXPECT_EQ(checked_payload_bytes({kLargest / 17, 16, kLargest}), std::nullopt);
  EXPECT_EQ(checked_payload_bytes({kLargest, 16, 1}), std::nullopt);
}

TEST(FrameText, CountsOverEveryCarryAndBeyondEightDigits) {
  const auto text = [](const FrameText& frame) {
    return std::string(frame.text().begin(), frame.text().end());
  };
  FrameText frame(0, 99'999'998);
  EXPECT_EQ(text(frame), "GET /tenant/0000/object/99999998");
  frame.advance();
  EXPECT_EQ(text(frame), "GET /tenant/0000/object/99999999");
  frame.advance();
  EXPECT_EQ(text(frame), "GET /tenant/0000/object/100000000");
  frame.advance();
  EXPECT_EQ(text(frame), "GET /tenant/0000/object/100000001");

  FrameText counted(54321, 0);
  for (std::uint64_t f = 0; f < 2000; ++f, counted.advance()) {
    ASSERT_EQ(text(counted), text(FrameText(54321, f)));
  }
  const auto kLargest = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(text(FrameText(kLargest, kLargest)).size(), FrameText::kMaxBytes);
}

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

TEST(PayloadVerifier, AcceptsThePayloadInAnyChunks) {
  const PayloadShape shape{300, 100, 100000};
  const std::string payload = reference_payload(shape, 42);
  std::mt19937 random(1);
  for (const std::size_t most : {1u, 17u, 5000u, 65536u, 1u << 20}) {
    PayloadVerifier verifier(shape, 42);
    std::size_t at = 0;
    while (at < payload.size()) {
      EXPECT_FALSE(verifier.complete());
      const std::size_t chunk = std::min(payload.size() - at, 1 + random() % most);
      ASSERT_TRUE(verifier.check(bytes_of(payload).subspan(at, chunk)));
      at += chunk;
    }
    EXPECT_TRUE(verifier.complete());
  }
}

TEST(PayloadVerifier, NamesTheFirstByteThatDiffers) {
  const PayloadShape shape{10, 40, 70000};
  const std::string payload = reference_payload(shape, 1);
  for (const std::size_t wrong : {std::size_t{0}, std::size_t{39}, std::size_t{40},
                                  std::size_t{411}, std::size_t{417}, payload.size() - 1}) {
    std::string changed = payload;
    changed[wrong] = static_cast<char>(changed[wrong] ^ 1);
    PayloadVerifier verifier(shape, 1);
    bool matched = true;
    for (std::size_t at = 0; at < changed.size(); at += 1000) {
      const std::size_t chunk = std::min<std::size_t>(1000, changed.size() - at);
      matched = verifier.check(bytes_of(changed).subspan(at, chunk));
    }
    EXPECT_FALSE(matched);
    EXPECT_FALSE(verifier.complete());
    EXPECT_EQ(verifier.first_mismatch(), wrong);
  }
}

TEST(PayloadVerifier, ALongerPayloadAndOneOfAnotherConnectionDiffer) {
  const PayloadShape shape{2, 40, 100};
  const std::string payload = reference_payload(shape, 1);
  PayloadVerifier longer(shape, 1);
  EXPECT_FALSE(longer.check(bytes_of(payload + "?")));
  EXPECT_EQ(longer.first_mismatch(), payload.size());

  PayloadVerifier other(shape, 2);
  EXPECT_FALSE(other.check(bytes_of(payload)));
  EXPECT_EQ(other.first_mismatch(), 15u);
}

}  // namespace
}  // namespace stream_harness
