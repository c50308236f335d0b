#pragma once

#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <bytes_handoff/service/accept_each.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/asio_names.hpp"
#include "support/command_line.hpp"
#include "support/deadline.hpp"
#include "support/log.hpp"
#include "support/ring.hpp"

namespace programs {

/// `key=value` lines, in the order in which they are printed.
using Statistics = std::vector<std::pair<std::string, std::uint64_t>>;
/// Prints them on standard output.
void print(const Statistics& statistics);

struct ServiceOptions {
  tcp::endpoint listen{asio::ip::address_v4::loopback(), 8443};
  std::size_t max_connections = 10'000;
  std::chrono::nanoseconds drain{std::chrono::seconds(5)};
  /// Whether a connection needs a second descriptor. It is got before the connection is accepted.
  bool opens_second_socket = true;
  /// Asio looks names up on a thread of its own, and locks for it.
  bool looks_up_names = false;

  /// `--listen`, `--max-connections` and `--drain`.
  void declare(CommandLine& line);
};

class Service;

/// A connection that was accepted. It is closed with its destruction.
class Connection : private RingPlace {
 public:
  Connection(Service& service, tcp::socket accepted, const tcp::endpoint& from,
             bytes_handoff::AcceptSlot slot);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  tcp::socket client;
  tcp::socket second;         ///< open for IPv4 if `opens_second_socket`
  tcp::endpoint peer;         ///< of the client's socket
  Stop stop;                  ///< is told when the program is to end
  std::string passed_on_for;  ///< who is behind the peer, if it has said so

  /// For messages.
  [[nodiscard]] std::string name() const {
    return (passed_on_for.empty() ? std::string() : passed_on_for + " by ") + to_text(peer);
  }

 private:
  friend Service;

  Service& service_;
  const bytes_handoff::AcceptSlot slot_;
};
using ConnectionPointer = std::unique_ptr<Connection>;

/// Accepts connections, with one coroutine for each, until SIGINT or SIGTERM.
///
/// Out of descriptors, or with `max_connections` open, it accepts no more for now: connections wait
/// in the system's queue. With a signal it accepts no more, and the connections that are open may
/// go on for `drain`. Those that are left then are told to stop. A second signal ends the process
/// at once. One thread runs everything.
class Service {
 public:
  /// Who has the connection may keep it when the coroutine has ended.
  using Serve = std::function<awaitable<void>(ConnectionPointer)>;

  Service(const std::string& program, const ServiceOptions& options);
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  ~Service() { is_ending_ = false; }  // connections that are left end with the context

  [[nodiscard]] asio::io_context& context() noexcept { return context_; }
  [[nodiscard]] Log& log() noexcept { return log_; }

  /// Is called when the program is to end and its last connection has ended. What else runs on the
  /// context is to be ended there.
  void on_drained(std::function<void()> then) { on_drained_ = std::move(then); }

  /// Prints `listening=ADDRESS:PORT`, then serves. What `serve` throws is told with a line. Returns
  /// when everything has ended, with the exit status: 1 if it cannot listen.
  [[nodiscard]] int run(Serve serve);

  /// Connections, pauses, and what was cancelled.
  [[nodiscard]] Statistics statistics() const;

 private:
  friend Connection;

  [[nodiscard]] bool listen();
  void accept_all();
  [[nodiscard]] asio::error_code prepare();
  void on_accept(tcp::socket client, const tcp::endpoint& peer, bytes_handoff::AcceptSlot slot);
  void on_failure(const tcp::endpoint& peer, const std::exception_ptr& failure) noexcept;
  void on_close() noexcept;
  void end_on_signal();
  void end(std::string_view reason);
  void stop_all();
  void finish();

  ServiceOptions options_;
  RingPlace open_;  // before the context, which may have connections left
  std::size_t open_now_ = 0;
  bool is_ending_ = false;
  asio::io_context context_;
  Log log_;
  Serve serve_;
  std::function<void()> on_drained_;
  tcp::acceptor acceptor_{context_};
  tcp::socket second_{context_};
  asio::signal_set end_signals_{context_};
  steady_timer drained_{context_};
  std::uint64_t connections_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t pauses_ = 0;
  std::uint64_t cancelled_ = 0;
};

}  // namespace programs
