// What is written of a queue before the program aborts.
#include "bytes_handoff/core/queue/queue_check.hpp"

#include <gtest/gtest.h>

#include "support/queue/queue_fixture.hpp"

namespace bytes_handoff::test {
namespace {

class QueueCheck : public QueueTest {
 protected:
  void fail_check() { detail::queue_check_failed(queue(), "misused"); }
};

TEST_F(QueueCheck, TheStateFollowsWhatWasDoneWrong) {
  open({.max_items = 3});
  send("abc");
  send("de");
  stream().begin();
  send("f");
  WriteProbe waiting("four");
  ASSERT_EQ(wait(waiting), Wait::kWaiting);
  FlushProbe flush;
  ASSERT_FALSE(queue().wait_flush(flush));
  EXPECT_DEATH(fail_check(),
               "misused\nbytes_handoff: queue state=open writer=writing pending_items=3 "
               "pending_bytes=6 items_with_stream=2 waiting_writes=1 waiting_items=1 "
               "waiting_bytes=4 reserved_items=0 reserved_bytes=0 flush_waiters=1 close_waiters=0 "
               "first_error=none\n");
  stream().run();
}

TEST_F(QueueCheck, AQueueIsCalledByItsName) {
  open({.name = "upstream 7"});
  EXPECT_DEATH(fail_check(), "bytes_handoff: queue \"upstream 7\" state=open ");
}

TEST_F(QueueCheck, AnErrorOfTheStandardsCategoriesIsNamed) {
  abort();
  EXPECT_DEATH(fail_check(), " state=ended .* first_error=bytes_handoff:4\n");
}

TEST_F(QueueCheck, OfAnotherCategorysErrorTheValueIsTold) {
  abort(error_value(104));
  EXPECT_DEATH(fail_check(), " first_error=other:104\n");
}

}  // namespace
}  // namespace bytes_handoff::test
