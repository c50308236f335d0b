// A relay between two sockets whose bytes the kernel moves, or is to move.

#include "bytes_handoff/core/relaying/kernel_pipe.hpp"

#if BYTES_HANDOFF_HAS_SPLICE

#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <memory_resource>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/memory.hpp"
#include "bytes_handoff/relay.hpp"
#include "bytes_handoff/statistics.hpp"
#include "support/asio.hpp"
#include "support/pattern.hpp"
#include "support/queue/probes.hpp"
#include "support/relaying/relay_outcome.hpp"
#include "support/run_for.hpp"
#include "support/streams/buffer_feed.hpp"
#include "support/streams/socket_pairs.hpp"

namespace bytes_handoff::test {
namespace {

using detail::KernelCalls;

struct CallsState {
  unsigned failing_call = ~0U;
  int error = 0;
  unsigned made = 0;
  std::size_t largest = 0;
  bool refuses_pipes = false;
};

/// The system's calls, of which one may fail, and from there on none is made.
class Calls {
 public:
  static constexpr unsigned kNever = ~0U;

  /// The call with this number fails, and so would all behind it.
  explicit Calls(unsigned failing_call = kNever, int error = EINVAL) {
    state = CallsState();
    state.failing_call = failing_call;
    state.error = error;
    detail::kernel_calls = &kCounted;
  }
  Calls(const Calls&) = delete;
  Calls& operator=(const Calls&) = delete;
  ~Calls() { detail::kernel_calls = &detail::kSystemCalls; }

  /// What all did.
  [[nodiscard]] static unsigned made() { return state.made; }
  [[nodiscard]] static std::size_t largest() { return state.largest; }
  [[nodiscard]] static bool has_failed() { return state.made > state.failing_call; }
  static void refuse_pipes(bool refused) { state.refuses_pipes = refused; }

 private:
  static inline CallsState state;

  static ssize_t splice(int from, int to, std::size_t n) noexcept {
    if (state.made++ >= state.failing_call) {
      errno = state.error;
      return -1;
    }
    const ssize_t moved = detail::kSystemCalls.splice(from, to, n);
    state.largest = std::max(state.largest, moved < 0 ? 0 : static_cast<std::size_t>(moved));
    return moved;
  }
  static int open_pipe(int (&ends)[2]) noexcept {
    if (state.refuses_pipes) {
      errno = EMFILE;
      return -1;
    }
    return detail::kSystemCalls.open_pipe(ends);
  }
  static constexpr KernelCalls kCounted{&splice, &open_pipe};
};

/// client -> in | out -> sink.
template <class Pair>
class KernelRelay : public testing::Test {
 protected:
  using Stream = typename Pair::Stream;

  KernelRelay() { connect(); }

  void connect() {
    collected.reset();
    auto [client_end, in_end] = Pair::make(*context);
    client.emplace(std::move(client_end));
    in.emplace(std::move(in_end));
    auto [out_end, sink_end] = Pair::make(*context);
    out.emplace(std::move(out_end));
    sink.emplace(std::move(sink_end));
  }
  void start() { start(outcome.emplace()); }
  void start(RelayOutcome& told) {
    async_relay(buffer, *in, *out, options,
                net::bind_cancellation_slot(cancel.slot(), told.handler()));
  }
  void collect() { collected.emplace(*sink); }
  void write(const std::string& text) {
    net::async_write(*client, net::buffer(text), [](net_error_code, std::size_t) {});
  }
  void write_and_end(const std::string& text) {
    net::async_write(*client, net::buffer(text), [this](net_error_code, std::size_t) {
      net_error_code error;
      client->shutdown(Stream::shutdown_send, error);
    });
  }
  // So that few bytes make it wait. TCP would wait for timers, too.
  void narrow_out() {
    if (std::is_same_v<Pair, UnixPair>) {
      out->set_option(net::socket_base::send_buffer_size(8 * 1024));
    }
  }
  template <class Condition>
  void run(Condition condition) {
    ASSERT_TRUE(run_until(*context, condition));
  }
  void run_to_end() {
    run([this] { return outcome->is_over(); });
  }
  void run_to_text(std::size_t n) {
    run([this, n] { return collected->text().size() >= n; });
  }
  [[nodiscard]] std::size_t held() const {
    const RelayCounts counts = progress.counts();
    return counts.received - counts.passed_on;
  }
  // Until something is in the pipe that does not go on.
  void run_until_stuck() {
    run([this] {
      run_ready(*context);
      return held() != 0;
    });
  }
  static void reset(Stream& stream) {
    stream.set_option(net::socket_base::linger(true, 0));
    stream.close();
  }
  static std::uint64_t moved() { return relay_statistics().moved_bytes; }
  static std::size_t pipes_in_use() {
    return relay_statistics().pipes - relay_statistics().idle_pipes;
  }

  RelayProgress progress;
  RelayOptions options{.progress = &progress, .by = RelayBy::kernel};
  std::optional<net::io_context> context{1};
  std::optional<Stream> client;
  std::optional<Stream> in;
  std::optional<Stream> out;
  std::optional<Stream> sink;
  std::optional<Collector<Stream>> collected;
  HandoffBuffer buffer;
  net::cancellation_signal cancel;
  std::optional<RelayOutcome> outcome;
};
using SocketPairs = testing::Types<TcpPair, UnixPair>;
TYPED_TEST_SUITE(KernelRelay, SocketPairs);

using KernelRelayOverTcp = KernelRelay<TcpPair>;

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
    if (has_ended || this->outcome->error() != net::error::operation_aborted ||
        !this->out->is_open()) {
      continue;
    }
    // The same streams can be used on.
    this->start();
    this->run_to_end();
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

TEST_F(KernelRelayOverTcp, a_peer_that_resets_leaves_what_is_in_the_pipe_in_the_buffer) {
  const std::string text = pattern(20'000'000);
  start();
  write(text);
  run_until_stuck();
  reset(*sink);
  run_to_end();
  EXPECT_TRUE(outcome->error());
  EXPECT_EQ(outcome->counts().failed, RelaySide::out);
  EXPECT_EQ(buffer.size(), held());
  EXPECT_NE(buffer.size(), 0U);
  EXPECT_TRUE(buffer.peek_view() ==
              std::string_view(text).substr(outcome->counts().passed_on, buffer.size()));
  EXPECT_EQ(pipes_in_use(), 0U);
}

TEST_F(KernelRelayOverTcp, an_input_that_resets_is_passed_on_then_cut) {
  const std::string text = pattern(20'000'000);
  start();
  write(text);
  run_until_stuck();
  reset(*client);
  collect();
  run_to_end();
  const RelayCounts counts = outcome->counts();
  EXPECT_EQ(outcome->error(), net::error::connection_reset);
  EXPECT_EQ(counts.failed, RelaySide::in);
  EXPECT_EQ(counts.received, counts.passed_on);
  run([this] { return collected->is_over(); });
  EXPECT_EQ(collected->error(), net::error::connection_reset);
  EXPECT_TRUE(collected->text() == text.substr(0, counts.passed_on));
}

TEST_F(KernelRelayOverTcp, cancelled_behind_an_error_of_its_input_it_keeps_the_rest) {
  const std::string text = pattern(20'000'000);
  start();
  write(text);
  run_until_stuck();
  reset(*client);
  run_ready(*context);
  cancel.emit(net::cancellation_type::total);
  run_to_end();
  EXPECT_EQ(outcome->error(), net::error::operation_aborted) << "the error was not met yet";
  EXPECT_EQ(buffer.size(), held());
}

TEST_F(KernelRelayOverTcp, urgent_data_is_no_reason_to_spin) {
  collect();
  start();
  write("before");
  run_to_text(6);
  ASSERT_EQ(::send(client->native_handle(), "!", 1, MSG_OOB), 1);
  run_ready(*context);
  write("behind");
  run_to_text(12);
  net_error_code ignored;
  client->shutdown(Stream::shutdown_send, ignored);
  run_to_end();
  EXPECT_EQ(outcome->error(), net_error_code());
  EXPECT_EQ(collected->text(), "beforebehind");
}

TEST_F(KernelRelayOverTcp, the_last_piece_is_not_held_back) {
  collect();
  start();
  auto fastest = std::chrono::steady_clock::duration::max();
  const std::string text = pattern(10'000);
  for (std::size_t i = 1; i < 6; ++i) {
    const auto since = std::chrono::steady_clock::now();
    write(text);
    run_to_text(i * text.size());
    fastest = std::min(fastest, std::chrono::steady_clock::now() - since);
  }
  EXPECT_LT(fastest, std::chrono::milliseconds(150)) << "as with SPLICE_F_MORE: 200 ms";
}

TEST_F(KernelRelayOverTcp, small_segments_fill_a_pipe_by_its_slots) {
  std::string text;
  for (int i = 0; i < 2000; ++i) {
    const std::string piece = pattern(63, text.size());
    net::write(*client, net::buffer(piece));
    text += piece;
  }
  collect();
  start();
  run_to_text(text.size());
  EXPECT_TRUE(collected->text() == text);
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

/// A source of blocks that can run out.
class FiniteSource : public std::pmr::memory_resource {
 public:
  bool is_empty = false;

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    if (is_empty) {
      throw std::bad_alloc();
    }
    return std::pmr::new_delete_resource()->allocate(bytes, alignment);
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    std::pmr::new_delete_resource()->deallocate(p, bytes, alignment);
  }
  [[nodiscard]] bool do_is_equal(const memory_resource& other) const noexcept override {
    return this == &other;
  }
};

TYPED_TEST(KernelRelay, without_memory_for_what_is_in_the_pipe_that_is_told) {
  FiniteSource source;
  this->buffer = HandoffBuffer({.block_source = &source});
  const std::string text = pattern(20'000'000);
  this->start();
  this->write(text);
  this->run_until_stuck();
  source.is_empty = true;
  this->cancel.emit(net::cancellation_type::total);
  this->run_to_end();
  EXPECT_EQ(this->outcome->error(), net::error::no_memory);
  EXPECT_EQ(this->outcome->counts().failed, RelaySide::in);
  EXPECT_TRUE(this->buffer.empty());
  EXPECT_FALSE(front_end::is_reading(this->buffer));
  EXPECT_EQ(this->pipes_in_use(), 0U);
  this->buffer = HandoffBuffer();
}

TYPED_TEST(KernelRelay, whose_context_ends_leaves_what_is_in_the_pipe_in_the_buffer) {
  const std::string text = pattern(20'000'000);
  this->start();
  this->write(text);
  this->run_until_stuck();
  const std::size_t held = this->held();
  this->client.reset();
  this->in.reset();
  this->out.reset();
  this->sink.reset();
  this->context.reset();
  EXPECT_EQ(this->buffer.size(), held);
  EXPECT_EQ(this->pipes_in_use(), 0U);
}

// As when it is part of what waits on the context.
TYPED_TEST(KernelRelay, whose_buffer_goes_with_the_context_closes_its_pipe) {
  auto own = std::make_unique<HandoffBuffer>();
  HandoffBuffer& owned = *own;
  const std::string text = pattern(20'000'000);
  async_relay(owned, *this->in, *this->out, this->options, [](net_error_code, RelayCounts) {});
  this->write(text);
  this->run_until_stuck();
  this->in->async_wait(TestFixture::Stream::wait_error,
                       [own = std::move(own)](net_error_code) mutable {});
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
