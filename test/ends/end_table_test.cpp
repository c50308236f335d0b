// The tables in the docs are those that the matrix expects.

#include "ends/end_table.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

namespace bytes_handoff::test {
namespace {

constexpr std::string_view kBegin = "<!-- the ends: printed by end_tests_asio --print-tables -->\n";
constexpr std::string_view kEnd = "<!-- until here -->\n";

TEST(EndTable, in_the_docs_is_what_the_matrix_expects) {
  std::ifstream file(BYTES_HANDOFF_LIFECYCLE_DOC);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::size_t begin = text.find(kBegin);
  const std::size_t end = text.find(kEnd);
  ASSERT_NE(begin, std::string::npos) << "a line is missing: " << kBegin;
  ASSERT_NE(end, std::string::npos) << "a line is missing: " << kEnd;
  const std::string section = text.substr(begin + kBegin.size(), end - begin - kBegin.size());
  EXPECT_EQ(section == "\n" + end_tables() + "\n", true)
      << "put what `end_tests_asio --print-tables` prints between the two markers in "
         "docs/lifecycle.md, with an empty line before and after it";
}

TEST(EndTable, has_each_end_once_and_in_order) {
  for (std::size_t i = 0; i != kEndRows.size(); ++i) {
    EXPECT_EQ(static_cast<std::size_t>(kEndRows[i].end), i);
  }
}

}  // namespace
}  // namespace bytes_handoff::test
