#include "tokens/run_case.hpp"
#include "tokens/write_operations.hpp"

namespace bytes_handoff::test {
namespace {

TEST(WriteHandoffTokens, async_write_of_slices) {
  run_operation<WriteOperation<2>>("async_write_of_slices");
}

}  // namespace
}  // namespace bytes_handoff::test
