#include "contenders/raw_copy_proxy.hpp"

#include <asio/write.hpp>
#include <cstddef>
#include <utility>
#include <vector>

#include "contenders/hand_written_proxy.hpp"
#include "transports/cached_streams.hpp"
#include "transports/streams.hpp"

namespace stream_harness {
namespace {

template <class Reader, class Writer>
class RawCopyProxy final : public HandWrittenProxy<Reader, Writer>,
                           public std::enable_shared_from_this<RawCopyProxy<Reader, Writer>> {
 public:
  RawCopyProxy(Reader in, Writer out, const ProxyConfig& config, ProxyDone done)
      : HandWrittenProxy<Reader, Writer>(std::move(in), std::move(out), std::move(done)),
        buffer_(config.read_bytes()) {}

  void start() { read(this->shared_from_this()); }

 private:
  // The operation under way owns the proxy; each step passes it on to the next.
  using Self = std::shared_ptr<RawCopyProxy>;

  static void read(Self self) {
    RawCopyProxy& me = *self;
    me.in_.async_read_some(
        net::buffer(me.buffer_),
        [self = std::move(self)](net_error_code error, std::size_t bytes) mutable {
          on_read(std::move(self), error, bytes);
        });
  }

  static void on_read(Self self, net_error_code error, std::size_t bytes) {
    if (error == net::error::eof) return self->finish_in_order();
    if (error) return self->finish(describe("read", error));
    write(std::move(self), bytes);
  }

  static void write(Self self, std::size_t bytes) {
    RawCopyProxy& me = *self;
    net::async_write(me.out_, net::buffer(me.buffer_.data(), bytes),
                     [self = std::move(self)](net_error_code error, std::size_t written) mutable {
                       on_written(std::move(self), error, written);
                     });
  }

  static void on_written(Self self, net_error_code error, std::size_t bytes) {
    self->forwarded_bytes_ += bytes;
    if (error) return self->finish(describe("write", error));
    read(std::move(self));
  }

  std::vector<std::byte> buffer_;
};

}  // namespace

template <class Reader, class Writer>
std::shared_ptr<Proxy> start_raw_copy(Reader in, Writer out, const ProxyConfig& config,
                                      ProxyDone done) {
  return make_and_start<RawCopyProxy<Reader, Writer>>(std::move(in), std::move(out), config,
                                                      std::move(done));
}

template std::shared_ptr<Proxy> start_raw_copy(TcpStream, TcpStream, const ProxyConfig&, ProxyDone);
template std::shared_ptr<Proxy> start_raw_copy(DuplexStream, DuplexStream, const ProxyConfig&,
                                               ProxyDone);
template std::shared_ptr<Proxy> start_raw_copy(CachedSource, CountingSink, const ProxyConfig&,
                                               ProxyDone);

}  // namespace stream_harness
