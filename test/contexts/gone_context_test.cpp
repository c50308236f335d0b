// What can be kept of a queue or a duplex when its context has gone, and be called.

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "bytes_handoff/front_end.hpp"
#include "bytes_handoff/handoff_buffer.hpp"
#include "bytes_handoff/testing/duplex.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "contexts/executors.hpp"
#include "contexts/handlers.hpp"
#include "support/asio.hpp"
#include "support/queue/unwritten.hpp"
#include "support/run_for.hpp"

namespace bytes_handoff::test {
namespace {

const net_error_code kClosed = make_error_code(Errc::closed);
const net_error_code kBadDescriptor = net::error::bad_descriptor;

[[nodiscard]] Bytes text(std::string_view from) { return Bytes::copy_of(from); }

/// A queue whose stream is on `On`, with one written and one stuck write, and its context.
template <class On>
class GoneContext : public testing::Test {
 protected:
  using Executor = decltype(On::executor(std::declval<net::io_context&>()));
  using Stream = BasicDuplexStream<Executor>;

  void SetUp() override {
    auto ends = make_duplex(On::executor(*context_), 8);
    far.emplace(std::move(ends.second));
    out.emplace(std::move(ends.first));
    Bytes small = text("4 b.");
    written = out->try_write(small).value();
    run_ready(*context_);
    Bytes large = text("more than there is room for");
    stuck = out->try_write(large).value();
    run_ready(*context_);
    ASSERT_TRUE(written.is_done());
    ASSERT_FALSE(stuck.is_done());
  }

  void destroy_context() {
    far.reset();  // else it would be kept, too
    context_.reset();
  }
  /// The far end of the duplex is kept.
  void destroy_context_alone() { context_.reset(); }

  /// `start(token)` completes with `error` where its handler lives elsewhere; else the handler is
  /// destroyed uninvoked.
  template <class Start>
  void expect_ends_with(const net_error_code& error, Start start) {
    FirstError unbound;
    start(unbound.handler());
    unbound.expect_destroyed_uninvoked();
    expect_told_elsewhere(error, start);
  }

  template <class Start>
  void expect_told_elsewhere(const net_error_code& error, Start start) {
    FirstError bound;
    start(net::bind_executor(living_, bound.handler()));
    ASSERT_TRUE(run_out(living_));
    bound.expect(error);
    if constexpr (std::is_same_v<On, OnStrand>) {
      expect_ends_in_a_coroutine(error, start);
    }
  }

  /// The same for operations that were stored beforehand: `make()` gives one.
  template <class Make>
  void expect_stored_ends_with(const net_error_code& error, Make make) {
    auto first = make();
    auto second = make();
    const auto never_started = make();
    destroy_context();
    FirstError unbound;
    std::move(first)(unbound.handler());
    unbound.expect_destroyed_uninvoked();
    FirstError bound;
    std::move(second)(net::bind_executor(living_, bound.handler()));
    ASSERT_TRUE(run_out(living_));
    bound.expect(error);
  }

  std::optional<Stream> far;
  std::optional<WriteHandoff> out;
  WriteTicket written;
  WriteTicket stuck;

 private:
  template <class Start>
  void expect_ends_in_a_coroutine(const net_error_code& error, Start start) {
    bool is_resumed = false;
    net::co_spawn(
        living_,
        [&]() -> net::awaitable<void> {
          auto results = co_await start(test::as_tuple(net::use_awaitable));
          FirstError awaited;
          std::apply(awaited.handler(), results);
          awaited.expect(error);
          is_resumed = true;
        },
        net::detached);
    ASSERT_TRUE(run_out(living_));
    EXPECT_TRUE(is_resumed) << "a coroutine was not resumed";
  }

  std::unique_ptr<net::io_context> context_ = std::make_unique<net::io_context>(1);
  net::io_context living_{1};
};

using Executors = testing::Types<OnContext, OnStrand, OnAny>;
TYPED_TEST_SUITE(GoneContext, Executors);

TYPED_TEST(GoneContext, refuses_every_write_at_once) {
  this->destroy_context();
  WriteHandoff& queue = *this->out;
  Bytes late = text("late");
  const auto one = queue.try_write(late);
  ASSERT_FALSE(one.has_value());
  EXPECT_EQ(one.error().reason, WriteRefusalReason::closed);
  EXPECT_EQ(one.error().first_error, kClosed);
  EXPECT_EQ(late.view(), "late");
  std::array slices{text("l"), text("ate")};
  const auto several = queue.try_write(slices);
  ASSERT_FALSE(several.has_value());
  EXPECT_EQ(several.error().reason, WriteRefusalReason::closed);
  EXPECT_EQ(slices[1].view(), "ate");
}

TYPED_TEST(GoneContext, lets_its_handle_be_closed) {
  this->destroy_context();
  this->out->close();
}

TYPED_TEST(GoneContext, lets_its_handle_be_aborted) {
  this->destroy_context();
  this->out->abort();
}

TYPED_TEST(GoneContext, lets_its_handle_be_asked) {
  this->destroy_context();
  EXPECT_FALSE(this->out->is_open());
  EXPECT_EQ(this->out->first_error(), kClosed);
  EXPECT_EQ(this->out->pending_bytes(), 0U);
  EXPECT_EQ(this->out->pending_items(), 0U);
  EXPECT_GE(this->out->statistics().high_water_items, 1U);
  const auto unwritten = unwritten_of(*this->out);
  ASSERT_TRUE(unwritten.has_value());
  ASSERT_EQ(unwritten->entries.size(), 1U);
  EXPECT_EQ(texts_of(*unwritten).at(0), " than there is room for")
      << "4 bytes fitted behind the first 4";
}

TYPED_TEST(GoneContext, lets_its_handle_be_asked_for_the_executor) {
  this->destroy_context();
  static_cast<void>(this->out->get_executor());
}

TYPED_TEST(GoneContext, lets_its_handle_be_copied_and_go) {
  this->destroy_context();
  {
    std::optional<WriteHandoff> copy(this->out);
    this->out.reset();
    copy->close();
  }
}

TYPED_TEST(GoneContext, leaves_nothing_for_a_weak_handle_once_its_handles_have_gone) {
  const WeakWriteHandoff weak(*this->out);
  this->destroy_context();
  EXPECT_TRUE(weak.lock().valid());
  this->out.reset();
  EXPECT_FALSE(weak.lock().valid());
}

TYPED_TEST(GoneContext, ends_async_write) {
  this->destroy_context();
  Bytes late = text("late");
  const std::byte* const data = late.data();
  this->expect_ends_with(
      kClosed, [&](auto token) { return this->out->async_write(late, std::move(token)); });
  EXPECT_EQ(late.data(), data);
  EXPECT_EQ(late.view(), "late");
}

TYPED_TEST(GoneContext, ends_async_write_of_slices) {
  this->destroy_context();
  std::array late{text("l"), text("ate")};
  const std::byte* const data = late[1].data();
  this->expect_ends_with(
      kClosed, [&](auto token) { return this->out->async_write(late, std::move(token)); });
  EXPECT_EQ(late[0].view(), "l");
  EXPECT_EQ(late[1].data(), data);
  EXPECT_EQ(late[1].view(), "ate");
}

TYPED_TEST(GoneContext, ends_async_send) {
  this->destroy_context();
  std::array late{text("l"), text("ate")};
  const std::byte* const data = late[1].data();
  this->expect_ends_with(kClosed,
                         [&](auto token) { return this->out->async_send(late, std::move(token)); });
  this->expect_ends_with(
      kClosed, [&](auto token) { return this->out->async_send(late, may_cut, std::move(token)); });
  EXPECT_EQ(late[0].view(), "l");
  EXPECT_EQ(late[1].data(), data);
  EXPECT_EQ(late[1].view(), "ate");
}

TYPED_TEST(GoneContext, ends_async_reserve) {
  this->destroy_context();
  this->expect_ends_with(kClosed,
                         [&](auto token) { return this->out->async_reserve(4, std::move(token)); });
  this->expect_ends_with(
      kClosed, [&](auto token) { return this->out->async_reserve(4, 2, std::move(token)); });
}

TYPED_TEST(GoneContext, gives_no_room) {
  this->destroy_context();
  const auto permit = this->out->try_reserve(4);
  ASSERT_FALSE(permit.has_value());
  EXPECT_EQ(permit.error().reason, WriteRefusalReason::closed);
  EXPECT_EQ(permit.error().first_error, kClosed);
}

TYPED_TEST(GoneContext, leaves_a_permit_that_holds_nothing) {
  WritePermit committed = this->out->try_reserve(4).value();
  WritePermit dropped = this->out->try_reserve(4).value();
  WritePermit last = this->out->try_reserve(4).value();
  this->destroy_context();
  Bytes late = text("late");
  const auto refused = committed.commit(late);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().reason, WriteRefusalReason::closed);
  EXPECT_EQ(refused.error().first_error, kClosed);
  EXPECT_EQ(late.view(), "late");
  dropped = WritePermit();
  EXPECT_EQ(this->out->statistics().reserved_bytes, 0U);
  this->out.reset();
  EXPECT_FALSE(last.commit(late).has_value()) << "it outlives the last handle, too";
}

// One of each in line when the context goes; the handlers of some live elsewhere.
TYPED_TEST(GoneContext, ends_a_line_of_reservations_and_bursts) {
  net::io_context living(1);
  const std::size_t all = WriteHandoffConfig().max_pending_bytes - this->out->pending_bytes();
  std::optional<WritePermit> held(this->out->try_reserve(all).value());
  std::array burst{text("l"), text("ate")};
  std::array cut{text("l"), text("ate")};
  FirstError unbound[3];
  FirstError bound[3];
  this->out->async_reserve(1, unbound[0].handler());
  this->out->async_send(burst, unbound[1].handler());
  this->out->async_send(cut, may_cut, unbound[2].handler());
  std::array burst_elsewhere{text("l"), text("ate")};
  std::array cut_elsewhere{text("l"), text("ate")};
  this->out->async_reserve(1, net::bind_executor(living, bound[0].handler()));
  this->out->async_send(burst_elsewhere, net::bind_executor(living, bound[1].handler()));
  this->out->async_send(cut_elsewhere, may_cut, net::bind_executor(living, bound[2].handler()));
  this->destroy_context();
  for (const FirstError& each : unbound) {
    each.expect_destroyed_uninvoked();
  }
  ASSERT_TRUE(run_out(living));
  for (const FirstError& each : bound) {
    each.expect(kClosed);
  }
  EXPECT_EQ(burst[0].view(), "l");
  EXPECT_EQ(cut_elsewhere[1].view(), "ate");
  held.reset();
}

// A grant is on its way to a handler that lives elsewhere.
TYPED_TEST(GoneContext, leaves_a_permit_that_was_granted_before_to_its_handler) {
  net::io_context living(1);
  WritePermit permit;
  this->out->async_reserve(4,
                           net::bind_executor(living, [&](net_error_code error, WritePermit got) {
                             EXPECT_FALSE(error);
                             permit = std::move(got);
                           }));
  this->destroy_context();
  ASSERT_TRUE(run_out(living));
  ASSERT_TRUE(permit.valid());
  Bytes late = text("late");
  EXPECT_FALSE(permit.commit(late).has_value());
  EXPECT_EQ(this->out->statistics().reserved_bytes, 0U);
}

TYPED_TEST(GoneContext, ends_async_flush) {
  this->destroy_context();
  this->expect_ends_with(kClosed,
                         [&](auto token) { return this->out->async_flush(std::move(token)); });
}

TYPED_TEST(GoneContext, ends_async_close) {
  this->destroy_context();
  this->expect_ends_with(kClosed,
                         [&](auto token) { return this->out->async_close(std::move(token)); });
}

TYPED_TEST(GoneContext, ends_async_closed) {
  this->destroy_context();
  this->expect_ends_with(kClosed,
                         [&](auto token) { return this->out->async_closed(std::move(token)); });
}

TYPED_TEST(GoneContext, lets_its_tickets_be_asked) {
  this->destroy_context();
  EXPECT_TRUE(this->written.is_done());
  EXPECT_TRUE(this->stuck.is_done());
  static_cast<void>(this->stuck.get_executor());
}

TYPED_TEST(GoneContext, ends_a_wait_for_what_was_written) {
  this->destroy_context();
  this->expect_ends_with({},
                         [&](auto token) { return this->written.async_wait(std::move(token)); });
}

TYPED_TEST(GoneContext, ends_a_wait_for_what_was_not_written) {
  this->destroy_context();
  this->expect_ends_with(kClosed,
                         [&](auto token) { return this->stuck.async_wait(std::move(token)); });
}

TYPED_TEST(GoneContext, ends_a_wait_on_a_ticket_whose_handle_has_gone) {
  this->out.reset();
  this->destroy_context();
  this->expect_ends_with(kClosed,
                         [&](auto token) { return this->stuck.async_wait(std::move(token)); });
}

TYPED_TEST(GoneContext, ends_a_stored_write) {
  Bytes late = text("late");
  this->expect_stored_ends_with(kClosed,
                                [&] { return this->out->async_write(late, test::deferred); });
  EXPECT_EQ(late.view(), "late");
}

TYPED_TEST(GoneContext, ends_a_stored_write_of_slices) {
  std::array late{text("l"), text("ate")};
  this->expect_stored_ends_with(kClosed,
                                [&] { return this->out->async_write(late, test::deferred); });
  EXPECT_EQ(late[1].view(), "ate");
}

TYPED_TEST(GoneContext, ends_a_stored_burst) {
  std::array late{text("l"), text("ate")};
  this->expect_stored_ends_with(kClosed,
                                [&] { return this->out->async_send(late, test::deferred); });
  EXPECT_EQ(late[1].view(), "ate");
}

TYPED_TEST(GoneContext, ends_a_stored_reservation) {
  this->expect_stored_ends_with(kClosed,
                                [&] { return this->out->async_reserve(1, test::deferred); });
}

TYPED_TEST(GoneContext, ends_a_stored_flush) {
  this->expect_stored_ends_with(kClosed, [&] { return this->out->async_flush(test::deferred); });
}

TYPED_TEST(GoneContext, ends_a_stored_close) {
  this->expect_stored_ends_with(kClosed, [&] { return this->out->async_close(test::deferred); });
}

TYPED_TEST(GoneContext, ends_a_stored_wait_on_a_ticket) {
  this->expect_stored_ends_with(kClosed, [&] { return this->stuck.async_wait(test::deferred); });
}

TYPED_TEST(GoneContext, ends_a_stored_wait_on_a_written_ticket) {
  this->expect_stored_ends_with({}, [&] { return this->written.async_wait(test::deferred); });
}

// A stream on a strand must not outlive its context, as nothing that holds a strand may.
template <class On>
class GoneContextOfDuplex : public GoneContext<On> {};
TYPED_TEST_SUITE(GoneContextOfDuplex, testing::Types<OnContext>);

TYPED_TEST(GoneContextOfDuplex, closes_ends) {
  this->destroy_context_alone();
  auto& end = *this->far;
  EXPECT_FALSE(end.is_open());
  EXPECT_EQ(end.available(), 0U);
  static_cast<void>(end.capacity());
  std::array<char, 4> room{};
  net_error_code error;
  EXPECT_EQ(end.read_some(net::buffer(room), error), 0U);
  EXPECT_EQ(error, kBadDescriptor);
  EXPECT_EQ(end.write_some(net::buffer(room), error), 0U);
  EXPECT_EQ(error, kBadDescriptor);
  end.shutdown(end.shutdown_both, error);
  EXPECT_EQ(error, kBadDescriptor);
  end.cancel();
  end.close();
}

TYPED_TEST(GoneContextOfDuplex, lets_ends_be_moved_and_go) {
  this->destroy_context_alone();
  auto moved = std::move(*this->far);
  this->far.reset();
  EXPECT_FALSE(moved.is_open());
}

TYPED_TEST(GoneContextOfDuplex, ends_async_read_some) {
  this->destroy_context_alone();
  std::array<char, 4> room{};
  this->expect_ends_with(kBadDescriptor, [&](auto token) {
    return this->far->async_read_some(net::buffer(room), std::move(token));
  });
}

TYPED_TEST(GoneContextOfDuplex, ends_async_write_some) {
  this->destroy_context_alone();
  this->expect_ends_with(kBadDescriptor, [&](auto token) {
    return this->far->async_write_some(net::buffer("x", 1), std::move(token));
  });
}

TYPED_TEST(GoneContextOfDuplex, ends_async_wait) {
  this->destroy_context_alone();
  this->expect_ends_with(kBadDescriptor, [&](auto token) {
    return this->far->async_wait(TestFixture::Stream::wait_read, std::move(token));
  });
}

TYPED_TEST(GoneContextOfDuplex, ends_a_read_and_leaves_the_buffer_usable) {
  HandoffBuffer buffer;
  std::array<char, 16> room{};
  net_error_code drained;
  while (!drained) {
    this->far->read_some(net::buffer(room), drained);
  }
  FirstError died;
  this->out->abort();
  buffer.async_read_available(*this->far, died.handler());
  EXPECT_TRUE(front_end::is_reading(buffer));
  this->destroy_context_alone();
  died.expect_destroyed_uninvoked();
  EXPECT_FALSE(front_end::is_reading(buffer));
  this->expect_told_elsewhere(kBadDescriptor, [&](auto token) {
    return buffer.async_read_available(*this->far, std::move(token));
  });
  const HandoffBuffer moved(std::move(buffer));
  EXPECT_TRUE(moved.empty());
}

}  // namespace
}  // namespace bytes_handoff::test
