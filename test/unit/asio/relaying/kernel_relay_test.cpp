// A relay between two sockets whose bytes the kernel moves, or is to move.

#include "bytes_handoff/core/kernel/kernel_pipe.hpp"

#if BYTES_HANDOFF_HAS_SPLICE

#include <cerrno>
#include <string>
#include <string_view>
#include <vector>

#include "bytes_handoff/memory.hpp"
#include "bytes_handoff/relay.hpp"
#include "bytes_handoff/statistics.hpp"
#include "support/asio.hpp"
#include "support/pattern.hpp"
#include "support/queue/probes.hpp"
#include "support/relaying/kernel_relay_fixture.hpp"
#include "support/run_for.hpp"
#include "support/streams/buffer_feed.hpp"

namespace bytes_handoff::test {
namespace {

TYPED_TEST_SUITE(KernelRelay, SocketPairs);

TYPED_TEST(KernelRelay, moves_all_behind_the_tail) {
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
  EXPECT_EQ(this->pipes_in_use(), 0U);
}

TYPED_TEST(KernelRelay, copies_if_that_is_chosen) {
  const std::string text = pattern(500'000);
  this->options.by = RelayBy::copy;
  const Calls calls;
  this->collect();
  this->start();
  this->write_and_end(text);
  this->run_to_end();
  this->run([this] { return this->collected->is_over(); });
  EXPECT_TRUE(this->collected->text() == text);
  EXPECT_EQ(calls.made(), 0U);
}

TYPED_TEST(KernelRelay, goes_over_and_back_as_pieces_are_large_or_small) {
  this->options.by = RelayBy::kernel_if_it_pays;
  this->collect();
  this->start();
  std::string all;
  std::vector<std::string> kept;
  kept.reserve(1000);
  const auto pass = [&](std::size_t n) {
    kept.push_back(pattern(n, all.size()));
    all += kept.back();
    this->write(kept.back());
    this->run_to_text(all.size());
  };
  const auto before_small = this->moved();
  for (int i = 0; i < 50; ++i) {
    pass(100);
  }
  EXPECT_EQ(this->moved(), before_small) << "small pieces";
  for (int round = 0; round < 3; ++round) {
    const auto before = this->moved();
    pass(2'000'000);
    EXPECT_GT(this->moved() - before, 1'000'000U) << round;
    for (unsigned i = 0; i < detail::KernelMoves::kSmallMoves; ++i) {
      pass(100);
    }
    const Calls calls;
    for (int i = 0; i < 20; ++i) {
      pass(100);
    }
    EXPECT_EQ(calls.made(), 0U) << "small pieces behind bulk";
  }
  net_error_code ignored;
  this->client->shutdown(TestFixture::Stream::shutdown_send, ignored);
  this->run_to_end();
  this->outcome->expect({}, {all.size(), all.size(), RelaySide::none});
  EXPECT_TRUE(this->collected->text() == all);
}

TYPED_TEST(KernelRelay, a_refusal_at_any_call_is_followed_by_copying) {
  const std::string text = pattern(400'000);
  for (const int error : {EINVAL, ENOSYS}) {
    bool has_failed = true;
    for (unsigned at = 0; has_failed; at += at < 20 ? 1 : 7) {
      this->connect();
      this->narrow_out();
      const Calls calls(at, error);
      this->start();
      this->write_and_end(text);
      run_ready(*this->context);  // the pipe may be stuck
      this->collect();
      this->run_to_end();
      this->outcome->expect({}, {text.size(), text.size(), RelaySide::none});
      this->run([this] { return this->collected->is_over(); });
      ASSERT_TRUE(this->collected->text() == text) << at;
      has_failed = calls.has_failed();
      if (has_failed) {
        EXPECT_EQ(calls.made(), at + 1) << "it was tried again";
      }
    }
  }
}

TYPED_TEST(KernelRelay, a_cancellation_at_any_step_loses_nothing) {
  const std::string text = pattern(600'000);
  bool has_ended = false;
  unsigned with_bytes = 0;
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
    ASSERT_EQ(this->pipes_in_use(), 0U);
    with_bytes += this->buffer.empty() ? 0U : 1U;
    if (this->outcome->error() && !this->out->is_open()) {
      continue;
    }
    if (this->outcome->error()) {  // the same streams can be used on
      ASSERT_EQ(this->outcome->error(), net::error::operation_aborted);
      this->start();
      this->run_to_end();
    }
    EXPECT_FALSE(this->outcome->error());
    this->run([this] { return this->collected->is_over(); });
    ASSERT_TRUE(this->collected->text() == text) << steps;
  }
  EXPECT_GT(with_bytes, 0U);
}

TYPED_TEST(KernelRelay, an_end_waits_for_what_is_in_the_pipe) {
  const std::string text = pattern(20'000'000);
  this->narrow_out();
  this->start();
  this->write_and_end(text);
  this->run_until_stuck();
  run_ready(*this->context);
  EXPECT_FALSE(this->outcome->is_over());
  this->collect();
  this->run_to_end();
  this->outcome->expect({}, {text.size(), text.size(), RelaySide::none});
  this->run([this] { return this->collected->is_over(); });
  EXPECT_TRUE(this->collected->text() == text);
  EXPECT_EQ(this->collected->error(), net::error::eof);
}

TYPED_TEST(KernelRelay, the_pipe_holds_no_more_than_the_buffer_may) {
  this->buffer = HandoffBuffer({.max_size = 1000});
  const Calls calls;
  const std::string text = pattern(20'000'000);
  this->start();
  this->write(text);
  this->run_until_stuck();
  EXPECT_LE(this->held(), 1000U);
  EXPECT_TRUE(this->buffer.empty());
  this->cancel.emit(net::cancellation_type::total);
  this->run_to_end();
  EXPECT_EQ(this->buffer.size(), this->held());
  EXPECT_NE(this->buffer.size(), 0U);
  EXPECT_LE(calls.largest(), 1000U);
}

TYPED_TEST(KernelRelay, waiting_for_its_input_it_holds_no_pipe) {
  const std::string text = pattern(100'000);
  this->collect();
  this->start();
  this->write(text);
  this->run_to_text(text.size());
  run_ready(*this->context);
  EXPECT_EQ(this->pipes_in_use(), 0U);
  EXPECT_EQ(this->buffer.capacity(), 0U) << "and no block";
  CountOutcome read;
  this->buffer.async_read_available(*this->in, read.handler());
  this->run([&] { return read.has_come(); });
  EXPECT_EQ(read.error(), detail::to_net_error(Errc::read_in_progress));
}

TYPED_TEST(KernelRelay, without_pipes_it_copies_and_counts_that) {
  pool_trim();
  Calls calls;
  calls.refuse_pipes(true);
  const auto refused = relay_statistics().refused_pipes;
  const std::string text = pattern(500'000);
  this->collect();
  this->start();
  this->write_and_end(text);
  this->run_to_end();
  this->outcome->expect({}, {text.size(), text.size(), RelaySide::none});
  this->run([this] { return this->collected->is_over(); });
  EXPECT_TRUE(this->collected->text() == text);
  EXPECT_EQ(relay_statistics().refused_pipes, refused + 1);
  EXPECT_EQ(calls.made(), 0U);
}

}  // namespace
}  // namespace bytes_handoff::test

#endif
