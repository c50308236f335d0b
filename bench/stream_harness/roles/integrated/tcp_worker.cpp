#include <string>
#include <utility>

#include "contenders/start_proxy.hpp"
#include "roles/integrated/port_pairing.hpp"
#include "roles/integrated/wave_worker.hpp"
#include "transports/streams.hpp"
#include "transports/tcp_endpoint.hpp"
#include "workload/client.hpp"
#include "workload/sink.hpp"

namespace stream_harness {
namespace {

using bytes_handoff::expected;
using bytes_handoff::unexpected;
using net::ip::tcp;

// A connection between its client's connect and its sink's start.
struct Link {
  explicit Link(const Executor& executor) : client(executor), proxy_out(executor) {}

  std::shared_ptr<Connection> parts;
  TcpStream client;
  TcpStream proxy_out;
};

using LinkPtr = std::shared_ptr<Link>;

// Listens on a port of the loopback that the kernel picks, and gives each accepted socket to the
// link that it belongs to.
class PairingAcceptor {
 public:
  explicit PairingAcceptor(const Executor& executor) : acceptor_(executor) {}

  [[nodiscard]] net_error_code open() {
    net_error_code error = listen_at(acceptor_, {net::ip::address_v4::loopback(), 0});
    if (!error) endpoint_ = acceptor_.local_endpoint(error);
    return error;
  }

  [[nodiscard]] const tcp::endpoint& endpoint() const noexcept { return endpoint_; }

  // Accepts until `stop`. `on_match(LinkPtr, TcpStream)` for each pair, `on_error(net_error_code)`
  // once where accepting has become impossible.
  template <class OnMatch, class OnError>
  void start(OnMatch on_match, OnError on_error) {
    stopped_ = false;
    accept_next(std::move(on_match), std::move(on_error));
  }

  template <class OnMatch>
  void expect(std::uint16_t port, LinkPtr link, OnMatch on_match) {
    if (auto match = pairing_.expect(port, std::move(link))) {
      on_match(std::move(match->owner), std::move(match->socket));
    }
  }

  void stop() {
    net_error_code ignored;
    stopped_ = true;
    acceptor_.cancel(ignored);
    pairing_.clear();
  }

 private:
  template <class OnMatch, class OnError>
  void accept_next(OnMatch on_match, OnError on_error) {
    acceptor_.async_accept(
        peer_, [this, on_match, on_error](net_error_code error, TcpStream socket) {
          if (stopped_) return;
          if (error && error != net::error::connection_aborted) return on_error(error);
          if (!error) {
            if (auto match = pairing_.accepted(peer_.port(), std::move(socket))) {
              on_match(std::move(match->owner), std::move(match->socket));
            }
          }
          if (!stopped_) accept_next(on_match, on_error);
        });
  }

  TcpAcceptor acceptor_;
  tcp::endpoint endpoint_;
  tcp::endpoint peer_;
  PortPairing<LinkPtr, TcpStream> pairing_;
  bool stopped_ = false;
};

class TcpWorker final : public WaveWorker {
 public:
  TcpWorker(const Options& options, WorkerShare share)
      : options_(options),
        share_(share),
        sink_buffer_(std::make_shared<std::byte[]>(kSinkReadBytes)) {}

  [[nodiscard]] net_error_code open() {
    const auto error = proxies_.open();
    return error ? error : sinks_.open();
  }

  expected<void, std::string> run_wave() override {
    next_ = share_.first;
    ended_ = 0;
    const auto on_error = [this](net_error_code error) {
      fatal_ = describe("accept", error);
      context_.stop();
    };
    proxies_.start([this](LinkPtr link, TcpStream in) { connect_proxy(link, std::move(in)); },
                   on_error);
    sinks_.start([this](LinkPtr link, TcpStream in) { start_sink(link, std::move(in)); }, on_error);
    connect_clients();
    context_.run();
    if (!fatal_.empty()) return unexpected<std::string>(fatal_);
    context_.restart();
    return {};
  }

  const Account& account() const noexcept override { return account_; }

 private:
  [[nodiscard]] std::uint64_t share_size() const {
    return (options_.connections - share_.first + share_.stride - 1) / share_.stride;
  }

  void connect_clients() {
    while (connecting_ < kMaxConnecting && next_ < options_.connections) {
      ++connecting_;
      connect_client(next_);
      next_ += share_.stride;
    }
  }

  // The connection is set up, or never will be.
  void end_connecting() {
    --connecting_;
    net::post(context_, [this] { connect_clients(); });
  }

  void on_connection_end() {
    if (++ended_ < share_size()) return;
    proxies_.stop();
    sinks_.stop();
  }

  void connect_client(std::uint64_t index) {
    auto link = std::make_shared<Link>(context_.get_executor());
    link->parts = std::make_shared<Connection>(index, account_, [this] { on_connection_end(); });
    // Rendered before the connection exists, so that it is no part of its time.
    auto payload =
        std::make_unique<PayloadCursor>(payload_shape(options_), index, options_.input_fragment);
    TcpStream& socket = link->client;
    socket.async_connect(proxies_.endpoint(),
                         [this, link, payload = std::move(payload)](net_error_code error) mutable {
                           start_client(link, std::move(*payload), error);
                         });
  }

  void start_client(const LinkPtr& link, PayloadCursor payload, net_error_code error) {
    if (!error) link->client.set_option(tcp::no_delay(true), error);
    const std::uint16_t port = error ? 0 : link->client.local_endpoint(error).port();
    if (error) {
      end_connecting();
      link->parts->part_skipped();
      link->parts->part_skipped();
      link->parts->client_ended(describe("connect", error));
      return;
    }
    const auto on_end = [parts = link->parts](const std::string& failure) {
      parts->client_ended(failure);
    };
    std::make_shared<Client<TcpStream>>(std::move(link->client), std::move(payload),
                                        options_.input_fragment, on_end)
        ->start();
    proxies_.expect(port, link, [this](const LinkPtr& found, TcpStream in) {
      connect_proxy(found, std::move(in));
    });
  }

  void connect_proxy(const LinkPtr& link, TcpStream in) {
    link->proxy_out.async_connect(sinks_.endpoint(),
                                  [this, link, in = std::move(in)](net_error_code error) mutable {
                                    start_proxy_part(link, std::move(in), error);
                                  });
  }

  void start_proxy_part(const LinkPtr& link, TcpStream in, net_error_code error) {
    if (!error) in.set_option(tcp::no_delay(true), error);
    if (!error) link->proxy_out.set_option(tcp::no_delay(true), error);
    const std::uint16_t port = error ? 0 : link->proxy_out.local_endpoint(error).port();
    if (error) {
      end_connecting();
      link->parts->part_skipped();
      link->parts->proxy_ended({0, describe("connect to the sink", error)});
      return;
    }
    const auto on_end = [parts = link->parts](const ProxyResult& result) {
      parts->proxy_ended(result);
    };
    start_proxy(options_.implementation, std::move(in), std::move(link->proxy_out),
                proxy_config(options_), on_end);
    sinks_.expect(port, link, [this](const LinkPtr& found, TcpStream accepted) {
      start_sink(found, std::move(accepted));
    });
  }

  void start_sink(const LinkPtr& link, TcpStream in) {
    end_connecting();
    link->parts->begin_latency();
    const auto on_end = [parts = link->parts](const SinkResult& result) {
      parts->sink_ended(result);
    };
    std::make_shared<Sink<TcpStream>>(
        std::move(in), sink_config(options_, link->parts->index(), sink_buffer_), on_end)
        ->start();
  }

  const Options& options_;
  WorkerShare share_;
  std::shared_ptr<std::byte[]> sink_buffer_;
  Account account_;
  std::uint64_t next_ = 0;
  std::uint64_t connecting_ = 0;
  std::uint64_t ended_ = 0;
  std::string fatal_;
  net::io_context context_{1};
  PairingAcceptor proxies_{context_.get_executor()};
  PairingAcceptor sinks_{context_.get_executor()};
};

}  // namespace

MadeWorker make_tcp_worker(const Options& options, WorkerShare share) {
  auto worker = std::make_unique<TcpWorker>(options, share);
  if (const auto error = worker->open()) {
    return unexpected<std::string>(describe("listen on the loopback", error));
  }
  return worker;
}

}  // namespace stream_harness
