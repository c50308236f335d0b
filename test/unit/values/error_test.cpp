#include "bytes_handoff/error.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <system_error>

namespace bytes_handoff {
namespace {

constexpr Errc kAll[] = {Errc::limit_exceeded,
                         Errc::read_in_progress,
                         Errc::closed,
                         Errc::aborted,
                         Errc::timed_out,
                         Errc::no_progress,
                         Errc::wait_in_progress,
                         Errc::stream_exception,
                         Errc::can_never_fit,
                         Errc::too_many_waiters,
                         Errc::too_many_waiting_bytes,
                         Errc::slow_consumer,
                         Errc::frame_too_long,
                         Errc::malformed_frame,
                         Errc::truncated_frame,
                         Errc::memory_exhausted,
                         Errc::shed};

TEST(Error, EveryCodeIsAnErrorOfTheLibrarysCategory) {
  for (const Errc code : kAll) {
    const std::error_code converted = code;
    EXPECT_TRUE(static_cast<bool>(converted));
    EXPECT_EQ(&converted.category(), &error_category());
    EXPECT_EQ(converted.value(), static_cast<int>(code));
    EXPECT_EQ(converted, code);
    EXPECT_EQ(converted, make_error_code(code));
  }
}

TEST(Error, TheCategoryIsOneObjectWithAName) {
  EXPECT_STREQ(error_category().name(), "bytes_handoff");
  EXPECT_EQ(&error_category(), &error_category());
}

TEST(Error, EveryCodeHasAMessageOfItsOwn) {
  std::set<std::string> messages;
  for (const Errc code : kAll) {
    const std::string message = make_error_code(code).message();
    EXPECT_FALSE(message.empty());
    EXPECT_EQ(message.find("unknown"), std::string::npos);
    EXPECT_TRUE(messages.insert(message).second) << message;
  }
}

TEST(Error, AValueThatIsNoCodeSaysSo) {
  for (const int value : {0, -1, 18, 1000}) {
    const std::string message = error_category().message(value);
    EXPECT_NE(message.find("unknown"), std::string::npos);
    EXPECT_NE(message.find(std::to_string(value)), std::string::npos);
  }
}

TEST(Error, CodesDifferFromEachOtherAndFromOtherCategories) {
  EXPECT_NE(make_error_code(Errc::closed), make_error_code(Errc::aborted));
  EXPECT_NE(make_error_code(Errc::closed),
            std::error_code(static_cast<int>(Errc::closed), std::generic_category()));
}

TEST(Error, CodesCompareToTheUsualConditionsWhereThereIsOne) {
  EXPECT_TRUE(make_error_code(Errc::aborted) == std::errc::operation_canceled);
  EXPECT_TRUE(make_error_code(Errc::timed_out) == std::errc::timed_out);
  EXPECT_TRUE(make_error_code(Errc::limit_exceeded) == std::errc::no_buffer_space);
  EXPECT_TRUE(make_error_code(Errc::memory_exhausted) == std::errc::not_enough_memory);
  EXPECT_TRUE(make_error_code(Errc::read_in_progress) == std::errc::operation_in_progress);
  EXPECT_TRUE(make_error_code(Errc::wait_in_progress) == std::errc::operation_in_progress);
  for (const Errc code :
       {Errc::closed, Errc::no_progress, Errc::stream_exception, Errc::can_never_fit,
        Errc::too_many_waiters, Errc::too_many_waiting_bytes, Errc::slow_consumer,
        Errc::frame_too_long, Errc::malformed_frame, Errc::truncated_frame, Errc::shed}) {
    EXPECT_EQ(make_error_code(code).default_error_condition().category(), error_category());
  }
  EXPECT_EQ(error_category().default_error_condition(1000),
            std::error_condition(1000, error_category()));
}

TEST(Error, FullErrorsCompareByAllTheirFields) {
  EXPECT_EQ((LimitExceeded{5, 4}), (LimitExceeded{5, 4}));
  EXPECT_NE((LimitExceeded{5, 4}), (LimitExceeded{6, 4}));
  EXPECT_NE((LimitExceeded{5, 4}), (LimitExceeded{5, 3}));
  EXPECT_EQ((SplitOutOfBounds{5, 4}), (SplitOutOfBounds{5, 4}));
  EXPECT_NE((SplitOutOfBounds{5, 4}), (SplitOutOfBounds{6, 4}));
  EXPECT_NE((SplitOutOfBounds{5, 4}), (SplitOutOfBounds{5, 3}));
}

}  // namespace
}  // namespace bytes_handoff
