// A peer that dies at every byte of what it sends: it closes too early, is reset, or falls silent.
// A tunnel is tested. Whatever happens, it ends, the other side has each byte that arrived, and a
// cut never looks whole. The silence takes 30 seconds of a clock that the test moves.
#include <asio/buffer.hpp>
#include <asio/error.hpp>
#include <asio/io_context.hpp>
#include <asio/read.hpp>
#include <bytes_handoff.hpp>
#include <bytes_handoff/testing/duplex.hpp>
#include <bytes_handoff/testing/manual_clock.hpp>
#include <chrono>
#include <cstddef>
#include <iostream>
#include <optional>
#include <string>

using namespace std::chrono_literals;
using bytes_handoff::DuplexFault;
using bytes_handoff::HandoffBuffer;
using bytes_handoff::make_duplex;
using bytes_handoff::ManualClock;
using bytes_handoff::TunnelEnd;
using bytes_handoff::TunnelResult;

const std::string kRequest = "GET /index.html\r\n\r\n";

struct Outcome {
  std::string received;
  std::error_code end;  // that the server sees
  std::chrono::seconds took{0};
};

/// None: the tunnel does not end.
std::optional<Outcome> run(DuplexFault fault, std::size_t after) {
  asio::io_context context;
  ManualClock clock;
  const auto begin = clock.now();
  auto [client, from_client] = make_duplex(clock.executor(context), 4096);
  auto [to_server, server] = make_duplex(clock.executor(context), 4096);
  from_client.set_incoming({.fault = fault, .fault_after = after, .max_read = 4});

  Outcome outcome;
  bool is_over = false;
  HandoffBuffer requests, answers;
  async_tunnel(TunnelEnd(requests, from_client), TunnelEnd(answers, to_server),
               {.idle_timeout = 30s},
               [&](std::error_code, const TunnelResult&) { is_over = true; });
  asio::async_read(server, asio::dynamic_buffer(outcome.received),
                   [&, &peer = server](std::error_code error, std::size_t) {
                     outcome.end = error;
                     peer.close();
                   });
  std::error_code ignored;
  client.write_some(asio::buffer(kRequest), ignored);
  context.poll();
  while (!is_over) {
    const auto next = clock.next_wait();
    if (!next) return std::nullopt;
    clock.advance(*next);
    context.poll();
  }
  context.poll();
  outcome.took = std::chrono::duration_cast<std::chrono::seconds>(clock.now() - begin);
  return outcome;
}

bool test(const char* name, DuplexFault fault, std::error_code end, std::chrono::seconds took) {
  std::size_t wrong = 0;
  for (std::size_t n = 0; n <= kRequest.size(); ++n) {
    const auto outcome = run(fault, n);
    const bool is_right = outcome && outcome->received == kRequest.substr(0, n) &&
                          outcome->end == end && outcome->took >= took &&
                          outcome->took <= took + took / 4;  // looked at four times meanwhile
    wrong += is_right ? 0 : 1;
  }
  std::cout << name << " at each of " << kRequest.size() + 1 << " bytes: the server sees '"
            << end.message() << "' in time, wrong: " << wrong << '\n';
  return wrong == 0;
}

int main() {
  const bool closes = test("closes", DuplexFault::sender_closes, asio::error::eof, 0s);
  const bool resets =
      test("is reset", DuplexFault::sender_resets, asio::error::connection_reset, 0s);
  const bool stalls =
      test("falls silent", DuplexFault::path_stalls, asio::error::connection_reset, 30s);
  return closes && resets && stalls ? 0 : 1;
}
