// A step of a queue holds the stream's context until it has done what it was asked for.

#include <gtest/gtest.h>

#include <cstddef>
#include <future>
#include <memory>
#include <optional>
#include <utility>

#include "bytes_handoff/testing/duplex.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "support/asio.hpp"
#include "support/hostile_executor.hpp"
#include "support/run_for.hpp"

namespace bytes_handoff::test {
namespace {

/// A queue with a write that its stream does not take. A handler destroys the context of the stream
/// on another thread, while the step that resumes this handler still has to post to that context.
class HeldContext : public testing::Test {
 protected:
  void SetUp() override {
    context.emplace(1);
    ends.emplace(make_duplex(*context, 4));
    out.emplace(std::move(ends->first));
    Bytes more = Bytes::copy_of("more than that");
    ASSERT_TRUE(out->try_write(more).has_value());
    run_ready(*context);
  }

  /// Destroys the context of the stream, on a thread of `elsewhere`.
  [[nodiscard]] auto destroyer() {
    return net::bind_executor(elsewhere.get_executor(), [this](auto&&...) {
      ends.reset();
      context.reset();
      is_destroyed.set_value();
    });
  }
  void expect_destroyed() {
    EXPECT_EQ(is_destroyed.get_future().wait_for(kPatience), std::future_status::ready);
  }

  HostileContext elsewhere{Hostility::elsewhere};
  std::optional<net::io_context> context;
  std::optional<std::pair<DuplexStream, DuplexStream>> ends;
  std::optional<WriteHandoff> out;
  std::promise<void> is_destroyed;
};

TEST_F(HeldContext, is_not_destroyed_before_an_abort_has_posted_the_end) {
  out->async_flush(destroyer());
  out->abort();
  expect_destroyed();
  EXPECT_EQ(out->pending_items(), 0U);
}

}  // namespace
}  // namespace bytes_handoff::test
