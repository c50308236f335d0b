// A context that is destroyed with everything pending, for every order in which its services were
// first used: services are destroyed in the order that is the reverse of that.

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/handoff_buffer.hpp"
#include "bytes_handoff/testing/duplex.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "contexts/handlers.hpp"
#include "support/asio.hpp"
#include "support/run_for.hpp"
#include "support/sanitizers.hpp"
#include "support/stepping/count.hpp"
#include "support/stepping/seed.hpp"

namespace bytes_handoff::test {
namespace {

using Context = net::io_context;

/// Something that uses a service of the context and has handlers waiting.
class User {
 public:
  User() = default;
  User(const User&) = delete;
  User& operator=(const User&) = delete;
  virtual ~User() = default;
};

/// A queue whose last handle goes at once, with nothing but a wait on the ticket: only the write
/// that is under way keeps the queue.
template <class Stream>
[[nodiscard]] WriteTicket abandon_a_write(Stream stream, Bytes bytes, Handlers& handlers) {
  WriteHandoffConfig config;
  config.max_pending_bytes = bytes.size();
  WriteHandoff out(std::move(stream), config);
  auto ticket = out.try_write(bytes).value();
  ticket.async_wait(handlers.make());
  return ticket;
}

/// Queues on duplexes, with all that can wait for them: one that is open, one that closes, one
/// whose room is reserved, and one without a handle.
class Queues final : public User {
 public:
  Queues(Context& context, Handlers& handlers)
      : ends_(make_duplex(context, 8)),
        closing_ends_(make_duplex(context, 8)),
        reserved_ends_(make_duplex(context, 8)),
        abandoned_ends_(make_duplex(context, 8)),
        ticket_(abandon_a_write(std::move(abandoned_ends_.first),
                                Bytes::copy_of("more than the stream takes"), handlers)) {
    fill(ends_, open_, handlers);
    fill(closing_ends_, closing_, handlers);
    open_->async_flush(handlers.make());
    let_room_go_round(handlers);
    closing_->async_close(handlers.make());
    closing_->async_flush(handlers.make());
  }

 private:
  using Stream = BasicDuplexStream<Context::executor_type>;

  static void fill(std::pair<Stream, Stream>& ends, std::optional<WriteHandoff>& out,
                   Handlers& handlers) {
    WriteHandoffConfig config;
    config.max_items = 2;
    out.emplace(std::move(ends.first), config);
    for (int i = 0; i < 2; ++i) {
      Bytes bytes = Bytes::copy_of("more than the stream takes");
      auto ticket = out->try_write(bytes).value();
      ticket.async_wait(handlers.make());
    }
    auto one = std::make_unique<Bytes>(Bytes::copy_of("waits"));
    Bytes& waiting = *one;
    out->async_write(waiting, handlers.make_with(std::move(one)));
    auto several = std::make_unique<std::vector<Bytes>>(2, Bytes::copy_of("waits"));
    std::vector<Bytes>& all_waiting = *several;
    out->async_write(all_waiting, handlers.make_with(std::move(several)));
    send(*out, handlers);
    out->async_reserve(1, handlers.make());
    out->async_flush(handlers.make());
    out->async_closed(handlers.make());
  }

  static void send(const WriteHandoff& out, Handlers& handlers) {
    auto burst = std::make_unique<std::vector<Bytes>>(3, Bytes::copy_of("in parts"));
    std::vector<Bytes>& slices = *burst;
    out.async_send(slices, handlers.make_with_burst(std::move(burst)));
  }

  // Each permit is dropped with its handler; then the next in line is granted.
  void let_room_go_round(Handlers& handlers) {
    WriteHandoffConfig config;
    config.max_items = 2;
    reserved_.emplace(std::move(reserved_ends_.first), config);
    held_ = reserved_->try_reserve(1).value();
    for (int i = 0; i < 3; ++i) {
      reserved_->async_reserve(1, handlers.make_with_permit(i == 1));
      send(*reserved_, handlers);
    }
  }

  std::pair<Stream, Stream> ends_;
  std::pair<Stream, Stream> closing_ends_;
  std::pair<Stream, Stream> reserved_ends_;
  std::pair<Stream, Stream> abandoned_ends_;
  WriteTicket ticket_;
  std::optional<WriteHandoff> open_;
  std::optional<WriteHandoff> closing_;
  std::optional<WriteHandoff> reserved_;
  WritePermit held_;
};

/// Reads of a duplex, by a buffer and as such.
class Reads final : public User {
 public:
  Reads(Context& context, Handlers& handlers)
      : for_buffer_(make_duplex(context, 8)),
        for_frames_(make_duplex(context, 8)),
        plain_(make_duplex(context, 8)) {
    buffer_.async_read_available(for_buffer_.first, handlers.make());
    net::write(for_frames_.second, net::buffer("half", 4));
    frames_.async_wait_frame(for_frames_.first, lines_, handlers.make());
    plain_.first.async_read_some(net::buffer(room_), handlers.make());
    plain_.first.async_wait(net::socket_base::wait_read, handlers.make());
    plain_.second.async_wait(net::socket_base::wait_error, handlers.make());
  }

 private:
  using Stream = BasicDuplexStream<Context::executor_type>;
  std::pair<Stream, Stream> for_buffer_;
  std::pair<Stream, Stream> for_frames_;
  std::pair<Stream, Stream> plain_;
  HandoffBuffer buffer_;
  HandoffBuffer frames_;
  DelimiterFramer lines_{"\n"};
  std::array<char, 8> room_{};
};

/// Sockets that are read from, and written to by a queue without a handle.
class Sockets final : public User {
 public:
  Sockets(Context& context, Handlers& handlers)
      : near_(context), far_(context), idle_near_(context), idle_far_(context) {
    net::local::connect_pair(near_, far_);
    net::local::connect_pair(idle_near_, idle_far_);
    buffer_.async_read_available(idle_far_, handlers.make());
    near_.async_wait(net::socket_base::wait_read, handlers.make());
    ticket_ = abandon_a_write(std::move(near_), more_than_a_socket_takes(), handlers);
  }

 private:
  [[nodiscard]] static Bytes more_than_a_socket_takes() {
    static const Bytes bytes = Bytes::copy_of(std::string(std::size_t{8} << 20U, 'x'));
    return bytes;
  }

  net::local::stream_protocol::socket near_;
  net::local::stream_protocol::socket far_;
  net::local::stream_protocol::socket idle_near_;
  net::local::stream_protocol::socket idle_far_;
  HandoffBuffer buffer_;
  WriteTicket ticket_;
};

class Timer final : public User {
 public:
  Timer(Context& context, Handlers& handlers) : timer_(context, std::chrono::hours(1)) {
    timer_.async_wait(handlers.make());
  }

 private:
  net::steady_timer timer_;
};

class Resolver final : public User {
 public:
  Resolver(Context& context, Handlers&) : resolver_(context) {}

 private:
  net::ip::tcp::resolver resolver_;
};

/// A queue whose stream is on a strand.
class Strand final : public User {
 public:
  Strand(Context& context, Handlers& handlers) {
    auto strand = net::make_strand(context);
    auto ends = make_duplex(strand, 8);
    far_.emplace(std::move(ends.second));
    ticket_ = abandon_a_write(std::move(ends.first), Bytes::copy_of("more than the stream takes"),
                              handlers);
    net::post(strand, handlers.make());
  }

 private:
  std::optional<BasicDuplexStream<net::strand<Context::executor_type>>> far_;
  WriteTicket ticket_;
};

template <class Kind>
std::unique_ptr<User> make(Context& context, Handlers& handlers) {
  return std::make_unique<Kind>(context, handlers);
}
using Make = std::unique_ptr<User> (*)(Context&, Handlers&);
constexpr std::array<Make, 6> kUsers{&make<Queues>,  &make<Reads>, &make<Strand>,
                                     &make<Sockets>, &make<Timer>, &make<Resolver>};
constexpr std::array<const char*, kUsers.size()> kNames{"queues",  "reads", "strand",
                                                        "sockets", "timer", "resolver"};

/// From here on: what must not outlive its context, as Asio's objects must not.
constexpr std::size_t kFirstOfAsio = 2;

using Order = std::array<std::size_t, kUsers.size()>;

[[nodiscard]] std::string name_of(const Order& order) {
  std::string name;
  for (const std::size_t user : order) {
    name += std::string(name.empty() ? "" : ", ") + kNames.at(user);
  }
  return name;
}

/// Uses the services in this order, runs a few handlers, and destroys the context.
void destroy_after(const Order& order, bool keeps_handles, std::size_t handlers_run) {
  SCOPED_TRACE(name_of(order) + (keeps_handles ? "; handles kept" : "; handles gone") + "; " +
               std::to_string(handlers_run) + " handlers run");
  Handlers handlers;
  std::array<std::unique_ptr<User>, kUsers.size()> users;
  auto context = std::make_unique<Context>(1);
  for (const std::size_t user : order) {
    users.at(user) = kUsers.at(user)(*context, handlers);
  }
  for (std::size_t i = 0; i < handlers_run && context->poll_one() != 0; ++i) {
  }
  for (std::size_t user = keeps_handles ? kFirstOfAsio : 0; user < users.size(); ++user) {
    users.at(user).reset();
  }
  context.reset();
  handlers.expect_all_gone();
}

TEST(ServiceOrder, each_handler_is_called_or_destroyed_once_whatever_was_used_first) {
  Random random;
  SCOPED_TRACE(seed_note());
  const bool is_slow = BYTES_HANDOFF_TEST_WITH_ASAN != 0 || BYTES_HANDOFF_TEST_WITH_TSAN != 0;
  const std::size_t one_in = is_slow && count_or(0) == 0 ? 8 : 1;
  Order order{0, 1, 2, 3, 4, 5};
  do {
    for (const bool keeps_handles : {false, true}) {
      if (random.one_in(one_in)) {
        destroy_after(order, keeps_handles, random.between(0, 40));
      }
      if (testing::Test::HasFailure()) {
        return;
      }
    }
  } while (std::next_permutation(order.begin(), order.end()));
}

constexpr std::size_t kAllThatIsReady = 1000;

TEST(ServiceOrder, handlers_end_where_a_queue_on_a_duplex_came_before_the_first_socket) {
  destroy_after({0, 1, 2, 3, 4, 5}, true, kAllThatIsReady);
  destroy_after({0, 3, 1, 2, 4, 5}, false, kAllThatIsReady);
}

TEST(ServiceOrder, handlers_end_where_the_first_socket_came_before_a_queue_on_a_duplex) {
  destroy_after({3, 4, 5, 2, 0, 1}, true, kAllThatIsReady);
  destroy_after({3, 4, 5, 2, 1, 0}, false, kAllThatIsReady);
}

TEST(ServiceOrder, handlers_end_where_nothing_has_run) {
  destroy_after({0, 1, 2, 3, 4, 5}, true, 0);
  destroy_after({5, 4, 3, 2, 1, 0}, false, 0);
}

}  // namespace
}  // namespace bytes_handoff::test
