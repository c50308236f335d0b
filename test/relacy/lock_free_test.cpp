// The lock-free parts under weak memory orders: every schedule of a few threads, and in each of
// them every value that a load may see. It is the library's own code that runs, on Relacy's
// atomics.
#include <gtest/gtest.h>

#include <array>
#include <ostream>
#include <streambuf>
#include <string>
#include <string_view>

#include "bytes_handoff/core/memory/pool.hpp"
#include "relacy/relacy_sync.hpp"

namespace bytes_handoff::test {
namespace {

using Count = std::uint32_t;

/// A thing that its holders read, and that the last one destroys.
template <class Sync>
struct Shared {
  explicit Shared(Count count) : references(count) { data = 7; }
  void release(Count count) {
    if (references.release(count)) {
      data = 0;  // as a destructor does: nobody may be reading
    }
  }
  detail::ReferenceCount<Sync, Count> references;
  typename Sync::template Plain<int> data;
};

/// Two slices, one of which is copied once more, and the buffer that handed them out and gives back
/// the rest of its references at once.
template <class Sync, rl::test_result_e kResult = rl::test_result_success>
struct BulkReferences : rl::test_suite<BulkReferences<Sync, kResult>, 3, kResult> {
  static constexpr Count kAtOnce = 5;

  void before() { shared = new Shared<Sync>(kAtOnce); }
  void after() {
    RL_ASSERT(static_cast<const int&>(shared->data) == 0);
    delete shared;
  }
  void thread(unsigned index) {
    RL_ASSERT(static_cast<const int&>(shared->data) == 7);
    if (index == 0) {
      shared->release(kAtOnce - 2);
      return;
    }
    if (index == 1) {
      shared->references.add(1);
      shared->release(1);
    }
    shared->release(1);
  }
  Shared<Sync>* shared = nullptr;
};

/// A buffer takes its block again once nobody else holds it, while a reader gives it back.
template <class Sync, rl::test_result_e kResult = rl::test_result_success>
struct Reclaim : rl::test_suite<Reclaim<Sync, kResult>, 2, kResult> {
  void before() { shared = new Shared<Sync>(3); }
  void after() { delete shared; }
  void thread(unsigned index) {
    if (index == 1) {
      RL_ASSERT(static_cast<const int&>(shared->data) == 7);
      shared->release(1);
    } else if (shared->references.is_unique(2)) {
      shared->data = 8;  // nobody reads any more
      shared->references.reset(3);
    }
  }
  Shared<Sync>* shared = nullptr;
};

/// Keeps the beginning of what is written. Relacy watches `operator new`: it must not be called.
class FixedText : public std::streambuf {
 public:
  FixedText() { setp(text_.data(), text_.data() + text_.size()); }
  [[nodiscard]] std::string_view view() const {
    return {pbase(), static_cast<std::size_t>(pptr() - pbase())};
  }

 protected:
  int_type overflow(int_type any) override { return traits_type::not_eof(any); }

 private:
  std::array<char, 4000> text_;
};

template <class Suite>
[[nodiscard]] bool holds() {
  // What the pool keeps for later is not to be taken for a leak: it has a slot of each size
  // already.
  for (std::size_t size = 64; size <= 4096; size *= 2) {
    const std::size_t slot = size + detail::kCacheLine;
    detail::pool_deallocate(detail::pool_allocate(slot), slot);
  }
  rl::test_params params;
  params.search_type = rl::sched_full;
  params.iteration_count = 10'000'000;  // a full search ends by itself
  FixedText text;
  std::ostream output(&text);
  params.output_stream = &output;
  params.progress_stream = &output;
  const bool as_expected = rl::simulate<Suite>(params);
  testing::Test::RecordProperty("iterations", std::to_string(params.stop_iteration));
  EXPECT_TRUE(as_expected) << text.view();
  const bool is_to_hold = Suite::params::expected_result == rl::test_result_success;
  return as_expected && (!is_to_hold || params.stop_iteration > 10);
}

TEST(LockFree, ReferencesTakenInBulk) { EXPECT_TRUE(holds<BulkReferences<RelacySync>>()); }

TEST(LockFree, ABlockIsReclaimedBehindItsReaders) { EXPECT_TRUE(holds<Reclaim<RelacySync>>()); }

// With the memory orders taken away, each of them is a race: they are what the tests above look at.
TEST(LockFree, WithoutMemoryOrdersItIsARace) {
  constexpr auto kRace = rl::test_result_data_race;
  EXPECT_TRUE((holds<BulkReferences<RelaxedSync, kRace>>()));
  EXPECT_TRUE((holds<Reclaim<RelaxedSync, kRace>>()));
}

}  // namespace
}  // namespace bytes_handoff::test
