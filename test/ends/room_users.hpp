#pragma once

// Who has room, or waits for it, beside the write that waits: a permit that is held to the end and
// beyond, a reservation, and a burst of which a part is admitted. They are told of an end what the
// table says of a waiting write. But a close that lets in writes refuses reservations.

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bytes_handoff/write_handoff.hpp"
#include "ends/end_table.hpp"
#include "ends/told.hpp"

namespace bytes_handoff::test {

class RoomUsers {
 public:
  /// What is to be free beside what is submitted: less than a waiting write of 10 bytes needs,
  /// since a close takes the room of permits for the line that it lets in.
  static constexpr std::size_t kPermitBytes = 4;
  static constexpr std::size_t kFreeBytes = 5;

  /// `burst_is_first`: in line. Then its first slice is admitted at once.
  explicit RoomUsers(bool burst_is_first) : burst_is_first_(burst_is_first) {}

  void hold(const WriteHandoff& out) { permit_ = out.try_reserve(kPermitBytes).value(); }
  void wait_before_the_write(const WriteHandoff& out) {
    if (burst_is_first_) {
      send(out);
    }
  }
  void wait_behind_the_write(const WriteHandoff& out) {
    if (!burst_is_first_) {
      send(out);
    }
    out.async_reserve(kReservedBytes, reservation_.handler());
  }

  [[nodiscard]] bool have_come() const { return burst_.has_come() && reservation_.has_come(); }
  void close_lets_in_the_line() { is_let_in_by_a_close_ = true; }

  /// What the peer gets of the burst, and whether that is before what the write that waits has.
  [[nodiscard]] bool is_burst_first() const { return burst_is_first_; }
  [[nodiscard]] std::string burst_text() const {
    std::string text;
    for (std::size_t i = 0; i < admitted_slices(); ++i) {
      text += kTexts.at(i);
    }
    return text;
  }
  [[nodiscard]] std::vector<std::size_t> burst_sizes() const {
    std::vector<std::size_t> sizes;
    for (std::size_t i = 0; i < admitted_slices(); ++i) {
      sizes.push_back(kTexts.at(i).size());
    }
    return sizes;
  }
  [[nodiscard]] std::size_t admitted_slices() const { return burst_.state().n; }
  [[nodiscard]] static std::size_t burst_bytes() {
    return kTexts[0].size() + kTexts[1].size() + kTexts[2].size();
  }

  /// `waiting`: what a write is told that waited as long as these. They may have been let in
  /// before.
  void expect_told(Told waiting) const {
    const bool may_be_in = waiting == Told::kClosed;
    expect("the burst", burst_, waiting, may_be_in && admitted_slices() == kTexts.size());
    const Told reservation = is_let_in_by_a_close_ ? Told::kClosed : waiting;
    expect("the reservation", reservation_, reservation, may_be_in && was_granted_before());
    if (burst_.state().became == Watch::Became::kCompleted) {
      EXPECT_GE(admitted_slices(), burst_is_first_ ? 1U : 0U);
    }
  }

  /// Whatever has ended the queue, and whether or not there is still a handle or a context.
  void expect_permit_is_refused(const net_error_code* first_error) {
    ASSERT_TRUE(permit_.valid());
    Bytes late = Bytes::copy_of("late");
    const auto refused = permit_.commit(late);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().reason, WriteRefusalReason::closed);
    EXPECT_TRUE(first_error == nullptr || refused.error().first_error == *first_error);
    EXPECT_EQ(late.view(), "late");
    permit_ = WritePermit();
  }

 private:
  static constexpr std::size_t kReservedBytes = 3;
  static constexpr std::array<std::string_view, 3> kTexts{"burst", " in parts", ", end"};
  static_assert(kTexts[0].size() <= kFreeBytes && kTexts[1].size() > kFreeBytes);
  static_assert(kPermitBytes + kFreeBytes < 10);

  // The slices live as long as the handler.
  void send(const WriteHandoff& out) {
    using Slices = std::array<Bytes, kTexts.size()>;
    auto owned = std::make_unique<Slices>();
    for (std::size_t i = 0; i < kTexts.size(); ++i) {
      owned->at(i) = Bytes::copy_of(kTexts.at(i));
    }
    Slices& slices = *owned;
    out.async_send(slices, [owned = std::move(owned), told = burst_.handler()](net_error_code error,
                                                                               std::size_t n) {
      for (std::size_t i = 0; i < kTexts.size(); ++i) {
        EXPECT_EQ(owned->at(i).view(), i < n ? std::string_view() : kTexts.at(i));
      }
      EXPECT_EQ(n == kTexts.size(), !error);
      told(error, n);
    });
  }

  [[nodiscard]] bool was_granted_before() const {
    return reservation_.has_come() && !reservation_.state().error;
  }

  static void expect(const char* who, const Watch& watch, Told told, bool is_in) {
    SCOPED_TRACE(who);
    const Watch::State& state = watch.state();
    const auto became = told == Told::kDestroyed ? Watch::Became::kDestroyed
                        : told == Told::kWaits   ? Watch::Became::kWaits
                                                 : Watch::Became::kCompleted;
    EXPECT_EQ(state.became, became);
    if (state.became != Watch::Became::kCompleted || told == Told::kDone || is_in) {
      EXPECT_FALSE(state.error) << state.error.message();
      return;
    }
    EXPECT_EQ(state.calls, 1);
    EXPECT_EQ(state.error, Errc::closed);
  }

  const bool burst_is_first_;
  bool is_let_in_by_a_close_ = false;
  WritePermit permit_;
  Watch burst_;
  Watch reservation_;
};

}  // namespace bytes_handoff::test
