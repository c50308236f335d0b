#include "contenders/raw_copy_proxy.hpp"

#include <asio/write.hpp>
#include <utility>

#include "transports/lingering.hpp"
#include "transports/stream_end.hpp"

namespace stream_harness {

template <class Reader, class Writer>
RawCopyProxy<Reader, Writer>::RawCopyProxy(Reader in, Writer out, const ProxyConfig& config,
                                           ProxyDone done)
    : in_(std::move(in)),
      out_(std::move(out)),
      buffer_(config.read_bytes()),
      done_(std::move(done)) {}

template <class Reader, class Writer>
void RawCopyProxy<Reader, Writer>::start() {
  read(this->shared_from_this());
}

template <class Reader, class Writer>
void RawCopyProxy<Reader, Writer>::stop() noexcept {
  close_quietly(in_);
  close_quietly(out_);
}

template <class Reader, class Writer>
void RawCopyProxy<Reader, Writer>::read(Self self) {
  RawCopyProxy& me = *self;
  me.in_.async_read_some(net::buffer(me.buffer_),
                         [self = std::move(self)](net_error_code error, std::size_t bytes) mutable {
                           on_read(std::move(self), error, bytes);
                         });
}

template <class Reader, class Writer>
void RawCopyProxy<Reader, Writer>::on_read(Self self, net_error_code error, std::size_t bytes) {
  RawCopyProxy& me = *self;
  if (error == net::error::eof) return me.finish(end_and_linger(me.out_));
  if (error) return me.finish(describe("read", error));
  net::async_write(me.out_, net::buffer(me.buffer_.data(), bytes),
                   [self = std::move(self)](net_error_code failure, std::size_t written) mutable {
                     on_written(std::move(self), failure, written);
                   });
}

template <class Reader, class Writer>
void RawCopyProxy<Reader, Writer>::on_written(Self self, net_error_code error, std::size_t bytes) {
  self->result_.forwarded_bytes += bytes;
  if (error) return self->finish(describe("write", error));
  read(std::move(self));
}

template <class Reader, class Writer>
void RawCopyProxy<Reader, Writer>::finish(std::string error) {
  result_.error = std::move(error);
  stop();
  std::exchange(done_, nullptr)(std::move(result_));
}

template class RawCopyProxy<TcpStream, TcpStream>;
template class RawCopyProxy<DuplexStream, DuplexStream>;
template class RawCopyProxy<CachedSource, CountingSink>;

}  // namespace stream_harness
