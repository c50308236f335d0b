// How a relay ends whose bytes the kernel moves, and what TCP does to one.

#include "bytes_handoff/core/kernel/kernel_pipe.hpp"

#if BYTES_HANDOFF_HAS_SPLICE

#include <sys/socket.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <memory_resource>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "bytes_handoff/front_end.hpp"
#include "bytes_handoff/relay.hpp"
#include "support/asio.hpp"
#include "support/pattern.hpp"
#include "support/relaying/kernel_relay_fixture.hpp"
#include "support/run_for.hpp"

namespace bytes_handoff::test {
namespace {

template <class Pair>
class KernelRelayEnds : public KernelRelay<Pair> {};
TYPED_TEST_SUITE(KernelRelayEnds, SocketPairs);

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

TYPED_TEST(KernelRelayEnds, without_memory_for_what_is_in_the_pipe_that_is_told) {
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

TYPED_TEST(KernelRelayEnds, whose_context_ends_leaves_what_is_in_the_pipe_in_the_buffer) {
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
TYPED_TEST(KernelRelayEnds, whose_buffer_goes_with_the_context_closes_its_pipe) {
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
