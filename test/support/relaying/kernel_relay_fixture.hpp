#pragma once

// A relay between two sockets whose bytes the kernel moves, and the calls that do it.

#include "bytes_handoff/core/kernel/kernel_pipe.hpp"

#if BYTES_HANDOFF_HAS_SPLICE

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "bytes_handoff/relay.hpp"
#include "bytes_handoff/statistics.hpp"
#include "support/asio.hpp"
#include "support/relaying/relay_outcome.hpp"
#include "support/run_for.hpp"
#include "support/streams/socket_pairs.hpp"

namespace bytes_handoff::test {

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
  ~Calls() { detail::kernel_calls = &detail::system_calls; }

  /// What all did.
  [[nodiscard]] static unsigned made() { return state.made; }
  [[nodiscard]] static std::size_t largest() { return state.largest; }
  [[nodiscard]] static bool has_failed() { return state.made > state.failing_call; }
  static void refuse_pipes(bool refused) { state.refuses_pipes = refused; }

 private:
  static inline CallsState state;

  static std::ptrdiff_t splice(int from, int to, std::size_t n) noexcept {
    if (state.made++ >= state.failing_call) {
      errno = state.error;
      return -1;
    }
    const std::ptrdiff_t moved = detail::system_calls.splice(from, to, n);
    state.largest = std::max(state.largest, moved < 0 ? 0 : static_cast<std::size_t>(moved));
    return moved;
  }
  static int open_pipe(int (&ends)[2]) noexcept {
    if (state.refuses_pipes) {
      errno = EMFILE;
      return -1;
    }
    return detail::system_calls.open_pipe(ends);
  }
  static constexpr detail::KernelCalls kCounted{&splice, &open_pipe};
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

using KernelRelayOverTcp = KernelRelay<TcpPair>;
using SocketPairs = testing::Types<TcpPair, UnixPair>;

}  // namespace bytes_handoff::test

#endif
