// What an ended queue lets go of: the stream, and what it never wrote.

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "bytes_handoff/write_handoff.hpp"
#include "support/asio.hpp"
#include "support/pattern.hpp"
#include "support/queue/unwritten.hpp"
#include "support/queue/writer_fixture.hpp"
#include "support/streams/socket_pairs.hpp"

namespace bytes_handoff::test {
namespace {

using std::chrono::milliseconds;

class WriterRelease : public WriterFixture {
 protected:
  [[nodiscard]] static WriteHandoff spawn_shared(std::shared_ptr<IoStream> stream) {
    return WriteHandoff(std::move(stream), {});
  }
  [[nodiscard]] std::shared_ptr<IoStream> make_stream() {
    return std::make_shared<IoStream>(context->get_executor(), script);
  }
};

TEST_F(WriterRelease, of_a_stream_comes_with_the_end_while_handles_are_kept) {
  auto out = spawn();
  EXPECT_TRUE(try_send(out, "abc"));
  out.close();
  EXPECT_TRUE(script->is_alive);
  ASSERT_TRUE(run_out(*context));
  EXPECT_FALSE(script->is_alive);
  EXPECT_EQ(script->written, "abc");
  EXPECT_FALSE(out.is_open());
  EXPECT_EQ(out.pending_items(), 0U);
  EXPECT_EQ(out.statistics().written_bytes, 3U);
  EXPECT_FALSE(try_send(out, "late").has_value());
  EXPECT_TRUE(unwritten_of(out).value().empty());
}

TEST_F(WriterRelease, of_a_shared_stream_comes_after_close_abort_and_failure) {
  for (int way = 0; way < 3; ++way) {
    script = std::make_shared<StreamScript>();
    script->fail_at = way == 2 ? 0 : kNever;
    script->error = net::error::connection_reset;
    auto stream = make_stream();
    auto out = spawn_shared(stream);
    EXPECT_TRUE(try_send(out, "abc"));
    if (way == 0) {
      out.close();
    } else if (way == 1) {
      out.abort();
    }
    ASSERT_TRUE(run_out(*context));
    EXPECT_FALSE(out.is_open());
    EXPECT_EQ(stream.use_count(), 1) << way;
  }
}

TEST_F(WriterRelease, waits_for_a_write_that_the_stream_still_has) {
  script->honours_cancellation = false;
  auto out = spawn_held();
  EXPECT_TRUE(try_send(out, "abc"));
  run_ready(*context);
  out.abort();
  run_ready(*context);
  EXPECT_TRUE(script->is_alive);
  stream_takes(2);
  EXPECT_FALSE(script->is_alive);
  EXPECT_EQ(texts_of(unwritten_of(out).value()), std::vector<std::string>{"c"});
}

struct Session : std::enable_shared_from_this<Session> {
  Session(net::io_context& context, const std::shared_ptr<StreamScript>& script)
      : stream(context.get_executor(), script) {}
  void start() {
    out.emplace(WriteHandoff(std::shared_ptr<IoStream>(shared_from_this(), &stream), {}));
  }
  IoStream stream;
  std::optional<WriteHandoff> out;
};

TEST_F(WriterRelease, frees_a_session_that_owns_its_queue_and_lends_it_the_stream) {
  auto session = std::make_shared<Session>(*context, script);
  session->start();
  EXPECT_TRUE(try_send(*session->out, "abc"));
  session->out->close();
  const std::weak_ptr<Session> watched = session;
  session.reset();
  EXPECT_FALSE(watched.expired());
  ASSERT_TRUE(run_out(*context));
  EXPECT_TRUE(watched.expired());
  EXPECT_EQ(script->written, "abc");
}

TEST_F(WriterRelease, of_what_was_not_written_comes_with_the_last_handle) {
  for (const bool ends_first : {true, false}) {
    script = std::make_shared<StreamScript>();
    auto owner = std::make_shared<std::string>("kept");
    const auto slice = [&] {
      return Bytes::from_owner(std::shared_ptr<std::string>(owner),
                               std::as_bytes(std::span(*owner)));
    };
    auto out = std::optional(spawn_held());
    const auto stored =
        out->async_closed(test::deferred);  // which keeps the writer, and is no handle
    auto ticket = try_send(*out, slice()).value();
    EXPECT_TRUE(try_send(*out, slice()));
    run_ready(*context);
    if (ends_first) {
      out->abort();
      run_ready(*context);
      EXPECT_EQ(owner.use_count(), 3) << "somebody may ask for them";
      out.reset();
    } else {
      out.reset();
      stream_takes(0, net::error::connection_reset);
    }
    EXPECT_EQ(owner.use_count(), 1);
    EXPECT_TRUE(ticket.is_done());
  }
}

/// Owned sockets with a peer that has sent what nobody reads.
template <class Pair>
class Lingering : public testing::Test {
 protected:
  using Stream = typename Pair::Stream;

  void SetUp() override {
    auto ends = Pair::make(*context);
    near.emplace(std::move(ends.first));
    far.emplace(std::move(ends.second));
    net::write(*far, net::buffer("nobody reads this", 17));
  }

  WriteHandoff answer_and_close(std::chrono::nanoseconds close_timeout) {
    WriteHandoffConfig config;
    config.close_timeout = close_timeout;
    auto out = WriteHandoff(std::move(*near), config);
    EXPECT_TRUE(try_send(out, "the answer"));
    out.async_closed(closed.handler());
    out.close();
    EXPECT_TRUE(run_until(*context, [&] { return closed.has_come(); }));
    EXPECT_FALSE(closed.get());
    return out;
  }

  std::unique_ptr<net::io_context> context = std::make_unique<net::io_context>(1);
  std::optional<Stream> near;
  std::optional<Stream> far;
  Outcome<net_error_code> closed;
};
using Sockets = testing::Types<TcpPair, UnixPair>;
TYPED_TEST_SUITE(Lingering, Sockets);

TYPED_TEST(Lingering, keeps_an_owned_socket_until_the_peer_has_read_and_ended) {
  this->answer_and_close(kPatience);
  run_ready(*this->context);
  net::write(*this->far, net::buffer("nor this", 8));
  run_ready(*this->context);
  Collector<typename TypeParam::Stream> collector(*this->far);
  ASSERT_TRUE(run_until(*this->context, [&] { return collector.is_over(); }));
  EXPECT_EQ(collector.text(), "the answer");
  EXPECT_EQ(collector.error(), net::error::eof) << "a reset would have destroyed the answer";
  this->far.reset();
  ASSERT_TRUE(run_out(*this->context)) << "it waits for nothing else";
}

TYPED_TEST(Lingering, ends_when_the_peer_is_silent_for_too_long) {
  auto out = this->answer_and_close(milliseconds(5));
  ASSERT_TRUE(run_out(*this->context));
  net_error_code error;
  net::write(*this->far, net::buffer("x", 1), error);
  run_ready(*this->context);
  net::write(*this->far, net::buffer("x", 1), error);
  EXPECT_TRUE(error) << "the socket is closed, handle or not";
}

TYPED_TEST(Lingering, is_left_out_where_its_time_is_zero) {
  auto out = this->answer_and_close(milliseconds(0));
  ASSERT_TRUE(run_out(*this->context));
}

TYPED_TEST(Lingering, ends_when_the_peer_sends_without_end) {
  this->answer_and_close(kPatience);
  std::string more(detail::kMaxLingerBytes + 8 * 1024 * 1024, 'x');
  CountOutcome sent;
  net::async_write(*this->far, net::buffer(more), sent.handler());
  ASSERT_TRUE(run_until(*this->context, [&] { return sent.has_come(); }));
  ASSERT_TRUE(run_out(*this->context)) << "though the peer has not ended";
  net_error_code error;
  for (int i = 0; i < 100 && !error; ++i) {
    net::write(*this->far, net::buffer("x", 1), error);
  }
  EXPECT_TRUE(error);
}

TYPED_TEST(Lingering, is_cut_off_with_its_context) {
  {
    auto out = this->answer_and_close(std::chrono::hours(1));
    run_ready(*this->context);
    this->far.reset();
    this->context.reset();
    EXPECT_FALSE(out.is_open());
  }
}

TYPED_TEST(Lingering, is_not_for_a_queue_that_was_aborted) {
  auto out = WriteHandoff(std::move(*this->near), {});
  out.abort();
  ASSERT_TRUE(run_out(*this->context));
}

}  // namespace
}  // namespace bytes_handoff::test
