#include "tokens/run_case.hpp"
#include "tokens/write_operations.hpp"

namespace bytes_handoff::test {
namespace {

TEST(WriteHandoffTokens, async_write) { run_operation<WriteOperation<1>>("async_write"); }

}  // namespace
}  // namespace bytes_handoff::test
