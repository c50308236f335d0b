#include "workload/workload.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "workload/frame_text.hpp"
#include "workload/payload_verifier.hpp"

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
                    Case{{300, 3000, 100}, 1, 300000},      // large, and many in a piece
                    Case{{300, 3000, 100}, 1, 30000},       // large, and few in a piece
                    Case{{11'234, 63, 10}, 99'995, 999},    // numbers get longer
                    Case{{3, 200000, 300000}, 1, 1 << 20},  // slices longer than the padding
                    Case{{2, 70000, 10}, 4, 65536}));

// What one write carries. Of frames that are small and large beside it, across the marker, and into
// the tunnel.
TEST(PayloadCursorTest, AFragmentIsWholeWhateverTheFramesAre) {
  const std::vector<PayloadShape> shapes{
      {5000, 63, 1 << 20},  {70'000, 16, 1 << 20}, {900, 2047, 1 << 20},  {900, 2048, 1 << 20},
      {900, 2099, 1 << 20}, {400, 5000, 1 << 20},  {30, 65'535, 1 << 20}, {2, 3 << 20, 1 << 20}};
  for (const PayloadShape& shape : shapes) {
    for (const std::size_t fragment :
         {1000u, 4096u, 16'384u, 65'536u, 262'144u, 300'000u, 1u << 20, 10u << 20, 100u << 20}) {
      PayloadCursor cursor(shape, 2, fragment);
      while (cursor.remaining_bytes() > fragment) {
        ASSERT_EQ(cursor.next(fragment).bytes(), fragment) << shape.frame_len;
      }
      const auto rest = cursor.remaining_bytes();
      ASSERT_EQ(cursor.next(fragment).bytes(), rest) << shape.frame_len << ' ' << fragment;
    }
  }
}

// The buffers of one write: what a socket takes in one call.
TEST(PayloadCursorTest, AFragmentOfAGigabyteFitsOneWrite) {
  constexpr std::size_t kFragment = std::size_t{1} << 30;
  PayloadCursor cursor({12, (std::size_t{1} << 30) / 13, std::uint64_t{1} << 32}, 2, kFragment);
  EXPECT_LT(payload_block_bytes({12, kFragment / 13, std::uint64_t{1} << 32}, kFragment), 4096u);
  for (int i = 0; i < 4; ++i) {
    const PayloadPiece& piece = cursor.next(kFragment);
    EXPECT_EQ(piece.bytes(), kFragment);
    EXPECT_LE(piece.buffers().size(), 64u);
  }
}

TEST(PayloadCursorTest, FramesNeedNoMoreMemoryThanAFragmentAndTwoOfThem) {
  EXPECT_EQ(payload_block_bytes({1'000'000, 2099, 1}, 300'000), 144u * 2100);
  EXPECT_LE(payload_block_bytes({1'000'000, 63, 1}, 64), 16'384u + 128);
  EXPECT_LE(payload_block_bytes({1'000'000, 63, 1}, 16'384), 65'536u + 128);
  EXPECT_LE(payload_block_bytes({1'000'000, 63, 1}, 1 << 20), (1u << 20) + 128);
  EXPECT_EQ(payload_block_bytes({10, 63, 1}, SIZE_MAX), 640u);
  EXPECT_LE(payload_block_bytes({10, std::size_t{1} << 40, 1}, 1 << 20), 4096u);
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

TEST(FrameText, PadsToEightDigitsAndGoesBeyond) {
  const auto text = [](const FrameText& frame) {
    return std::string(frame.text().begin(), frame.text().end());
  };
  EXPECT_EQ(text(FrameText(0, 99'999'999)), "GET /tenant/0000/object/99999999");
  EXPECT_EQ(text(FrameText(12345, 100'000'000)), "GET /tenant/12345/object/100000000");
  FrameText frame(7, 120);
  EXPECT_EQ(frame.number_begin(), 24u);
  frame.set_last_digit(9);
  EXPECT_EQ(text(frame), "GET /tenant/0007/object/00000129");
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
