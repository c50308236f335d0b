#include "workload/tenant_number.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace stream_harness {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::span<const std::byte> as_received(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

// What a reader finds in the text, given a byte at a time.
TenantReader::Found look(TenantReader& reader, std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const TenantReader::Found found = reader.look(as_received(text.substr(i, 1)));
    if (found != TenantReader::Found::kNeedMore) return found;
  }
  return TenantReader::Found::kNeedMore;
}

TEST(TenantReader, FindsTheNumberHoweverItComes) {
  const std::string_view text = "GET /tenant/0042/object/00000000xxx\n";
  TenantReader whole(35);
  EXPECT_EQ(whole.look(as_received(text)), TenantReader::Found::kNumber);
  TenantReader dripping(35);
  EXPECT_EQ(look(dripping, text.substr(0, 16)), TenantReader::Found::kNeedMore);
  EXPECT_EQ(look(dripping, text.substr(16)), TenantReader::Found::kNumber);
  for (const TenantReader* reader : {&whole, &dripping}) {
    EXPECT_EQ(reader->number().digits, "0042");
    EXPECT_FALSE(reader->number().is_cut);
  }
}

TEST(TenantReader, KnowsThatAShortFrameMayHaveCutIt) {
  TenantReader cut(16);
  EXPECT_EQ(look(cut, "GET /tenant/1234\nGET"), TenantReader::Found::kNumber);
  EXPECT_EQ(cut.number().digits, "1234");
  EXPECT_TRUE(cut.number().is_cut);

  TenantReader shown(17);
  EXPECT_EQ(look(shown, "GET /tenant/1234/\n"), TenantReader::Found::kNumber);
  EXPECT_FALSE(shown.number().is_cut);
}

TEST(TenantReader, OtherBytesAreNoPayload) {
  for (const char* text : {"GET /tenants/0001/", "get", "\n", "GET /tenant//", "GET /tenant/12x",
                           "GET /tenant/123456789012345678901"}) {
    TenantReader reader(40);
    EXPECT_EQ(look(reader, text), TenantReader::Found::kNothing) << text;
  }
  TenantReader longer(17);
  EXPECT_EQ(look(longer, "GET /tenant/12345\n"), TenantReader::Found::kNumber);
  TenantReader shorter(18);
  EXPECT_EQ(look(shorter, "GET /tenant/12345\n"), TenantReader::Found::kNothing);
}

TEST(TenantReader, NeedsNoMoreThanItSays) {
  std::string text = "GET /tenant/18446744073709551615/";
  EXPECT_EQ(text.size(), TenantReader::kMaxBytes);
  TenantReader reader(60);
  EXPECT_EQ(look(reader, text), TenantReader::Found::kNumber);
}

std::vector<std::uint64_t> numbers(const TenantNumber& tenant, NumberRange among) {
  std::vector<std::uint64_t> all;
  for (const NumberRange& range : connections_called(tenant, among)) {
    for (std::uint64_t i = 0; i < range.count; ++i) all.push_back(range.first + i);
  }
  return all;
}

TEST(ConnectionsCalled, AWholeNumberIsOneConnection) {
  EXPECT_THAT(numbers({"0007", false}, {0, 10}), ElementsAre(7));
  EXPECT_THAT(numbers({"12345", false}, {12000, 1000}), ElementsAre(12345));
  EXPECT_THAT(numbers({"0007", false}, {8, 10}), IsEmpty());
  EXPECT_THAT(numbers({"7", false}, {0, 10}), IsEmpty()) << "it is written with four digits";
  EXPECT_THAT(numbers({"00007", false}, {0, 10}), IsEmpty());
  EXPECT_THAT(numbers({"99999999999999999999", false}, {0, 10}), IsEmpty());
}

TEST(ConnectionsCalled, ACutNumberMayBeSeveral) {
  EXPECT_THAT(
      numbers({"1234", true}, {0, 20000}),
      ElementsAre(1234, 12340, 12341, 12342, 12343, 12344, 12345, 12346, 12347, 12348, 12349));
  EXPECT_THAT(numbers({"1234", true}, {12345, 2}), ElementsAre(12345, 12346));
  EXPECT_THAT(numbers({"1234", true}, {123400, 3}), ElementsAre(123400, 123401, 123402));
  EXPECT_THAT(numbers({"0012", true}, {0, 20000}), ElementsAre(12));
  EXPECT_THAT(numbers({"1844", true}, {18446744073709551614u, 2}),
              ElementsAre(18446744073709551614u, 18446744073709551615u));
}

}  // namespace
}  // namespace stream_harness
