#pragma once

#include <bytes_handoff/service/accept_each.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "roles/process/worker_pool.hpp"
#include "transports/tcp_endpoint.hpp"

namespace stream_harness {

/// Accepts at one address and deals the connections out to the workers of a pool in turn: even with
/// a few connections every worker has its share, which the kernel's dealing between sockets with
/// SO_REUSEPORT does not promise, and none is lost when one listener of several closes.
///
/// Runs on the pool's first worker. When descriptors or memory run out it pauses, with one line on
/// standard error the first time.
///
/// Must be destroyed after the pool's threads have ended.
class ConnectionDealer {
 public:
  struct Hooks {
    /// Gets what a connection on this worker needs besides its own descriptor, before it is
    /// accepted. After an error it is asked again; what it got once it keeps.
    std::function<net_error_code(std::size_t worker)> prepare;
    /// Takes a connection. `socket` belongs to the worker's context; the call is made on the first
    /// worker's thread.
    std::function<void(std::size_t worker, TcpStream socket)> accepted;
    /// Accepting has ended with this error, and nobody has asked for it.
    std::function<void(std::string)> failed;
  };

  ConnectionDealer(WorkerPool& pool, Hooks hooks);

  /// The error is one line; empty where there is none.
  [[nodiscard]] std::string listen(const HostPort& address);

  /// Where it listens, with the port that was picked.
  [[nodiscard]] TcpEndpoint endpoint() const;

  /// From here on connections are taken. Before the threads run, once.
  void start();

  /// Stops listening; `stopped` is called on the first worker when that is done, and no connection
  /// is taken any more. Any thread, once.
  void stop(std::function<void()> stopped);

  /// Something may have come back that was short. Any thread; cheap while accepting.
  void resume() { pause_->end(); }

 private:
  [[nodiscard]] bytes_handoff::AcceptOptions<Executor> options();
  void accept(TcpStream socket);
  void end(net_error_code error);

  WorkerPool& pool_;
  Hooks hooks_;
  TcpAcceptor acceptor_;
  const std::shared_ptr<bytes_handoff::AcceptPause> pause_ =
      std::make_shared<bytes_handoff::AcceptPause>();
  std::size_t next_worker_ = 0;
  bool is_over_ = false;
  bool shortage_logged_ = false;
  std::function<void()> stopped_;
};

}  // namespace stream_harness
