#pragma once

#include <memory>
#include <span>
#include <vector>

#include "contenders/proxy.hpp"
#include "contenders/route_parser.hpp"
#include "transports/cached_streams.hpp"
#include "transports/streams.hpp"

namespace stream_harness {

/// What a careful engineer writes by hand: reads into a scratch of `read_bytes()`, appends to a
/// persistent vector of twice that, and writes each complete frame from the vector directly, one
/// write a frame. The vector is compacted when the consumed part is at least the scratch and
/// half of it. After the marker what is left in the vector is written, then the scratch as it is
/// read.
template <class Reader, class Writer>
class ManualVecProxy final : public Proxy,
                             public std::enable_shared_from_this<ManualVecProxy<Reader, Writer>> {
 public:
  ManualVecProxy(Reader in, Writer out, const ProxyConfig& config, ProxyDone done);

  void start();
  void stop() noexcept override;

 private:
  // The operation under way owns the proxy; each step passes it on to the next.
  using Self = std::shared_ptr<ManualVecProxy>;

  static void read(Self self);
  static void on_read(Self self, net_error_code error, std::size_t bytes);
  static void route(Self self);
  static void write(Self self, std::span<const std::byte> bytes);
  static void on_written(Self self, net_error_code error, std::size_t bytes);
  static void on_end_of_input(Self self);

  void append(std::size_t bytes);
  void compact();
  [[nodiscard]] std::span<const std::byte> unrouted() const;
  void finish(std::string error);

  Reader in_;
  Writer out_;
  std::vector<std::byte> scratch_;
  std::vector<std::byte> pending_;
  std::size_t consumed_ = 0;  // of pending_, from its front
  RouteParser parser_;
  bool tunnel_ = false;
  bool input_ended_ = false;
  ProxyResult result_;
  ProxyDone done_;
};

extern template class ManualVecProxy<TcpStream, TcpStream>;
extern template class ManualVecProxy<DuplexStream, DuplexStream>;
extern template class ManualVecProxy<CachedSource, CountingSink>;

}  // namespace stream_harness
