// What is new where no slice is an argument of the initiation: a write or a burst that is stored
// admits what is in the caller's variable when it is started, as often as it is started.

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/testing/duplex.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "support/asio.hpp"
#include "support/run_for.hpp"

#if defined(BYTES_HANDOFF_BOOST_ASIO)
#if __has_include(<boost/asio/cancel_after.hpp>)
#include <boost/asio/cancel_after.hpp>
#define BYTES_HANDOFF_TEST_HAS_CANCEL_AFTER
#endif
#else
#if __has_include(<asio/cancel_after.hpp>)
#include <asio/cancel_after.hpp>
#define BYTES_HANDOFF_TEST_HAS_CANCEL_AFTER
#endif
#endif

namespace bytes_handoff::test {
namespace {

class StoredWrite : public testing::Test {
 protected:
  [[nodiscard]] auto admitted() {
    return [this](net_error_code error, WriteTicket ticket) {
      EXPECT_FALSE(error) << error.message();
      EXPECT_TRUE(ticket.valid());
      ++admitted_;
    };
  }
  [[nodiscard]] std::string received() {
    run_ready(context);
    std::string all(64, '\0');
    net_error_code error;
    all.resize(ends.second.read_some(net::buffer(all), error));
    run_ready(context);
    return all;
  }
  /// Nothing more is admitted until something is read.
  void fill() {
    Bytes all = Bytes::copy_of("12345678");
    ASSERT_TRUE(out.try_write(all));
  }

  net::io_context context{1};
  std::pair<DuplexStream, DuplexStream> ends = make_duplex(context.get_executor(), 4);
  WriteHandoff out{std::move(ends.first),
                   WriteHandoffConfig{.max_items = 2, .max_pending_bytes = 8}};
  int admitted_ = 0;
};

TEST_F(StoredWrite, takes_nothing_before_it_is_started) {
  Bytes bytes = Bytes::copy_of("one");
  {
    const auto stored = out.async_write(bytes, test::deferred);
    static_cast<void>(stored);
  }
  EXPECT_EQ(bytes.view(), "one");
  auto stored = out.async_write(bytes, test::deferred);
  EXPECT_EQ(received(), "");
  std::move(stored)(admitted());
  EXPECT_TRUE(bytes.empty());
  EXPECT_EQ(received(), "one");
  EXPECT_EQ(admitted_, 1);
}

TEST_F(StoredWrite, is_not_emptied_by_a_copy) {
  Bytes bytes = Bytes::copy_of("one");
  const auto stored = out.async_write(bytes, test::deferred);
  auto copy = stored;
  EXPECT_EQ(bytes.view(), "one");
  std::move(copy)(admitted());
  EXPECT_TRUE(bytes.empty());
  EXPECT_EQ(received(), "one");
  EXPECT_EQ(admitted_, 1);
}

TEST_F(StoredWrite, that_is_started_twice_admits_what_is_in_the_variable_then) {
  Bytes bytes = Bytes::copy_of("one");
  const auto stored = out.async_write(bytes, test::deferred);
  stored(admitted());
  EXPECT_EQ(received(), "one");
  bytes = Bytes::copy_of("two");
  stored(admitted());
  EXPECT_EQ(received(), "two");
  stored(admitted());  // which has been taken
  EXPECT_EQ(received(), "");
  EXPECT_EQ(admitted_, 3);
  EXPECT_EQ(out.statistics().admitted_items, 3U);
}

TEST_F(StoredWrite, of_slices_admits_what_is_in_the_array_then) {
  std::array slices{Bytes::copy_of("a"), Bytes::copy_of("b")};
  const auto stored = out.async_write(slices, test::deferred);
  slices[1] = Bytes::copy_of("c");
  auto copy = stored;
  std::move(copy)(admitted());
  EXPECT_EQ(received(), "ac");
  slices[0] = Bytes::copy_of("d");
  stored(admitted());
  EXPECT_EQ(received(), "d");
  EXPECT_EQ(admitted_, 2);
}

TEST_F(StoredWrite, keeps_no_queue_open) {
  Bytes bytes = Bytes::copy_of("one");
  const auto stored = out.async_write(bytes, test::deferred);
  out = WriteHandoff();
  run_ready(context);
  net_error_code told;
  stored([&](net_error_code error, const WriteTicket& ticket) {
    told = error;
    EXPECT_FALSE(ticket.valid());
  });
  run_ready(context);
  EXPECT_EQ(told, Errc::closed);
  EXPECT_EQ(bytes.view(), "one");
}

class StoredBurst : public StoredWrite {
 protected:
  [[nodiscard]] auto sent(std::size_t all) {
    return [this, all](net_error_code error, std::size_t n) {
      EXPECT_FALSE(error) << error.message();
      EXPECT_EQ(n, all);
      ++admitted_;
    };
  }
};

TEST_F(StoredBurst, admits_what_is_in_the_array_when_it_or_a_copy_is_started) {
  std::array slices{Bytes::copy_of("a"), Bytes::copy_of("b")};
  const auto stored = out.async_send(slices, test::deferred);
  const auto cuts = out.async_send(slices, may_cut, test::deferred);
  EXPECT_EQ(received(), "");
  slices[1] = Bytes::copy_of("c");
  auto copy = stored;
  EXPECT_EQ(slices[0].view(), "a");
  std::move(copy)(sent(2));
  EXPECT_EQ(received(), "ac");
  slices[0] = Bytes::copy_of("d");
  stored(sent(2));
  EXPECT_EQ(received(), "d");
  slices[1] = Bytes::copy_of("twelve bytes");
  cuts(sent(2));
  std::string all;
  for (int i = 0; i < 5; ++i) {
    all += received();
  }
  EXPECT_EQ(all, "twelve bytes");
  EXPECT_EQ(admitted_, 3);
}

TEST_F(StoredBurst, keeps_no_queue_open) {
  std::array slices{Bytes::copy_of("one")};
  const auto stored = out.async_send(slices, test::deferred);
  out = WriteHandoff();
  run_ready(context);
  net_error_code told;
  stored([&](net_error_code error, std::size_t n) {
    told = error;
    EXPECT_EQ(n, 0U);
  });
  run_ready(context);
  EXPECT_EQ(told, Errc::closed);
  EXPECT_EQ(slices[0].view(), "one");
}

class StoredReservation : public StoredWrite {
 protected:
  [[nodiscard]] auto granted() {
    return [this](net_error_code error, WritePermit permit) {
      EXPECT_FALSE(error) << error.message();
      permits_.push_back(std::move(permit));
    };
  }
  std::vector<WritePermit> permits_;
};

TEST_F(StoredReservation, holds_no_room_before_it_is_started_and_as_often_as_it_is_started) {
  const auto stored = out.async_reserve(3, test::deferred);
  EXPECT_EQ(out.statistics().reserved_bytes, 0U);
  auto copy = stored;
  std::move(copy)(granted());
  EXPECT_EQ(out.statistics().reserved_bytes, 3U);
  stored(granted());
  EXPECT_EQ(out.statistics().reserved_bytes, 6U);
  stored(granted());  // which must wait
  run_ready(context);
  EXPECT_EQ(permits_.size(), 2U);
  permits_.erase(permits_.begin());
  run_ready(context);
  EXPECT_EQ(permits_.size(), 2U);
  EXPECT_EQ(out.statistics().reserved_bytes, 6U);
}

TEST_F(StoredReservation, keeps_no_queue_open) {
  const auto stored = out.async_reserve(3, 2, test::deferred);
  out = WriteHandoff();
  run_ready(context);
  net_error_code told;
  stored([&](net_error_code error, const WritePermit& permit) {
    told = error;
    EXPECT_FALSE(permit.valid());
  });
  run_ready(context);
  EXPECT_EQ(told, Errc::closed);
}

#if defined(BYTES_HANDOFF_TEST_HAS_CANCEL_AFTER)
TEST_F(StoredWrite, that_is_given_a_time_is_admitted_or_leaves_the_slice) {
  Bytes bytes = Bytes::copy_of("1");
  out.async_write(bytes, net::cancel_after(std::chrono::hours(1), admitted()));
  EXPECT_EQ(received(), "1");
  EXPECT_TRUE(bytes.empty());
  EXPECT_EQ(admitted_, 1);
  fill();
  bytes = Bytes::copy_of("2");
  const std::byte* const data = bytes.data();
  net_error_code told;
  out.async_write(bytes, net::cancel_after(std::chrono::milliseconds(1),
                                           [&](net_error_code error, const WriteTicket& ticket) {
                                             told = error;
                                             EXPECT_FALSE(ticket.valid());
                                           }));
  ASSERT_TRUE(run_until(context, [&] { return static_cast<bool>(told); }));
  EXPECT_EQ(told, net::error::operation_aborted);
  EXPECT_EQ(bytes.data(), data);
  EXPECT_EQ(bytes.view(), "2");
}

TEST_F(StoredBurst, that_is_given_a_time_tells_how_many_slices_were_admitted) {
  std::array slices{Bytes::copy_of("1234567"), Bytes::copy_of("890"), Bytes::copy_of("x")};
  net_error_code told;
  out.async_send(slices, net::cancel_after(std::chrono::milliseconds(1),
                                           [&](net_error_code error, std::size_t n) {
                                             told = error;
                                             EXPECT_EQ(n, 1U);
                                           }));
  ASSERT_TRUE(run_until(context, [&] { return static_cast<bool>(told); }));
  EXPECT_EQ(told, net::error::operation_aborted);
  EXPECT_TRUE(slices[0].empty());
  EXPECT_EQ(slices[1].view(), "890");
}

TEST_F(StoredReservation, that_is_given_a_time_is_granted_or_holds_no_room) {
  out.async_reserve(8, net::cancel_after(std::chrono::hours(1), granted()));
  run_ready(context);
  ASSERT_EQ(permits_.size(), 1U);
  net_error_code told;
  out.async_reserve(8, 1,
                    net::cancel_after(std::chrono::milliseconds(1),
                                      [&](net_error_code error, const WritePermit& permit) {
                                        told = error;
                                        EXPECT_FALSE(permit.valid());
                                      }));
  ASSERT_TRUE(run_until(context, [&] { return static_cast<bool>(told); }));
  EXPECT_EQ(told, net::error::operation_aborted);
  permits_.clear();
  EXPECT_EQ(out.statistics().reserved_bytes, 0U);
}
#endif

}  // namespace
}  // namespace bytes_handoff::test
