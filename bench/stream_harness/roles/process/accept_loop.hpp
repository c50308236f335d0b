#pragma once

#include <asio/basic_waitable_timer.hpp>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>

#include "roles/process/worker_pool.hpp"
#include "transports/tcp_endpoint.hpp"

namespace stream_harness {

/// Accepts at one address and deals the connections out to the workers of a pool in turn: even with
/// a few connections every worker has its share, which the kernel's dealing between sockets with
/// SO_REUSEPORT does not promise, and none is lost when one listener of several closes.
///
/// Runs on the pool's first worker. When descriptors or memory run out it pauses, with one line on
/// standard error the first time, and goes on when `resume` says that some came back, or after a
/// while. Connections wait in the kernel's queue meanwhile.
///
/// Must be destroyed after the pool's threads have ended.
class AcceptLoop {
 public:
  struct Hooks {
    /// Gets what a connection on this worker needs besides its own descriptor, before it is
    /// accepted. After an error it is asked again; what it got once it keeps.
    std::function<net_error_code(std::size_t worker)> prepare;
    /// Takes a connection. `socket` belongs to the worker's context; the call is made on the first
    /// worker's thread.
    std::function<void(std::size_t worker, TcpStream socket)> accepted;
  };

  AcceptLoop(WorkerPool& pool, Hooks hooks);

  [[nodiscard]] net_error_code listen(const TcpEndpoint& endpoint);

  /// Where it listens, with the port that was picked.
  [[nodiscard]] TcpEndpoint endpoint() const;

  /// From here on connections are taken. Before the threads run, once.
  void start() { accept_next(); }

  /// Stops listening; `stopped` is called on the first worker when that is done. Any thread.
  void stop(std::function<void()> stopped);

  /// Something may have come back that was short. Any thread; cheap while accepting.
  void resume();

 private:
  using Clock = std::chrono::steady_clock;
  using Timer = net::basic_waitable_timer<Clock, net::wait_traits<Clock>, Executor>;

  void accept_next();
  void on_accept(net_error_code error, TcpStream socket);
  void pause(net_error_code error);

  WorkerPool& pool_;
  Hooks hooks_;
  TcpAcceptor acceptor_;
  Timer retry_;
  std::size_t next_worker_ = 0;
  bool stopped_ = false;
  bool shortage_logged_ = false;
  std::atomic<bool> paused_{false};
};

}  // namespace stream_harness
