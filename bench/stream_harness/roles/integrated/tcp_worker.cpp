#include <asio/post.hpp>
#include <memory>
#include <string>
#include <utility>

#include "contenders/start_proxy.hpp"
#include "roles/integrated/pairing_acceptor.hpp"
#include "roles/integrated/wave_worker.hpp"
#include "transports/stream_end.hpp"
#include "transports/streams.hpp"
#include "transports/tcp_endpoint.hpp"
#include "workload/client.hpp"
#include "workload/sink.hpp"

namespace stream_harness {
namespace {

using bytes_handoff::expected;
using bytes_handoff::unexpected;

// A connection between its client's connect and its sink's start.
struct UnfinishedConnection {
  explicit UnfinishedConnection(const Executor& executor) : client(executor), proxy_out(executor) {}

  std::shared_ptr<ConnectionParts> parts;
  TcpStream client;
  TcpStream proxy_out;
};

// A client connects; the proxy that accepts it connects to a sink; the sink is accepted. Each has
// its part started as soon as its sockets are there.
class TcpWorker final : public WaveWorker {
 public:
  TcpWorker(const Options& options, WorkerShare share) : WaveWorker(options, share) {}

  [[nodiscard]] net_error_code open() {
    const auto error = proxies_.open();
    return error ? error : sinks_.open();
  }

  expected<void, std::string> run_wave() override {
    begin_wave();
    ended_ = 0;
    proxies_.start();
    sinks_.start();
    connect_clients();
    context_.run();
    if (!fatal_.empty()) return unexpected<std::string>(fatal_);
    context_.restart();
    return {};
  }

 private:
  using ConnectionPtr = std::shared_ptr<UnfinishedConnection>;

  void connect_clients() {
    while (const auto index = share_.next_to_set_up()) connect_client(*index);
  }

  void connect_client(std::uint64_t index) {
    auto connection = std::make_shared<UnfinishedConnection>(context_.get_executor());
    connection->parts =
        std::make_shared<ConnectionParts>(index, account_, [this] { on_connection_end(); });
    // Rendered before the connection exists, so that it is no part of its time.
    auto payload =
        std::make_unique<PayloadCursor>(options_.payload_shape(), index, options_.input_fragment);
    TcpStream& socket = connection->client;
    socket.async_connect(proxies_.endpoint(), [this, connection, payload = std::move(payload)](
                                                  net_error_code error) mutable {
      start_client(connection, std::move(*payload), error);
    });
  }

  void start_client(const ConnectionPtr& connection, PayloadCursor payload, net_error_code error) {
    send_at_once(connection->client, error);
    const std::uint16_t port = local_port(connection->client, error);
    const auto& parts = connection->parts;
    if (error) {
      end_setting_up();
      parts->part_skipped();
      parts->part_skipped();
      return parts->client_ended(describe("connect", error));
    }
    std::make_shared<Client<TcpStream>>(
        std::move(connection->client), std::move(payload), options_.input_fragment,
        [parts](const std::string& failure) { parts->client_ended(failure); })
        ->start();
    proxies_.expect(port, connection);
  }

  void connect_proxy(const ConnectionPtr& connection, TcpStream in) {
    connection->proxy_out.async_connect(
        sinks_.endpoint(), [this, connection, in = std::move(in)](net_error_code error) mutable {
          start_proxy_between(std::move(in), connection, error);
        });
  }

  void start_proxy_between(TcpStream in, const ConnectionPtr& connection, net_error_code error) {
    TcpStream& out = connection->proxy_out;
    send_at_once(in, error);
    send_at_once(out, error);
    const std::uint16_t port = local_port(out, error);
    const auto& parts = connection->parts;
    if (error) {
      end_setting_up();
      parts->part_skipped();
      return parts->proxy_ended({0, describe("connect to the sink", error)});
    }
    start_proxy(options_.implementation, std::move(in), std::move(out), proxy_config(options_),
                [parts](const ProxyResult& result) { parts->proxy_ended(result); });
    sinks_.expect(port, connection);
  }

  void start_sink(const ConnectionPtr& connection, TcpStream in) {
    end_setting_up();
    const auto& parts = connection->parts;
    parts->begin_latency();
    std::make_shared<Sink<TcpStream>>(
        std::move(in), sink_config(parts->index()),
        [parts](const SinkResult& result) { parts->sink_ended(result); })
        ->start();
  }

  // The connection is set up, or never will be.
  void end_setting_up() {
    share_.end_setting_up();
    net::post(context_, [this] { connect_clients(); });
  }

  void on_connection_end() {
    if (++ended_ < share_.size()) return;
    proxies_.stop();
    sinks_.stop();
  }

  void fail(net_error_code error) {
    fatal_ = describe("accept", error);
    context_.stop();
  }

  using Acceptor = PairingAcceptor<ConnectionPtr>;

  std::uint64_t ended_ = 0;
  std::string fatal_;
  Acceptor proxies_{
      context_.get_executor(),
      [this](const ConnectionPtr& found, TcpStream in) { connect_proxy(found, std::move(in)); },
      [this](net_error_code error) { fail(error); }};
  Acceptor sinks_{
      context_.get_executor(),
      [this](const ConnectionPtr& found, TcpStream in) { start_sink(found, std::move(in)); },
      [this](net_error_code error) { fail(error); }};
};

}  // namespace

WorkerOrError make_tcp_worker(const Options& options, WorkerShare share) {
  auto worker = std::make_unique<TcpWorker>(options, share);
  if (const auto error = worker->open()) {
    return unexpected<std::string>(describe("listen on the loopback", error));
  }
  return worker;
}

}  // namespace stream_harness
