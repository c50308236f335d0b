#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <functional>
#include <memory>

#include "bytes_handoff/handoff_buffer.hpp"
#include "bytes_handoff/tunnel.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "ends/end_table.hpp"
#include "ends/peer.hpp"
#include "support/asio.hpp"

namespace bytes_handoff::test {

/// Whether the queue owns the stream, and how a shared one is read.
enum class Form { kOwned, kSharedAndRead, kSharedAndToldRead };

/// An open descriptor, known again although its number may be given anew.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) { ::fstat(number, &status_); }

  /// False where the stream has none.
  [[nodiscard]] bool is_known() const { return number_ >= 0; }
  [[nodiscard]] bool is_open() const {
    struct stat now {};
    return ::fstat(number_, &now) == 0 && now.st_ino == status_.st_ino &&
           now.st_dev == status_.st_dev;
  }

 private:
  int number_ = -1;
  struct stat status_ {};
};

/// The stream that is tested, whatever its type.
class NearEnd {
 public:
  using ReadHandler = std::function<void(net_error_code, std::size_t)>;
  using Tcp = net::ip::tcp::socket;
  using RelayHandler = std::function<void(net_error_code, const RelayCounts&)>;
  using TunnelHandler = std::function<void(net_error_code, const TunnelResult&)>;

  NearEnd() = default;
  NearEnd(const NearEnd&) = delete;
  NearEnd& operator=(const NearEnd&) = delete;
  virtual ~NearEnd() = default;

  /// Once: gives the stream to a queue, or shares it.
  [[nodiscard]] virtual WriteHandoff spawn(Form form, const WriteHandoffConfig& config) = 0;
  /// A read of the shared stream; `told_of` may be null. What it waits for holds the stream.
  virtual void start_read(HandoffBuffer& buffer, const WriteHandoff* told_of,
                          ReadHandler handler) = 0;
  /// From the stream to `out`, if it can be read.
  virtual void relay_to(HandoffBuffer& buffer, Tcp& out, const RelayOptions& options,
                        RelayHandler handler) = 0;
  /// From `in` to the stream, if it takes bytes.
  virtual void relay_from(HandoffBuffer& buffer, Tcp& in, const RelayOptions& options,
                          RelayHandler handler) = 0;
  /// The stream is the first side, if it can be one. `queue`, if not null, is in front of it.
  virtual void tunnel(HandoffBuffer& buffer, const WriteHandoff* queue, TunnelEnd<Tcp, Tcp> other,
                      const TunnelOptions& options, TunnelHandler handler) = 0;
  [[nodiscard]] virtual Descriptor descriptor() const = 0;
  /// Of the shared stream: how many hold it, and whether it is open.
  [[nodiscard]] virtual long holders() const = 0;
  [[nodiscard]] virtual bool is_open() const = 0;
  /// Lets go of the shared stream.
  virtual void let_go() = 0;
};

/// Both ends; the peer goes last.
struct Connection {
  std::unique_ptr<Peer> peer;
  std::unique_ptr<NearEnd> near;
};

/// A connection on which a peer that does not read stops the other end soon; it has shaken hands.
/// Fails the test where that cannot be had. With TLS the stream is the server's or the client's.
[[nodiscard]] Connection connect(StreamKind kind, net::io_context& context, bool is_server);

}  // namespace bytes_handoff::test
