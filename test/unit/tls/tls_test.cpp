#include "support/streams/tls.hpp"

#include <chrono>
#include <memory>
#include <numeric>
#include <string>

#include "bytes_handoff/handoff_buffer.hpp"
#include "bytes_handoff/joined_writes.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "support/pattern.hpp"
#include "support/queue/unwritten.hpp"
#include "support/queue/writer_fixture.hpp"

namespace bytes_handoff::test {
namespace {

static_assert(kJoinedWriteBytes<TlsStream> == kRecordBytes);
static_assert(kJoinedWriteBytes<net::ssl::stream<net::ip::tcp::socket>> == kRecordBytes);
static_assert(kJoinedWriteBytes<net::ip::tcp::socket> == 0);

/// Reads a stream to its end through a HandoffBuffer; what comes goes back where there is a queue.
class Reader {
 public:
  explicit Reader(TlsStream& stream, WriteHandoff* back = nullptr) : stream_(stream), back_(back) {
    read();
  }

  [[nodiscard]] bool is_over() const { return is_over_; }
  [[nodiscard]] net_error_code error() const { return error_; }
  [[nodiscard]] std::size_t total() const { return text_.size(); }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  void read() {
    buffer_.async_read_available(stream_, [this](net_error_code error, std::size_t n) {
      text_ += buffer_.peek_view();
      if (back_ != nullptr && !buffer_.empty()) {
        write_owned(*back_, buffer_.freeze_all(),
                    [](net_error_code of_write) { EXPECT_FALSE(of_write) << of_write.message(); });
      }
      static_cast<void>(buffer_.take_tail());
      error_ = error;
      is_over_ = error || n == 0;
      if (!is_over_) {
        read();
      }
    });
  }

  TlsStream& stream_;
  WriteHandoff* back_;
  HandoffBuffer buffer_;
  std::string text_;
  net_error_code error_;
  bool is_over_ = false;
};

class Tls : public testing::Test {
 protected:
  [[nodiscard]] std::vector<std::size_t> records() {
    return pair.client->next_layer().take_record_sizes();
  }

  net::io_context context{1};
  TlsPair pair{context};
};

TEST_F(Tls, echoes_through_queues_and_buffers_and_ends_in_order_on_both_sides) {
  WriteHandoffConfig config;
  config.max_waiting_bytes = 4 * 1024 * 1024;
  WriteHandoff out = WriteHandoff(pair.client, config);
  WriteHandoff back = WriteHandoff(pair.server, config);
  Reader server(*pair.server, &back);
  Reader client(*pair.client);
  std::string expected;
  for (const std::size_t size : {1U, 100U, 5000U, 16384U, 100000U, 3U}) {
    for (std::size_t i = 0; i < 20; ++i) {
      expected += pattern(size, i);
      write_owned(out, text(pattern(size, i)),
                  [](net_error_code error) { EXPECT_FALSE(error) << error.message(); });
    }
  }
  ASSERT_TRUE(run_until(context, [&] { return client.total() == expected.size(); }));
  EXPECT_EQ(client.text() == expected, true);
  Outcome<net_error_code> closed;
  Outcome<net_error_code> server_closed;
  out.async_close(closed.handler());
  ASSERT_TRUE(run_until(context, [&] { return server.is_over() && closed.has_come(); }));
  EXPECT_FALSE(server.error()) << "a clean end is a read of 0";
  EXPECT_FALSE(closed.get()) << closed.get().message();
  EXPECT_FALSE(client.is_over()) << "the peer has not ended yet";
  back.async_close(server_closed.handler());
  ASSERT_TRUE(run_until(context, [&] { return server_closed.has_come() && client.is_over(); }));
  EXPECT_FALSE(server_closed.get()) << server_closed.get().message();
  EXPECT_FALSE(client.error()) << client.error().message();
}

TEST_F(Tls, leaves_the_reading_side_of_the_connection_to_its_user) {
  WriteHandoff(pair.client, {}).close();
  ASSERT_TRUE(run_out(context));
  WriteHandoff back = WriteHandoff(pair.server, {});
  EXPECT_TRUE(try_send(back, "answer"));
  back.close();
  Reader client(*pair.client);
  ASSERT_TRUE(run_until(context, [&] { return client.is_over(); }));
  EXPECT_EQ(client.text(), "answer");
  EXPECT_FALSE(client.error()) << client.error().message();
  EXPECT_TRUE(pair.client->lowest_layer().is_open());
}

TEST_F(Tls, small_slices_leave_in_full_records) {
  constexpr std::size_t kSlices = 2000;
  constexpr std::size_t kSliceBytes = 100;
  WriteHandoff out = WriteHandoff(pair.client, limits(kSlices, kSlices * kSliceBytes));
  std::string expected;
  for (std::size_t i = 0; i < kSlices; ++i) {
    expected += pattern(kSliceBytes, i);
    EXPECT_TRUE(try_send(out, pattern(kSliceBytes, i)));
  }
  Reader server(*pair.server);
  ASSERT_TRUE(run_until(context, [&] { return server.total() == expected.size(); }));
  EXPECT_EQ(server.text() == expected, true);
  const auto sizes = records();
  EXPECT_EQ(std::accumulate(sizes.begin(), sizes.end(), std::size_t{0}), expected.size());
  for (std::size_t i = 0; i + 1 < sizes.size(); ++i) {
    EXPECT_GT(sizes[i], kRecordBytes - kSliceBytes);
    EXPECT_LE(sizes[i], kRecordBytes);
  }
  EXPECT_EQ(out.statistics().stream_writes, sizes.size());
}

TEST_F(Tls, a_large_slice_leaves_as_it_is) {
  WriteHandoff out = WriteHandoff(pair.client, {});
  EXPECT_TRUE(try_send(out, pattern(2 * kRecordBytes + 5000)));
  Reader server(*pair.server);
  ASSERT_TRUE(run_until(context, [&] { return server.total() == 2 * kRecordBytes + 5000; }));
  EXPECT_EQ(records(), (std::vector<std::size_t>{kRecordBytes, kRecordBytes, 5000}));
}

TEST_F(Tls, that_is_cut_off_is_an_error_and_not_an_end) {
  Reader client(*pair.client);
  {
    WriteHandoff back = WriteHandoff(pair.server, {});
    EXPECT_TRUE(try_send(back, "half of"));
    ASSERT_TRUE(run_until(context, [&] { return client.total() == 7; }));
    pair.server->lowest_layer().close();
    ASSERT_TRUE(run_until(context, [&] { return client.is_over(); }));
  }
  EXPECT_EQ(client.error(), net::ssl::error::stream_truncated) << client.error().message();
  EXPECT_EQ(client.text(), "half of");
  ASSERT_TRUE(run_out(context));
}

TEST_F(Tls, end_does_not_wait_for_a_peer_that_never_answers) {
  WriteHandoff out = WriteHandoff(pair.client, {});
  auto ticket = try_send(out, "all of it").value();
  Outcome<net_error_code> closed;
  out.async_close(closed.handler());
  ASSERT_TRUE(run_out(context));
  EXPECT_FALSE(closed.get()) << closed.get().message();
  EXPECT_TRUE(ticket.is_done());
  EXPECT_TRUE(unwritten_of(out).value().empty());
}

TEST_F(Tls, abort_cancels_the_write_under_way) {
  constexpr std::size_t kBytes = 32 * 1024 * 1024;
  WriteHandoff out = WriteHandoff(pair.client, limits(8, kBytes));
  auto ticket = try_send(out, std::string(kBytes, 'x')).value();
  run_ready(context);  // nobody reads: it must wait
  CountOutcome done;
  ticket.async_wait(done.handler());
  run_ready(context);
  EXPECT_FALSE(done.has_come());
  out.abort();
  ASSERT_TRUE(run_out(context)) << "the write is still with the stream";
  EXPECT_TRUE(done.has_come());
  EXPECT_EQ(try_send(out, "x").error().first_error, Errc::aborted);
  EXPECT_GT(unwritten_of(out).value().first_written, 0U);
}

TEST_F(Tls, a_read_that_is_cancelled_loses_nothing) {
  net::cancellation_signal signal;
  HandoffBuffer buffer;
  CountOutcome cancelled;
  buffer.async_read_available(*pair.client,
                              net::bind_cancellation_slot(signal.slot(), cancelled.handler()));
  run_ready(context);
  signal.emit(net::cancellation_type::terminal);
  ASSERT_TRUE(run_until(context, [&] { return cancelled.has_come(); }));
  cancelled.expect(net::error::operation_aborted, 0);
  WriteHandoff back = WriteHandoff(pair.server, {});
  EXPECT_TRUE(try_send(back, "abc"));
  CountOutcome next;
  buffer.async_read_available(*pair.client, next.handler());
  ASSERT_TRUE(run_until(context, [&] { return next.has_come(); }));
  next.expect({}, 3);
  EXPECT_EQ(buffer.peek_view(), "abc");
  back.abort();
  ASSERT_TRUE(run_out(context));
}

}  // namespace
}  // namespace bytes_handoff::test
