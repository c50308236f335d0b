#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

namespace {

/// A failed expectation ends the process, so that the fuzzer sees a crash and keeps its input.
class AbortOnFailure : public testing::EmptyTestEventListener {
  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (result.failed()) {
      std::cerr << result << std::endl;
      std::abort();
    }
  }
};

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  testing::UnitTest::GetInstance()->listeners().Append(new AbortOnFailure);
  return 0;
}
