// Compiled with Asio's handler tracking, without what Asio deprecates, and on a concrete executor:
// all of the public interface works, and each operation is named on standard error.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bytes_handoff.hpp"
#include "bytes_handoff/testing/duplex.hpp"

#if defined(BYTES_HANDOFF_BOOST_ASIO)
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#if !defined(BOOST_ASIO_ENABLE_HANDLER_TRACKING) || !defined(BOOST_ASIO_NO_DEPRECATED)
#error "not compiled as this file says"
#endif
#else
#include <asio/basic_socket_acceptor.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/local/connect_pair.hpp>
#include <asio/local/stream_protocol.hpp>
#if !defined(ASIO_ENABLE_HANDLER_TRACKING) || !defined(ASIO_NO_DEPRECATED)
#error "not compiled as this file says"
#endif
#endif

namespace bytes_handoff {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;

using Executor = net::io_context::executor_type;
using Socket = net::basic_stream_socket<net::ip::tcp, Executor>;
using Acceptor = net::basic_socket_acceptor<net::ip::tcp, Executor>;

std::string named(std::string_view operation) { return "|in '" + std::string(operation) + "' ("; }

// Of what was created for a handler, the lines in which no operation is named.
std::vector<std::string> unnamed(const std::string& text) {
  std::vector<std::string> found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto star = line.find('*');
    if (star == std::string::npos) {
      continue;
    }
    const auto number = line.substr(star + 1, line.find('|', star) - star - 1);
    if (text.find('^' + number + "|in '") == std::string::npos) {
      found.push_back(line);
    }
  }
  return found;
}

class HandlerTracking : public testing::Test {
 protected:
  HandlerTracking() {
    const auto executor = context.get_executor();
    Acceptor acceptor(executor, {net::ip::address_v4::loopback(), 0});
    near.emplace(executor);
    near->connect(acceptor.local_endpoint());
    far.emplace(acceptor.accept());
  }

  // A queue on the near socket with room for so many bytes.
  WriteHandoff queue(std::size_t max_pending_bytes = 1024) {
    WriteHandoffConfig config = quick_end();
    config.max_pending_bytes = max_pending_bytes;
    return WriteHandoff(std::move(*near), config);
  }
  // Its socket does not linger for long: the peer stays open.
  static WriteHandoffConfig quick_end() {
    WriteHandoffConfig config;
    config.close_timeout = 10ms;
    return config;
  }

  // What is tracked of `start()`, and of all that runs then.
  template <class Start>
  std::string tracked(Start start) {
    testing::internal::CaptureStderr();
    start();
    context.restart();
    context.run_for(10s);
    return testing::internal::GetCapturedStderr();
  }

  // A handler that counts its calls: all of them without an error.
  auto count() {
    return [this](const net_error_code& error, auto...) {
      EXPECT_FALSE(error) << error.message();
      ++calls;
    };
  }
  auto count_admitted() {
    return [this](const net_error_code& error, const WriteTicket& ticket) {
      EXPECT_FALSE(error) << error.message();
      EXPECT_TRUE(ticket.valid());
      ++calls;
    };
  }

  net::io_context context;
  std::optional<Socket> near;
  std::optional<Socket> far;
  int calls = 0;
};

Bytes bytes(std::string_view text) { return Bytes::copy_of(text); }

TEST_F(HandlerTracking, names_a_read_that_waits) {
  HandoffBuffer buffer;
  const std::string text = tracked([&] {
    buffer.async_read_available(*far, count());
    near->write_some(net::buffer("abc", 3));
  });
  EXPECT_EQ(buffer.peek_view(), "abc");
  EXPECT_THAT(text, HasSubstr(named("HandoffBuffer::async_read_available")));
}

TEST_F(HandlerTracking, names_a_read_that_is_refused) {
  HandoffBuffer buffer({.max_size = 1, .read_reserve = 1});
  near->write_some(net::buffer("a", 1));
  tracked([&] { buffer.async_read_available(*far, count()); });
  const std::string text = tracked([&] {
    buffer.async_read_available(*far, [this](const net_error_code& error, std::size_t) {
      EXPECT_EQ(error, Errc::limit_exceeded);
      ++calls;
    });
  });
  EXPECT_EQ(calls, 2);
  EXPECT_THAT(text, HasSubstr(named("HandoffBuffer::async_read_available")));
}

TEST_F(HandlerTracking, names_a_read_that_lets_bytes_gather) {
  HandoffBuffer buffer({.gather_for = 1ms});
  near->write_some(net::buffer("a", 1));
  tracked([&] { buffer.async_read_available(*far, count()); });
  const std::string text = tracked([&] {
    near->write_some(net::buffer("b", 1));
    buffer.async_read_available(*far, count());
  });
  EXPECT_EQ(buffer.peek_view(), "ab");
  EXPECT_THAT(text, HasSubstr(named("HandoffBuffer::async_read_available")));
}

TEST_F(HandlerTracking, names_writes_that_have_room) {
  auto out = queue();
  Bytes one = bytes("a");
  EXPECT_THAT(tracked([&] { out.async_write(one, count_admitted()); }),
              HasSubstr(named("WriteHandoff::async_write")));
  std::array several{bytes("b"), bytes("c")};
  EXPECT_THAT(tracked([&] { out.async_write(several, count_admitted()); }),
              HasSubstr(named("WriteHandoff::async_write")));
  EXPECT_EQ(calls, 2);
}

TEST_F(HandlerTracking, names_writes_that_wait) {
  auto out = queue(1);
  Bytes first = bytes("a");
  Bytes one = bytes("b");
  std::array several{bytes("c"), Bytes()};
  const std::string text = tracked([&] {
    ASSERT_TRUE(out.try_write(first));
    out.async_write(one, count_admitted());
    out.async_write(several, count_admitted());
    EXPECT_EQ(out.pending_bytes(), 1U);
  });
  EXPECT_EQ(calls, 2);
  EXPECT_THAT(text, HasSubstr(named("WriteHandoff::async_write")));
  EXPECT_THAT(unnamed(text), IsEmpty());
}

TEST_F(HandlerTracking, names_a_tickets_wait) {
  auto out = queue();
  Bytes first = bytes("a");
  Bytes second = bytes("b");
  auto ticket = out.try_write(first).value();
  auto later_ticket = out.try_write(second).value();
  EXPECT_THAT(tracked([&] { ticket.async_wait(count()); }),
              HasSubstr(named("WriteTicket::async_wait")));
  ASSERT_TRUE(later_ticket.is_done());
  EXPECT_THAT(tracked([&] { later_ticket.async_wait(count()); }),
              HasSubstr(named("WriteTicket::async_wait")));
  EXPECT_EQ(calls, 2);
}

TEST_F(HandlerTracking, names_a_flush) {
  auto out = queue();
  EXPECT_THAT(tracked([&] { out.async_flush(count()); }),
              HasSubstr(named("WriteHandoff::async_flush")));
  EXPECT_THAT(tracked([&] {
                Bytes written = bytes("a");
                ASSERT_TRUE(out.try_write(written));
                out.async_flush(count());
              }),
              HasSubstr(named("WriteHandoff::async_flush")));
  EXPECT_EQ(calls, 2);
}

TEST_F(HandlerTracking, names_the_close_and_who_waits_for_it) {
  auto out = queue();
  const std::string end = tracked([&] {
    out.async_closed(count());
    out.async_close(count());
  });
  EXPECT_THAT(end, HasSubstr(named("WriteHandoff::async_close")));
  EXPECT_THAT(end, HasSubstr(named("WriteHandoff::async_closed")));
  EXPECT_THAT(tracked([&] { out.async_close(count()); }),
              HasSubstr(named("WriteHandoff::async_close")));
  EXPECT_THAT(tracked([&] { out.async_closed(count()); }),
              HasSubstr(named("WriteHandoff::async_closed")));
  EXPECT_EQ(calls, 4);
}

using UnixSocket = net::basic_stream_socket<net::local::stream_protocol, Executor>;

// Writes until there is no room left. There is none again before the peer reads.
void fill(UnixSocket& socket) {
  const std::string text(std::size_t{64} * 1024, 'x');
  net_error_code error;
  socket.non_blocking(true);
  while (!error) {
    socket.write_some(net::buffer(text), error);
  }
}

TEST_F(HandlerTracking, names_all_that_a_queue_starts_up_to_its_abort) {
  UnixSocket writer(context.get_executor());
  UnixSocket reader(context.get_executor());
  net::local::connect_pair(writer, reader);
  HandoffBuffer buffer;
  writer.write_some(net::buffer("a", 1));
  buffer.async_read_available(reader, [&](const net_error_code&, std::size_t) { ++calls; });
  context.run();  // the next read waits before it tries
  context.restart();
  fill(writer);
  WriteHandoff out(std::move(writer));
  const std::string text = tracked([&] {
    Bytes written = bytes("a");
    ASSERT_TRUE(out.try_write(written));
    out.async_close([this](const net_error_code& error) {
      EXPECT_EQ(error, Errc::aborted);
      ++calls;
    });
    buffer.async_read_available(reader, [&](const net_error_code&, std::size_t) {
      ++calls;
      out.abort();
    });
  });
  EXPECT_EQ(calls, 3);
  EXPECT_THAT(text, HasSubstr(named("WriteHandoff (writer)")));
  EXPECT_THAT(text, HasSubstr(".async_send"));
  EXPECT_THAT(text, HasSubstr(".async_wait"));
  EXPECT_THAT(unnamed(text), IsEmpty());
}

// A socket whose sending side is shut later.
struct ShutsLater : Socket {
  explicit ShutsLater(Socket&& socket) : Socket(std::move(socket)) {}
};

template <class Handler>
void async_end_write(ShutsLater& stream, Handler handler) {
  net::post(stream.get_executor(),
            [handler = std::move(handler)]() mutable { std::move(handler)(net_error_code()); });
}

TEST_F(HandlerTracking, names_the_shutdown_of_a_stream_that_takes_its_time) {
  WriteHandoff out(ShutsLater(std::move(*near)), quick_end());
  const std::string text = tracked([&] { out.async_close(count()); });
  EXPECT_EQ(calls, 1);
  EXPECT_THAT(unnamed(text), IsEmpty());
}

TEST_F(HandlerTracking, names_the_duplexs_operations) {
  auto ends = make_duplex(context.get_executor(), 4);
  BasicDuplexStream<Executor>& a = ends.first;
  BasicDuplexStream<Executor>& b = ends.second;
  std::string got(4, '\0');
  const std::string waits = tracked([&] {
    b.async_wait(net::socket_base::wait_read, count());
    a.async_write_some(net::buffer("abcd", 4), count());
  });
  EXPECT_THAT(waits, HasSubstr(named("DuplexStream::async_wait")));
  EXPECT_THAT(waits, HasSubstr(named("DuplexStream::async_write_some")));
  EXPECT_THAT(tracked([&] { b.async_read_some(net::buffer(got), count()); }),
              HasSubstr(named("DuplexStream::async_read_some")));
  const std::string waited = tracked([&] {
    b.async_read_some(net::buffer(got), count());
    a.write_some(net::buffer("efgh", 4));
  });
  EXPECT_THAT(waited, HasSubstr(named("DuplexStream::async_read_some")));
  EXPECT_EQ(calls, 4);
  EXPECT_EQ(got, "efgh");
}

TEST_F(HandlerTracking, names_all_of_an_accept_with_a_pause) {
  Acceptor acceptor(context.get_executor(), {net::ip::address_v4::loopback(), 0});
  Socket client(context.get_executor());
  client.connect(acceptor.local_endpoint());
  AcceptOptions<Executor> options;
  options.retry_after = 1ms;
  options.prepare = [is_first = true]() mutable {
    return std::exchange(is_first, false) ? net_error_code(net::error::no_descriptors)
                                          : net_error_code();
  };
  const std::string text = tracked([&] {
    async_accept_each(
        acceptor, [&](const Socket&) { acceptor.close(); }, options,
        [this](const net_error_code& error) {
          EXPECT_EQ(error, net::error::operation_aborted);
          ++calls;
        });
  });
  EXPECT_EQ(calls, 1);
  EXPECT_THAT(text, HasSubstr(named("async_accept_each")));
  EXPECT_THAT(unnamed(text), IsEmpty());
}

// Where the stream is shared, and read from by its other owner.
TEST_F(HandlerTracking, works_from_a_shared_stream_to_the_end) {
  auto shared = std::make_shared<Socket>(std::move(*near));
  WriteHandoff out(shared);
  HandoffBuffer buffer;
  tracked([&] {
    Bytes written = bytes("abc");
    ASSERT_TRUE(out.try_write(written));
    out.async_close(count());
    buffer.async_read_available(*far, count());
  });
  EXPECT_EQ(buffer.peek_view(), "abc");
  tracked([&] { buffer.async_read_available(*far, count()); });
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(buffer.size(), 3U);
}

}  // namespace
}  // namespace bytes_handoff
