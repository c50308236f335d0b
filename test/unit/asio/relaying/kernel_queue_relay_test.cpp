// A relay to a queue in front of a socket, whose pieces are in pipes.

#include "bytes_handoff/core/kernel/kernel_pipe.hpp"

#if BYTES_HANDOFF_HAS_SPLICE

#include <cerrno>
#include <cstddef>
#include <string>
#include <string_view>

#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/memory.hpp"
#include "bytes_handoff/relay.hpp"
#include "bytes_handoff/statistics.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "support/asio.hpp"
#include "support/pattern.hpp"
#include "support/relaying/kernel_queue_relay_fixture.hpp"
#include "support/run_for.hpp"
#include "support/streams/buffer_feed.hpp"

namespace bytes_handoff::test {
namespace {

TYPED_TEST_SUITE(KernelQueueRelay, SocketPairs);

TYPED_TEST(KernelQueueRelay, moves_all_behind_the_tail) {
  const std::string text = pattern(500'000);
  feed(this->buffer, text.substr(0, 1000));
  const auto before = this->moved();
  this->collect();
  this->start();
  const std::string rest = text.substr(1000);
  this->write_and_end(rest);
  this->run_to_end();
  this->outcome->expect({}, {text.size(), text.size(), RelaySide::none});
  this->run([this] { return this->collected->is_over(); });
  EXPECT_TRUE(this->collected->text() == text);
  EXPECT_EQ(this->moved() - before, rest.size());
  EXPECT_EQ(this->queue.statistics().written_bytes, text.size());
  EXPECT_EQ(this->pipes_in_use(), 0U);
}

TYPED_TEST(KernelQueueRelay, copies_if_that_is_chosen) {
  const std::string text = pattern(500'000);
  this->options.by = RelayBy::copy;
  const Calls calls;
  this->collect();
  this->start();
  this->write_and_end(text);
  this->run([this] { return this->collected->is_over(); });
  EXPECT_TRUE(this->collected->text() == text);
  EXPECT_EQ(calls.made(), 0U);
}

TYPED_TEST(KernelQueueRelay, what_others_write_goes_between_its_pieces) {
  const std::string text = pattern(20'000'000);
  this->narrow_out();
  this->start();
  this->write(text);
  this->run_until_full();
  const std::size_t admitted = this->queue.pending_bytes();
  Bytes other = Bytes::copy_of("|other|");
  this->queue.async_write(other,
                          [](net_error_code error, const WriteTicket&) { EXPECT_FALSE(error); });
  this->collect();
  this->run_to_text(text.size() + 7);
  const std::string& all = this->collected->text();
  const std::size_t at = all.find("|other|");
  ASSERT_NE(at, std::string::npos);
  EXPECT_GE(at, admitted);
  EXPECT_TRUE(all.substr(0, at) == text.substr(0, at) && all.substr(at + 7) == text.substr(at));
}

TYPED_TEST(KernelQueueRelay, a_refusal_at_any_call_is_followed_by_copying) {
  const std::string text = pattern(400'000);
  for (const int error : {EINVAL, ENOSYS}) {
    bool has_failed = true;
    for (unsigned at = 0; has_failed; at += at < 20 ? 1 : 7) {
      this->connect();
      this->narrow_out();
      const Calls calls(at, error);
      this->start();
      this->write_and_end(text);
      run_ready(*this->context);  // pieces may be stuck
      this->collect();
      this->run_to_end();
      this->outcome->expect({}, {text.size(), text.size(), RelaySide::none});
      this->run([this] { return this->collected->is_over(); });
      ASSERT_TRUE(this->collected->text() == text) << at;
      ASSERT_EQ(this->pipes_in_use(), 0U);
      has_failed = calls.has_failed();
    }
  }
}

TYPED_TEST(KernelQueueRelay, a_cancellation_at_any_step_loses_nothing) {
  const std::string text = pattern(600'000);
  bool has_ended = false;
  for (unsigned steps = 0; !has_ended; ++steps) {
    this->connect();
    this->narrow_out();
    this->buffer = HandoffBuffer();
    feed(this->buffer, text.substr(0, 1000));
    const std::string rest = text.substr(1000);
    this->write_and_end(rest);
    this->start();
    this->collect();
    this->context->restart();
    for (unsigned i = 0; i < steps && !this->outcome->is_over(); ++i) {
      this->context->run_one();
    }
    has_ended = this->outcome->is_over();
    this->cancel.emit(net::cancellation_type::total);
    this->run_to_end();
    const RelayCounts counts = this->outcome->counts();
    ASSERT_EQ(this->progress.counts(), counts);
    ASSERT_EQ(counts.received - counts.passed_on, this->buffer.size());
    ASSERT_TRUE(this->buffer.peek_view() ==
                std::string_view(text).substr(counts.passed_on, this->buffer.size()));
    if (has_ended || !this->queue.is_open()) {
      continue;
    }
    // The same queue can be used on.
    this->start();
    this->run_to_end();
    EXPECT_FALSE(this->outcome->error());
    this->run([this] { return this->collected->is_over(); });
    ASSERT_TRUE(this->collected->text() == text) << steps;
  }
}

// Refuses all moves to one descriptor, and counts them.
class RefusingOutput {
 public:
  explicit RefusingOutput(int output) {
    refused = output;
    tries = 0;
    detail::kernel_calls = &kCalls;
  }
  RefusingOutput(const RefusingOutput&) = delete;
  RefusingOutput& operator=(const RefusingOutput&) = delete;
  ~RefusingOutput() { detail::kernel_calls = &detail::system_calls; }

  static inline unsigned tries = 0;

 private:
  static inline int refused = -1;
  static std::ptrdiff_t splice(int from, int to, std::size_t n) noexcept {
    if (to != refused) {
      return detail::system_calls.splice(from, to, n);
    }
    ++tries;
    errno = EINVAL;
    return -1;
  }
  static int open_pipe(int (&ends)[2]) noexcept { return detail::system_calls.open_pipe(ends); }
  static constexpr detail::KernelCalls kCalls{&splice, &open_pipe};
};

TYPED_TEST(KernelQueueRelay, a_socket_that_refuses_pieces_is_given_no_more) {
  const std::string text = pattern(4'000'000);
  const RefusingOutput output(this->out->native_handle());
  this->collect();
  this->start();
  this->write_and_end(text);
  this->run([this] { return this->collected->is_over(); });
  EXPECT_TRUE(this->collected->text() == text);
  EXPECT_GT(output.tries, 0U);
  EXPECT_LE(output.tries, 17U) << "more than were queued by then";
}

// Behind some pieces others have their turn, while the relay has the next one in hand.
TYPED_TEST(KernelQueueRelay, a_cancellation_leaves_the_piece_in_hand_in_the_buffer) {
  const std::string text = pattern(40'000);
  unsigned with_bytes = 0;
  for (unsigned steps = 0; steps != 12; ++steps) {
    this->connect();
    this->buffer = HandoffBuffer({.max_size = 1000});
    this->write(text);
    this->start();
    this->context->restart();
    for (unsigned i = 0; i < steps; ++i) {
      this->context->poll_one();
    }
    this->cancel.emit(net::cancellation_type::total);
    this->run_to_end();
    const RelayCounts counts = this->outcome->counts();
    ASSERT_EQ(counts.received - counts.passed_on, this->buffer.size());
    ASSERT_TRUE(this->buffer.peek_view() ==
                std::string_view(text).substr(counts.passed_on, this->buffer.size()));
    with_bytes += this->buffer.empty() ? 0U : 1U;
  }
  EXPECT_GT(with_bytes, 0U);
}

TYPED_TEST(KernelQueueRelay, what_is_in_pipes_counts_and_is_bounded) {
  this->config.max_pending_bytes = 100'000;
  this->connect();
  this->narrow_out();
  const std::string text = pattern(20'000'000);
  this->start();
  this->write(text);
  this->run_until_full();
  EXPECT_GT(this->pipes_in_use(), 0U);
  EXPECT_LE(this->queue.statistics().high_water_bytes, 100'000U);
  EXPECT_LE(this->pipes_in_use(), 3U);
  this->queue.abort();
  this->run_to_end();
  EXPECT_GT(this->pipes_in_use(), 0U) << "who has a handle may ask for it";
  this->queue = WriteHandoff();
  this->run([this] { return this->pipes_in_use() == 0; });
}

TYPED_TEST(KernelQueueRelay, what_is_unwritten_is_taken_out_of_its_pipes) {
  this->narrow_out();
  const std::string text = pattern(20'000'000);
  this->start();
  this->write(text);
  this->run_until_full();
  const std::size_t passed_on = this->progress.counts().passed_on;
  this->queue.abort();
  std::string unwritten;
  bool is_there = false;
  this->queue.async_unwritten([&](net_error_code error, UnwrittenEntries entries) {
    EXPECT_FALSE(error);
    EXPECT_EQ(entries.first_written, 0U);
    for (const Bytes& entry : entries.entries) {
      unwritten += entry.view();
    }
    is_there = true;
  });
  this->run([&] { return is_there && this->outcome->is_over(); });
  const std::size_t written = this->queue.statistics().written_bytes;
  EXPECT_EQ(written + unwritten.size(), passed_on);
  EXPECT_TRUE(unwritten == text.substr(written, unwritten.size()));
  EXPECT_EQ(this->pipes_in_use(), 0U);
}

TYPED_TEST(KernelQueueRelay, waiting_for_its_input_it_holds_no_pipe) {
  const std::string text = pattern(100'000);
  this->collect();
  this->start();
  this->write(text);
  this->run_to_text(text.size());
  run_ready(*this->context);
  EXPECT_EQ(this->pipes_in_use(), 0U);
  EXPECT_EQ(this->buffer.capacity(), 0U) << "and no block";
  EXPECT_FALSE(this->outcome->is_over());
}

TYPED_TEST(KernelQueueRelay, without_pipes_it_copies_and_counts_that) {
  pool_trim();
  Calls calls;
  calls.refuse_pipes(true);
  const auto refused = relay_statistics().refused_pipes;
  const std::string text = pattern(500'000);
  this->collect();
  this->start();
  this->write_and_end(text);
  this->run([this] { return this->collected->is_over(); });
  EXPECT_TRUE(this->collected->text() == text);
  EXPECT_EQ(relay_statistics().refused_pipes, refused + 1);
  EXPECT_EQ(calls.made(), 0U);
}

TYPED_TEST(KernelQueueRelay, whose_context_ends_lets_go_of_all_pipes) {
  this->narrow_out();
  const std::string text = pattern(20'000'000);
  this->start();
  this->write(text);
  this->run_until_full();
  this->queue = WriteHandoff();
  this->client.reset();
  this->in.reset();
  this->out.reset();
  this->sink.reset();
  this->context.reset();
  EXPECT_EQ(this->pipes_in_use(), 0U);
}

}  // namespace
}  // namespace bytes_handoff::test

#endif
