#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "contenders/proxy.hpp"
#include "contenders/route_parser.hpp"
#include "transports/cached_streams.hpp"
#include "transports/streams.hpp"

namespace stream_harness {

/// What most programs on Asio have: reads of `read_bytes()` into a string, through Asio's dynamic
/// buffer; complete frames are cut out as strings of their own, and erased from its front once a
/// read; a deque of outgoing strings, of which one `async_write` after the other takes the first.
/// The deque has no bound. With tickets every item has a completion of its own, and the proxy reads
/// on when all of a read are written; without, it reads on whatever the sink does.
template <class Reader, class Writer>
class AsioQueueProxy final : public Proxy,
                             public std::enable_shared_from_this<AsioQueueProxy<Reader, Writer>> {
 public:
  AsioQueueProxy(Reader in, Writer out, const ProxyConfig& config, ProxyDone done);

  void start();
  void stop() noexcept override;

 private:
  // The operations under way own the proxy: at most one read and one write.
  using Self = std::shared_ptr<AsioQueueProxy>;

  struct Item {
    std::string bytes;
    std::function<void()> on_written;  // empty: nobody waits for it
  };

  static void read(Self self);
  static void on_read(Self self, net_error_code error, std::size_t bytes);
  static void go_on(Self self);
  static void write(Self self);
  static void on_written(Self self, net_error_code error, std::size_t bytes);

  void route();
  [[nodiscard]] std::size_t find_unit(std::span<const std::byte> unrouted);
  void push(std::span<const std::byte> unit);
  void finish(std::string error);
  void report_if_over();

  Reader in_;
  Writer out_;
  std::size_t read_bytes_;
  std::string inbox_;
  std::deque<Item> outbox_;  // the first is being written
  RouteParser parser_;
  Completion completion_;
  std::size_t open_tickets_ = 0;
  bool tunnel_ = false;
  bool too_long_ = false;
  bool input_ended_ = false;
  bool reading_ = false;
  bool writing_ = false;
  bool over_ = false;  // finished; its operations may still have to complete
  ProxyResult result_;
  ProxyDone done_;
};

extern template class AsioQueueProxy<TcpStream, TcpStream>;
extern template class AsioQueueProxy<DuplexStream, DuplexStream>;
extern template class AsioQueueProxy<CachedSource, CountingSink>;

}  // namespace stream_harness
