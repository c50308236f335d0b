#include "support/service.hpp"

#include <asio/co_spawn.hpp>
#include <csignal>
#include <exception>
#include <iostream>

namespace programs {

using bytes_handoff::AcceptSlot;

namespace {

// On Linux a connection takes it over from the acceptor.
#if defined(__linux__)
constexpr bool kTakesOverNoDelay = true;
#else
constexpr bool kTakesOverNoDelay = false;
#endif

}  // namespace

void print(const Statistics& statistics) {
  for (const auto& [key, value] : statistics) {
    std::cout << key << '=' << value << '\n';
  }
  std::cout << std::flush;
}

void ServiceOptions::declare(CommandLine& line) {
  line.endpoint("--listen", listen, "where it accepts; port 0 is one that is free");
  line.number("--max-connections", max_connections, 1, 1'000'000,
              "connections that are open at once; others wait to be accepted");
  line.seconds("--drain", drain, std::chrono::nanoseconds(0),
               "how long open connections may go on behind a signal");
}

Connection::Connection(Service& service, tcp::socket accepted, const tcp::endpoint& from,
                       AcceptSlot slot)
    : client(std::move(accepted)),
      second(std::move(service.second_)),
      peer(from),
      service_(service),
      slot_(std::move(slot)) {
  join(service.open_);
  ++service.open_now_;
}

Connection::~Connection() {
  leave();
  service_.on_close();
}

Service::Service(const std::string& program, const ServiceOptions& options)
    : options_(options),
      // One thread calls its sockets, and what is posted.
      context_(options.looks_up_names ? ASIO_CONCURRENCY_HINT_UNSAFE_IO
                                      : ASIO_CONCURRENCY_HINT_UNSAFE),
      log_(program) {}

int Service::run(Serve serve) {
  serve_ = std::move(serve);
  if (!listen()) {
    return 1;
  }
  end_on_signal();
  accept_all();
  std::cout << "listening=" << to_text(acceptor_.local_endpoint()) << std::endl;
  context_.run();
  return 0;
}

bool Service::listen() {
  asio::error_code error;
  acceptor_.open(options_.listen.protocol(), error);
  if (!error) {
    acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  }
  if (!error && kTakesOverNoDelay) {
    acceptor_.set_option(tcp::no_delay(true), error);
  }
  if (!error) {
    acceptor_.bind(options_.listen, error);
  }
  if (!error) {
    acceptor_.listen(tcp::acceptor::max_listen_connections, error);
  }
  if (error) {
    log_.line("cannot listen on " + to_text(options_.listen) + ": " + error.message());
  }
  return !error;
}

void Service::accept_all() {
  bytes_handoff::AcceptOptions<Executor> options;
  options.max_open = options_.max_connections;
  options.prepare = [this] { return prepare(); };
  options.on_pause = [this](const asio::error_code& reason) {
    ++pauses_;
    log_.line("accepts no connection for now: " + reason.message());
  };
  bytes_handoff::async_accept_each(
      acceptor_,
      [this](tcp::socket client, const tcp::endpoint& peer, AcceptSlot slot) {
        on_accept(std::move(client), peer, std::move(slot));
      },
      options,
      [this](const asio::error_code& reason) {
        if (!is_ending_) {
          end("accepting has failed: " + reason.message());
        }
      });
}

// What the next connection needs besides its own descriptor.
asio::error_code Service::prepare() {
  asio::error_code error;
  if (options_.opens_second_socket && !second_.is_open()) {
    second_.open(tcp::v4(), error);
  }
  return error;
}

void Service::on_accept(tcp::socket client, const tcp::endpoint& peer, AcceptSlot slot) {
  asio::error_code ignored;
  if (!kTakesOverNoDelay) {
    client.set_option(tcp::no_delay(true), ignored);
  }
  ++connections_;
  auto connection = std::make_unique<Connection>(*this, std::move(client), peer, std::move(slot));
  asio::co_spawn(context_, serve_(std::move(connection)),
                 [this, peer](std::exception_ptr failure) { on_failure(peer, failure); });
}

void Service::on_failure(const tcp::endpoint& peer, const std::exception_ptr& failure) noexcept {
  if (!failure) {
    return;
  }
  ++failed_;
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& error) {
    try {
      log_.line(to_text(peer) + ": " + error.what());
    } catch (const std::exception&) {  // no memory: it costs this line
      log_.leave_out();
    }
  }
}

void Service::on_close() noexcept {
  --open_now_;
  if (is_ending_ && open_now_ == 0) {
    finish();
  }
}

void Service::end_on_signal() {
  end_signals_.add(SIGINT);
  end_signals_.add(SIGTERM);
  end_signals_.async_wait([this](const asio::error_code& error, int /*signal*/) {
    if (!error) {
      end("told to end");
    }
  });
}

void Service::end(std::string_view reason) {
  is_ending_ = true;
  asio::error_code ignored;
  end_signals_.clear(ignored);  // the next signal has its default effect
  acceptor_.close(ignored);
  second_.close(ignored);
  log_.line(std::string(reason) + ": " + std::to_string(open_now_) + " connections are open");
  if (open_now_ == 0) {
    finish();
    return;
  }
  drained_.expires_after(options_.drain);
  drained_.async_wait([this](const asio::error_code& error) {
    if (!error) {
      stop_all();
    }
  });
}

void Service::finish() {
  drained_.cancel();
  if (on_drained_) {
    on_drained_();
  }
}

void Service::stop_all() {
  cancelled_ = open_now_;
  for (RingPlace* place = open_.next(); place != &open_;) {
    auto& connection = static_cast<Connection&>(*place);
    place = place->next();
    connection.stop.tell();  // it may be gone then
  }
}

Statistics Service::statistics() const {
  return {{"connections", connections_},
          {"failed_connections", failed_},
          {"cancelled_connections", cancelled_},
          {"accept_pauses", pauses_},
          {"log_lines_left_out", log_.left_out()}};
}

}  // namespace programs
