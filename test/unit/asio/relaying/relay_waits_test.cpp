// What a relay does while its input has nothing: it waits for that, and holds the buffer meanwhile.

#include <unistd.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "bytes_handoff/front_end.hpp"
#include "bytes_handoff/relay.hpp"
#include "support/asio.hpp"
#include "support/pattern.hpp"
#include "support/queue/probes.hpp"
#include "support/relaying/relay_outcome.hpp"
#include "support/run_for.hpp"
#include "support/streams/socket_pairs.hpp"
#include "support/streams/test_streams.hpp"

namespace bytes_handoff::test {
namespace {

class RelayWaits : public testing::Test {
 protected:
  using Socket = TcpPair::Stream;
  using Descriptor = net::posix::basic_stream_descriptor<net::io_context::executor_type>;

  RelayWaits() {
    auto [out_end, sink_end] = TcpPair::make(context);
    out.emplace(std::move(out_end));
    sink.emplace(std::move(sink_end));
  }

  /// A descriptor that is always readable, and that no reactor takes.
  [[nodiscard]] Descriptor file_of(const std::string& text) {
    std::FILE* const made = std::tmpfile();
    EXPECT_NE(made, nullptr);
    EXPECT_EQ(std::fwrite(text.data(), 1, text.size(), made), text.size());
    EXPECT_EQ(std::fflush(made), 0);
    Descriptor file(context, ::dup(::fileno(made)));
    std::fclose(made);
    ::lseek(file.native_handle(), 0, SEEK_SET);
    return file;
  }

  void expect_all_of(const std::string& text) {
    Collector<Socket> collected(*sink);
    ASSERT_TRUE(run_until(context, [&] { return outcome.is_over() && collected.is_over(); }));
    outcome.expect({}, {text.size(), text.size(), RelaySide::none});
    EXPECT_EQ(collected.text(), text);
    EXPECT_EQ(collected.error(), net::error::eof);
  }

  net::io_context context{1};
  std::optional<Socket> out;
  std::optional<Socket> sink;
  HandoffBuffer buffer;
  RelayOutcome outcome;
};

TEST_F(RelayWaits, a_file_which_cannot_be_waited_for_is_passed_on_to_its_end) {
  const std::string text = pattern(1000);
  Descriptor file = file_of(text);
  async_relay(buffer, file, *out, outcome.handler());
  expect_all_of(text);
}

TEST_F(RelayWaits, so_it_is_to_a_queue) {
  const std::string text = pattern(1000);
  Descriptor file = file_of(text);
  const WriteHandoff queue(std::move(*out));
  async_relay(buffer, file, queue, outcome.handler());
  expect_all_of(text);
}

TEST_F(RelayWaits, another_read_of_the_buffer_is_refused_and_the_relay_goes_on) {
  auto [client, in] = TcpPair::make(context);
  async_relay(buffer, in, *out, outcome.handler());
  for (int i = 0; i != 3; ++i) {  // the first waits find bytes that came before
    net::write(client, net::buffer("ab", 2));
    run_ready(context);
  }
  CountOutcome other;
  buffer.async_read_available(in, other.handler());
  run_ready(context);
  other.expect(Errc::read_in_progress, 0);
  EXPECT_FALSE(outcome.is_over());
  net::write(client, net::buffer("c", 1));
  net_error_code ignored;
  client.shutdown(Socket::shutdown_send, ignored);
  expect_all_of("abababc");
}

TEST_F(RelayWaits, the_buffer_may_be_read_again_where_a_context_has_gone_with_the_relay) {
  auto other = std::make_unique<net::io_context>(1);
  auto [client, in] = TcpPair::make(*other);
  async_relay(buffer, in, *out, outcome.handler());
  net::write(client, net::buffer("ab", 2));
  run_ready(*other);
  run_ready(context);
  run_ready(*other);
  in = Socket(context);  // its sockets may not go behind their context
  client = Socket(context);
  other.reset();
  run_ready(context);
  EXPECT_FALSE(front_end::is_reading(buffer));
}

}  // namespace
}  // namespace bytes_handoff::test
