#include "contenders/manual_vec_proxy.hpp"

#include <asio/write.hpp>
#include <utility>

#include "transports/lingering.hpp"
#include "transports/stream_end.hpp"

namespace stream_harness {

template <class Reader, class Writer>
ManualVecProxy<Reader, Writer>::ManualVecProxy(Reader in, Writer out, const ProxyConfig& config,
                                               ProxyDone done)
    : in_(std::move(in)),
      out_(std::move(out)),
      scratch_(config.read_bytes()),
      parser_(config.frame_len),
      done_(std::move(done)) {
  pending_.reserve(2 * config.read_bytes());
}

template <class Reader, class Writer>
void ManualVecProxy<Reader, Writer>::start() {
  read(this->shared_from_this());
}

template <class Reader, class Writer>
void ManualVecProxy<Reader, Writer>::stop() noexcept {
  close_quietly(in_);
  close_quietly(out_);
}

template <class Reader, class Writer>
void ManualVecProxy<Reader, Writer>::read(Self self) {
  ManualVecProxy& me = *self;
  me.in_.async_read_some(net::buffer(me.scratch_),
                         [self = std::move(self)](net_error_code error, std::size_t bytes) mutable {
                           on_read(std::move(self), error, bytes);
                         });
}

template <class Reader, class Writer>
void ManualVecProxy<Reader, Writer>::on_read(Self self, net_error_code error, std::size_t bytes) {
  ManualVecProxy& me = *self;
  if (error == net::error::eof) return on_end_of_input(std::move(self));
  if (error) return me.finish(describe("read", error));
  if (me.tunnel_) return write(std::move(self), std::span(me.scratch_).first(bytes));
  me.append(bytes);
  route(std::move(self));
}

template <class Reader, class Writer>
void ManualVecProxy<Reader, Writer>::route(Self self) {
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

template <class Reader, class Writer>
void ManualVecProxy<Reader, Writer>::write(Self self, std::span<const std::byte> bytes) {
  ManualVecProxy& me = *self;
  net::async_write(me.out_, net::buffer(bytes.data(), bytes.size()),
                   [self = std::move(self)](net_error_code error, std::size_t written) mutable {
                     on_written(std::move(self), error, written);
                   });
}

template <class Reader, class Writer>
void ManualVecProxy<Reader, Writer>::on_written(Self self, net_error_code error,
                                                std::size_t bytes) {
  ManualVecProxy& me = *self;
  me.result_.forwarded_bytes += bytes;
  if (error) return me.finish(describe("write", error));
  if (me.input_ended_) return on_end_of_input(std::move(self));
  if (me.tunnel_) {
    me.pending_.clear();
    me.consumed_ = 0;
    return read(std::move(self));
  }
  me.consumed_ += bytes;
  route(std::move(self));
}

template <class Reader, class Writer>
void ManualVecProxy<Reader, Writer>::on_end_of_input(Self self) {
  ManualVecProxy& me = *self;
  const auto rest = me.unrouted();
  if (!me.input_ended_ && !rest.empty()) {
    me.input_ended_ = true;
    return write(std::move(self), rest);
  }
  me.finish(end_and_linger(me.out_));
}

template <class Reader, class Writer>
void ManualVecProxy<Reader, Writer>::append(std::size_t bytes) {
  compact();
  pending_.insert(pending_.end(), scratch_.data(), scratch_.data() + bytes);
}

template <class Reader, class Writer>
void ManualVecProxy<Reader, Writer>::compact() {
  if (consumed_ < scratch_.size() || consumed_ < pending_.size() - consumed_) return;
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(consumed_));
  consumed_ = 0;
}

template <class Reader, class Writer>
std::span<const std::byte> ManualVecProxy<Reader, Writer>::unrouted() const {
  return std::span(pending_).subspan(consumed_);
}

template <class Reader, class Writer>
void ManualVecProxy<Reader, Writer>::finish(std::string error) {
  result_.error = std::move(error);
  stop();
  std::exchange(done_, nullptr)(std::move(result_));
}

template class ManualVecProxy<TcpStream, TcpStream>;
template class ManualVecProxy<DuplexStream, DuplexStream>;
template class ManualVecProxy<CachedSource, CountingSink>;

}  // namespace stream_harness
