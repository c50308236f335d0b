#pragma once

#include <memory>
#include <string>

#include "contenders/proxy.hpp"
#include "contenders/splice_pipe.hpp"
#include "transports/streams.hpp"

namespace stream_harness {

/// What a proxy costs that looks at nothing: the kernel moves the bytes from socket to socket,
/// through a pipe, `SplicePipe::bytes_for(read_block)` at a time. Of Linux, and for TCP alone.
///
/// It tries before it waits, and lets others on its thread run after `kMaxInlineMoves`. The pipe is
/// the configuration's; where that has none, it opens one, and ends with an error where it cannot.
class SpliceProxy final : public Proxy, public std::enable_shared_from_this<SpliceProxy> {
 public:
  SpliceProxy(TcpStream in, TcpStream out, const ProxyConfig& config, ProxyDone done);

  void start();
  void stop() noexcept override;

 private:
  // The operation under way owns the proxy; each step passes it on to the next.
  using Self = std::shared_ptr<SpliceProxy>;

  static constexpr int kMaxInlineMoves = 16;

  [[nodiscard]] std::string prepare();
  static void move_on(Self self);
  static void wait(Self self, TcpStream& stream, TcpStream::wait_type what);
  void finish(std::string error);

  TcpStream in_;
  TcpStream out_;
  std::size_t splice_bytes_;
  std::shared_ptr<SplicePipe> pipe_;
  ProxyResult result_;
  ProxyDone done_;
};

}  // namespace stream_harness
