#include "roles/driver/wave_inspector.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace stream_harness {
namespace {

using bytes_handoff::expected;
using bytes_handoff::unexpected;

std::vector<std::byte> payload_of(const PayloadShape& shape, std::uint64_t connection) {
  std::vector<std::byte> payload;
  for (PayloadCursor cursor(shape, connection, 100); cursor.remaining_bytes() != 0;) {
    for (const auto buffer : cursor.next(100).buffers()) {
      payload.insert(payload.end(), buffer.begin(), buffer.end());
    }
  }
  return payload;
}

// Gives the payload to an inspector in pieces. What it said first.
std::string inspect(WaveInspector& inspector, const std::vector<std::byte>& payload,
                    std::size_t piece) {
  for (std::size_t i = 0; i < payload.size(); i += piece) {
    auto error =
        inspector.inspect(std::span(payload).subspan(i).first(std::min(piece, payload.size() - i)));
    if (!error.empty()) return error;
  }
  return {};
}

const std::vector<std::size_t> kPieces{1, 7, 16, 17, 50, 100000};
constexpr PayloadShape kShape{3, 40, 600};
constexpr PayloadShape kCutShape{3, 16, 600};

WaveInspector::ClaimNumber always(Claim claim) {
  return [claim](const TenantNumber&) -> expected<Claim, std::string> { return claim; };
}

TEST(WaveInspector, ComparesWithTheConnectionThatItFound) {
  for (const std::size_t piece : kPieces) {
    std::string asked;
    WaveInspector inspector(kShape, true, [&](const TenantNumber& tenant) {
      asked += tenant.digits;
      return expected<Claim, std::string>(Claim{4711, {}});
    });
    EXPECT_EQ(inspect(inspector, payload_of(kShape, 4711), piece), "");
    EXPECT_EQ(asked, "4711");
    EXPECT_FALSE(inspector.has_seen_enough());
  }
}

TEST(WaveInspector, FindsAChangeWhereverItIs) {
  for (const std::size_t at : {16u, 20u, 41u, 123u, 129u, 130u, 131u, 700u, 729u}) {
    auto payload = payload_of(kShape, 12);
    payload[at] ^= std::byte{1};
    for (const std::size_t piece : kPieces) {
      WaveInspector inspector(kShape, true, always({12, {}}));
      EXPECT_EQ(inspect(inspector, payload, piece),
                at == 16 ? "it does not begin with a route frame"
                         : "the payload differs at byte " + std::to_string(at));
    }
  }
}

TEST(WaveInspector, SeesEnoughWithTheNumberWhereItOnlyCounts) {
  const auto payload = payload_of(kShape, 12);
  WaveInspector inspector(kShape, false, always({12, {}}));
  EXPECT_EQ(inspector.inspect(std::span(payload).first(16)), "");
  EXPECT_FALSE(inspector.has_seen_enough());
  EXPECT_EQ(inspector.inspect(std::span(payload).subspan(16, 1)), "");
  EXPECT_TRUE(inspector.has_seen_enough());
}

TEST(WaveInspector, TheTunnelTellsConnectionsApartThatAreCalledAlike) {
  // All of these are called 1234 in frames of 16 bytes.
  const std::vector<NumberRange> candidates{{1234, 1}, {12340, 10}};
  for (const std::uint64_t connection : {1234u, 12340u, 12345u, 12349u}) {
    for (const std::size_t piece : kPieces) {
      WaveInspector inspector(kCutShape, true, always({12340, candidates}));
      EXPECT_EQ(inspect(inspector, payload_of(kCutShape, connection), piece), "") << connection;
    }
  }
  WaveInspector inspector(kCutShape, true, always({12340, candidates}));
  EXPECT_EQ(inspect(inspector, payload_of(kCutShape, 12350), 50), "the payload differs at byte 15");
  auto changed = payload_of(kCutShape, 12345);
  changed[3 * 17 + 7 + 300] ^= std::byte{1};
  WaveInspector other(kCutShape, true, always({12340, candidates}));
  EXPECT_EQ(inspect(other, changed, 50), "the payload differs at byte 358");
}

TEST(WaveInspector, ARefusedClaimAndAStrangerAreErrors) {
  WaveInspector refused(kShape, true, [](const TenantNumber&) -> expected<Claim, std::string> {
    return unexpected<std::string>("taken");
  });
  EXPECT_EQ(inspect(refused, payload_of(kShape, 1), 100), "taken");
  WaveInspector stranger(kShape, false, always({}));
  EXPECT_EQ(inspect(stranger, std::vector<std::byte>(20, std::byte{'x'}), 20),
            "it does not begin with a route frame");
}

}  // namespace
}  // namespace stream_harness
