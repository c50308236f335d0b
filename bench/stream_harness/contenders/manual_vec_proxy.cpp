#include "contenders/manual_vec_proxy.hpp"

#include <asio/write.hpp>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "contenders/hand_written_proxy.hpp"
#include "contenders/route_parser.hpp"
#include "transports/cached_streams.hpp"
#include "transports/streams.hpp"

namespace stream_harness {
namespace {

template <class Reader, class Writer>
class ManualVecProxy final : public HandWrittenProxy<Reader, Writer>,
                             public std::enable_shared_from_this<ManualVecProxy<Reader, Writer>> {
 public:
  ManualVecProxy(Reader in, Writer out, const ProxyConfig& config, ProxyDone done)
      : HandWrittenProxy<Reader, Writer>(std::move(in), std::move(out), std::move(done)),
        scratch_(config.read_bytes()),
        parser_(config.frame_len) {
    pending_.reserve(2 * config.read_bytes());
  }

  void start() { read(this->shared_from_this()); }

 private:
  // The operation under way owns the proxy; each step passes it on to the next.
  using Self = std::shared_ptr<ManualVecProxy>;

  static void read(Self self) {
    ManualVecProxy& me = *self;
    me.in_.async_read_some(
        net::buffer(me.scratch_),
        [self = std::move(self)](net_error_code error, std::size_t bytes) mutable {
          on_read(std::move(self), error, bytes);
        });
  }

  static void on_read(Self self, net_error_code error, std::size_t bytes) {
    ManualVecProxy& me = *self;
    if (error == net::error::eof) return on_end_of_input(std::move(self));
    if (error) return me.finish(describe("read", error));
    if (me.tunnel_) return write(std::move(self), std::span(me.scratch_).first(bytes));
    me.append(bytes);
    route(std::move(self));
  }

  static void on_end_of_input(Self self) {
    ManualVecProxy& me = *self;
    const auto rest = me.unrouted();
    if (rest.empty()) return me.finish_in_order();
    me.input_ended_ = true;
    write(std::move(self), rest);
  }

  static void route(Self self) {
    ManualVecProxy& me = *self;
    const auto unrouted = me.unrouted();
    const auto unit = me.parser_.next(unrouted);
    switch (unit.found) {
      case RouteParser::Found::kFrame:
        return write(std::move(self), unrouted.first(unit.bytes));
      case RouteParser::Found::kMarker:
        me.tunnel_ = true;
        return write(std::move(self), unrouted);
      case RouteParser::Found::kNeedMore:
        return read(std::move(self));
      case RouteParser::Found::kTooLong:
        return me.finish(unfinished_frame_error(me.parser_.unfinished_limit()));
    }
  }

  static void write(Self self, std::span<const std::byte> bytes) {
    ManualVecProxy& me = *self;
    net::async_write(me.out_, net::buffer(bytes.data(), bytes.size()),
                     [self = std::move(self)](net_error_code error, std::size_t written) mutable {
                       on_written(std::move(self), error, written);
                     });
  }

  static void on_written(Self self, net_error_code error, std::size_t bytes) {
    ManualVecProxy& me = *self;
    me.forwarded_bytes_ += bytes;
    if (error) return me.finish(describe("write", error));
    if (me.input_ended_) return me.finish_in_order();
    if (me.tunnel_) {
      me.pending_.clear();
      me.consumed_ = 0;
      return read(std::move(self));
    }
    me.consumed_ += bytes;
    route(std::move(self));
  }

  void append(std::size_t bytes) {
    if (consumed_ >= scratch_.size() && consumed_ >= pending_.size() - consumed_) compact();
    pending_.insert(pending_.end(), scratch_.data(), scratch_.data() + bytes);
  }

  void compact() {
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(consumed_));
    consumed_ = 0;
  }

  [[nodiscard]] std::span<const std::byte> unrouted() const {
    return std::span(pending_).subspan(consumed_);
  }

  std::vector<std::byte> scratch_;
  std::vector<std::byte> pending_;
  std::size_t consumed_ = 0;  // of pending_, from its front
  RouteParser parser_;
  bool tunnel_ = false;
  bool input_ended_ = false;
};

}  // namespace

template <class Reader, class Writer>
std::shared_ptr<Proxy> start_manual_vec(Reader in, Writer out, const ProxyConfig& config,
                                        ProxyDone done) {
  return make_and_start<ManualVecProxy<Reader, Writer>>(std::move(in), std::move(out), config,
                                                        std::move(done));
}

template std::shared_ptr<Proxy> start_manual_vec(TcpStream, TcpStream, const ProxyConfig&,
                                                 ProxyDone);
template std::shared_ptr<Proxy> start_manual_vec(DuplexStream, DuplexStream, const ProxyConfig&,
                                                 ProxyDone);
template std::shared_ptr<Proxy> start_manual_vec(CachedSource, CountingSink, const ProxyConfig&,
                                                 ProxyDone);

}  // namespace stream_harness
