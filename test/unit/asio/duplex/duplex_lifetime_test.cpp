#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "bytes_handoff/testing/duplex.hpp"
#include "support/asio.hpp"
#include "support/streams/duplex_fixture.hpp"

namespace bytes_handoff {
namespace {

using test::Result;

using Stream = BasicDuplexStream<net::io_context::executor_type>;

/// Handlers that must be destroyed without being called hold a copy of `token_`.
class DuplexLifetimeTest : public testing::Test {
 protected:
  auto doomed() {
    return [token = token_](auto&&...) { ADD_FAILURE() << "called"; };
  }

  void expect_all_destroyed() { EXPECT_EQ(token_.use_count(), 1); }

  /// Leaves a read, a write and waits pending at both ends.
  template <typename First, typename Second>
  void leave_pending(First& a, Second& b) {
    a.write_some(net::buffer("12345678", 8));
    b.write_some(net::buffer("12345678", 8));
    leave_write_and_wait(a);
    leave_write_and_wait(b);
  }

  template <typename AnyStream>
  void leave_write_and_wait(AnyStream& stream) {
    stream.async_write_some(net::buffer("x", 1), doomed());
    stream.async_wait(stream.wait_write, doomed());
    stream.async_wait(stream.wait_error, doomed());
  }

  std::shared_ptr<int> token_ = std::make_shared<int>(0);
  char room_ = 0;
};

TEST_F(DuplexLifetimeTest, PendingOperationsAreDestroyedWithTheContext) {
  std::optional<std::pair<Stream, Stream>> pair;
  {
    net::io_context context;
    pair.emplace(make_duplex(context, 8));
    leave_pending(pair->first, pair->second);
    EXPECT_EQ(token_.use_count(), 7);
  }
  expect_all_destroyed();
  EXPECT_FALSE(pair->first.is_open());
  EXPECT_FALSE(pair->second.is_open());
}

TEST_F(DuplexLifetimeTest, PendingReadsAreDestroyedWithTheContext) {
  std::optional<std::pair<DuplexStream, DuplexStream>> pair;
  {
    net::io_context context;
    pair.emplace(make_duplex(context, 8));
    pair->first.async_read_some(net::buffer(&room_, 1), doomed());
    pair->second.async_read_some(net::buffer(&room_, 1), doomed());
    pair->second.async_wait(DuplexStream::wait_read, doomed());
  }
  expect_all_destroyed();
}

TEST_F(DuplexLifetimeTest, WhatWasPostedIsDestroyedWithTheContextToo) {
  {
    net::io_context context;
    auto [a, b] = make_duplex(context, 8);
    leave_pending(a, b);
    a.close();
    b.close();
  }
  expect_all_destroyed();
}

TEST_F(DuplexLifetimeTest, APeerOnAnotherContextSeesTheReset) {
  net::io_context living;
  Result read;
  Result write;
  std::optional<Stream> far_end;
  std::optional<Stream> near_end;
  {
    net::io_context dying;
    auto [a, b] = make_duplex(dying, living, 8);
    b.write_some(net::buffer("12345678", 8));
    a.write_some(net::buffer("last", 4));
    a.async_wait(a.wait_error, doomed());
    b.async_write_some(net::buffer("x", 1), write.handler());
    far_end.emplace(std::move(a));
    near_end.emplace(std::move(b));
  }
  expect_all_destroyed();
  living.run();
  write.expect(net::error::connection_reset);
  std::string text(9, '\0');
  EXPECT_EQ(near_end->read_some(net::buffer(text)), 4U);
  near_end->async_read_some(net::buffer(text), read.handler());
  living.restart();
  living.run();
  read.expect(net::error::connection_reset);
  EXPECT_FALSE(far_end->is_open());
}

TEST_F(DuplexLifetimeTest, TwoContextsInEitherOrder) {
  for (const bool first_dies_first : {true, false}) {
    auto first = std::make_unique<net::io_context>();
    auto second = std::make_unique<net::io_context>();
    auto pair = make_duplex(*first, *second, 8);
    Result survivor;
    Stream& later = first_dies_first ? pair.second : pair.first;
    (first_dies_first ? pair.first : pair.second).async_read_some(net::buffer(&room_, 1), doomed());
    later.async_wait(later.wait_read, survivor.wait_handler());
    later.async_write_some(net::buffer("x", 1), [](auto&&...) {});
    auto& dying = first_dies_first ? first : second;
    auto& living = first_dies_first ? second : first;
    dying.reset();
    expect_all_destroyed();
    living->run();
    survivor.expect({});
    living.reset();
  }
}

TEST_F(DuplexLifetimeTest, AHandlerMayOwnItsStream) {
  {
    net::io_context context;
    net::io_context other;
    auto [a, b] = make_duplex(context, other, 8);
    auto owned = std::make_shared<Stream>(std::move(a));
    owned->async_read_some(net::buffer(&room_, 1), [owned, token = token_](auto&&...) {});
    auto owned_peer = std::make_shared<Stream>(std::move(b));
    owned_peer->async_read_some(net::buffer(&room_, 1), [owned_peer, token = token_](auto&&...) {});
  }
  expect_all_destroyed();
}

TEST_F(DuplexLifetimeTest, AHandlerThatIsDestroyedMayDestroyThePeersContext) {
  auto other = std::make_shared<net::io_context>();
  {
    net::io_context context;
    auto [a, b] = make_duplex(context, *other, 8);
    b.async_read_some(net::buffer(&room_, 1), doomed());
    a.async_read_some(net::buffer(&room_, 1), [other](auto&&...) {});
    other.reset();
  }
  expect_all_destroyed();
}

TEST_F(DuplexLifetimeTest, AHandlerOnALivingContextIsToldThatItsStreamsContextHasGone) {
  net::io_context living;
  Result read;
  Result wait;
  std::optional<std::pair<Stream, Stream>> pair;
  {
    net::io_context dying;
    pair.emplace(make_duplex(dying, living, 8));
    Stream& orphan = pair->first;
    orphan.async_read_some(net::buffer(&room_, 1),
                           net::bind_executor(living.get_executor(), read.handler()));
    orphan.async_wait(Stream::wait_error,
                      net::bind_executor(living.get_executor(), wait.wait_handler()));
    orphan.async_wait(Stream::wait_error, doomed());
  }
  expect_all_destroyed();
  living.run();
  read.expect(net::error::operation_aborted);
  wait.expect(net::error::operation_aborted);
}

TEST_F(DuplexLifetimeTest, AnOperationBehindItsContextCompletesOnALivingContextOnly) {
  net::io_context living;
  std::optional<std::pair<Stream, Stream>> pair;
  {
    net::io_context dying;
    pair.emplace(make_duplex(dying, living, 8));
  }
  Stream& orphan = pair->first;
  orphan.async_read_some(net::buffer(&room_, 1), doomed());
  orphan.async_write_some(net::buffer("x", 1), doomed());
  orphan.async_wait(Stream::wait_read, doomed());
  expect_all_destroyed();
  Result read;
  Result wait;
  orphan.async_read_some(net::buffer(&room_, 1),
                         net::bind_executor(living.get_executor(), read.handler()));
  orphan.async_wait(Stream::wait_read,
                    net::bind_executor(living.get_executor(), wait.wait_handler()));
  living.run();
  read.expect(net::error::bad_descriptor);
  wait.expect(net::error::bad_descriptor);
}

TEST_F(DuplexLifetimeTest, AHandlerThatIsDestroyedMayDestroyItsStreamsContext) {
  auto other = std::make_shared<net::io_context>();
  std::optional<std::pair<Stream, Stream>> pair;
  {
    net::io_context dying;
    pair.emplace(make_duplex(dying, *other, 8));
    pair->second.async_read_some(
        net::buffer(&room_, 1),
        net::bind_executor(dying.get_executor(), [other, token = token_](auto&&...) {}));
    other.reset();
  }
  expect_all_destroyed();
}

/// Is shut down after all services of its context that were made later.
class EarlierService final : public net::execution_context::service {
 public:
  using key_type = EarlierService;
  inline static net::execution_context::id id;

  explicit EarlierService(net::execution_context& context)
      : net::execution_context::service(context) {}

  std::function<void()> at_shutdown;

 private:
  void shutdown() override { at_shutdown(); }
};

TEST_F(DuplexLifetimeTest, PendingHandlersAreGoneBeforeEarlierServicesShutDown) {
  std::optional<std::pair<Stream, Stream>> pair;
  int shutdowns = 0;
  {
    net::io_context context;
    net::use_service<EarlierService>(context).at_shutdown = [&] {
      ++shutdowns;
      expect_all_destroyed();
    };
    pair.emplace(make_duplex(context, 8));
    leave_pending(pair->first, pair->second);
  }
  EXPECT_GE(shutdowns, 1);  // newer io_contexts shut their services down twice
}

/// A handler that acts when it is destroyed.
struct AtDestruction {
  explicit AtDestruction(std::function<void()> what) : act(std::move(what)) {}
  AtDestruction(AtDestruction&& other) noexcept : act(std::exchange(other.act, nullptr)) {}
  AtDestruction& operator=(AtDestruction&&) = delete;
  ~AtDestruction() {
    if (act) act();
  }
  void operator()() { ADD_FAILURE() << "called"; }

  std::function<void()> act;
};

TEST_F(DuplexLifetimeTest, APairMadeWhileTheContextEndsIsClosed) {
  std::optional<std::pair<Stream, Stream>> late;
  {
    net::io_context context;
    const auto early = make_duplex(context, 8);
    net::post(context, AtDestruction([&] { late.emplace(make_duplex(context, 8)); }));
  }
  ASSERT_TRUE(late.has_value());
  EXPECT_FALSE(late->first.is_open());
  EXPECT_FALSE(late->second.is_open());
}

TEST_F(DuplexLifetimeTest, AHandlerMayDestroyBothEnds) {
  net::io_context context;
  auto pair = std::make_unique<std::pair<Stream, Stream>>(make_duplex(context, 8));
  Result last;
  pair->second.async_wait(Stream::wait_read, [&](const net_error_code&) {
    pair->second.async_read_some(net::buffer(&room_, 1), last.handler());
    pair.reset();
  });
  pair->first.write_some(net::buffer("x", 1));
  context.run();
  last.expect({}, 1);
}

}  // namespace
}  // namespace bytes_handoff
