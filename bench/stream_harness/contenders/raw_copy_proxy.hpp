#pragma once

#include <memory>
#include <string>
#include <vector>

#include "contenders/proxy.hpp"
#include "transports/cached_streams.hpp"
#include "transports/streams.hpp"

namespace stream_harness {

/// Copies without looking: reads into a buffer of `read_bytes()`, writes all of that, and again.
template <class Reader, class Writer>
class RawCopyProxy final : public Proxy,
                           public std::enable_shared_from_this<RawCopyProxy<Reader, Writer>> {
 public:
  RawCopyProxy(Reader in, Writer out, const ProxyConfig& config, ProxyDone done);

  void start();
  void stop() noexcept override;

 private:
  // The operation under way owns the proxy; each step passes it on to the next.
  using Self = std::shared_ptr<RawCopyProxy>;

  static void read(Self self);
  static void on_read(Self self, net_error_code error, std::size_t bytes);
  static void on_written(Self self, net_error_code error, std::size_t bytes);
  void finish(std::string error);

  Reader in_;
  Writer out_;
  std::vector<std::byte> buffer_;
  ProxyResult result_;
  ProxyDone done_;
};

extern template class RawCopyProxy<TcpStream, TcpStream>;
extern template class RawCopyProxy<DuplexStream, DuplexStream>;
extern template class RawCopyProxy<CachedSource, CountingSink>;

}  // namespace stream_harness
