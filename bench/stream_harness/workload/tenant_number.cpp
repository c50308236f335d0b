#include "workload/tenant_number.hpp"

#include <algorithm>

#include "command_line/strict_number.hpp"
#include "workload/frame_text.hpp"

namespace stream_harness {
namespace {

constexpr std::string_view kBeforeNumber = "GET /tenant/";
constexpr std::size_t kMostDigits = 20;

std::optional<NumberRange> intersection(std::uint64_t low, std::uint64_t high, NumberRange among) {
  if (among.count == 0) return std::nullopt;
  const std::uint64_t first = std::max(low, among.first);
  const std::uint64_t last = std::min(high, among.first + (among.count - 1));
  if (first > last) return std::nullopt;
  return NumberRange{first, last - first + 1};
}

bool is_written_so(std::uint64_t number, std::string_view digits) {
  const FrameText frame(number, 0);
  const std::string_view text(frame.text().data(), frame.text().size());
  const auto written = text.substr(kBeforeNumber.size(), digits.size());
  return written == digits && text[kBeforeNumber.size() + digits.size()] == '/';
}

}  // namespace

TenantReader::Found TenantReader::look(std::span<const std::byte> bytes) {
  for (const std::byte byte : bytes) {
    if (const Found found = look_at(static_cast<char>(byte)); found != Found::kNeedMore) {
      return found;
    }
  }
  return Found::kNeedMore;
}

TenantReader::Found TenantReader::look_at(char c) {
  const std::size_t position = seen_++;
  if (position < kBeforeNumber.size()) {
    return c == kBeforeNumber[position] ? Found::kNeedMore : Found::kNothing;
  }
  if (position < frame_len_ && c >= '0' && c <= '9' && number_.digits.size() < kMostDigits) {
    number_.digits.push_back(c);
    return Found::kNeedMore;
  }
  number_.is_cut = position == frame_len_ && c == '\n';
  const bool ends_well = c == '/' || number_.is_cut;
  return ends_well && !number_.digits.empty() ? Found::kNumber : Found::kNothing;
}

std::vector<NumberRange> connections_called(const TenantNumber& tenant, NumberRange among) {
  std::vector<NumberRange> ranges;
  const auto value = parse_whole_number(tenant.digits);
  if (!value) return ranges;
  if (among.contains(*value) && is_written_so(*value, tenant.digits)) {
    ranges.push_back({*value, 1});
  }
  // A number that goes on behind the cut has no leading zero.
  if (!tenant.is_cut || tenant.digits.front() == '0') return ranges;
  auto low = checked_multiply(*value, 10);
  std::uint64_t width = 10;
  while (low && *low <= among.first + (among.count - 1)) {
    const std::uint64_t high = checked_add(*low, width - 1).value_or(UINT64_MAX);
    if (const auto range = intersection(*low, high, among)) ranges.push_back(*range);
    low = checked_multiply(*low, 10);
    width *= 10;
  }
  return ranges;
}

}  // namespace stream_harness
