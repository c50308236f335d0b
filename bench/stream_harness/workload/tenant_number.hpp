#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stream_harness {

/// A run of connection numbers.
struct NumberRange {
  std::uint64_t first = 0;
  std::uint64_t count = 0;

  /// Without wrapping.
  [[nodiscard]] bool contains(std::uint64_t number) const noexcept {
    return number >= first && number - first < count;
  }
};

/// What a payload's first frame says about the number of its connection: the `CCCC` of
/// `GET /tenant/CCCC/object/FFFFFFFF`, or as much of it as the frame's length lets through.
struct TenantNumber {
  std::string digits;
  bool is_cut = false;  ///< digits may be missing at the end
};

/// Reads the tenant number from a payload's first bytes, in pieces of any size.
class TenantReader {
 public:
  /// No payload says more than this before its number ends.
  static constexpr std::size_t kMaxBytes = 12 + 20 + 1;

  enum class Found : std::uint8_t { kNeedMore, kNumber, kNothing };

  explicit TenantReader(std::size_t frame_len) noexcept : frame_len_(frame_len) {}

  /// Looks at the next bytes. After `kNumber` there is one; after `kNothing` these are not the
  /// bytes of a payload.
  [[nodiscard]] Found look(std::span<const std::byte> bytes);

  [[nodiscard]] const TenantNumber& number() const noexcept { return number_; }

 private:
  [[nodiscard]] Found look_at(char c);

  std::size_t frame_len_;
  std::size_t seen_ = 0;
  TenantNumber number_;
};

/// The numbers in `among` whose frames begin with that number, in order: at most one where it is
/// not cut, else a few ranges.
[[nodiscard]] std::vector<NumberRange> connections_called(const TenantNumber& tenant,
                                                          NumberRange among);

}  // namespace stream_harness
