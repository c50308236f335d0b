#include "contenders/asio_queue_proxy.hpp"

#include <asio/buffer.hpp>
#include <asio/write.hpp>
#include <utility>

#include "transports/lingering.hpp"
#include "transports/stream_end.hpp"

namespace stream_harness {

template <class Reader, class Writer>
AsioQueueProxy<Reader, Writer>::AsioQueueProxy(Reader in, Writer out, const ProxyConfig& config,
                                               ProxyDone done)
    : in_(std::move(in)),
      out_(std::move(out)),
      read_bytes_(config.read_bytes()),
      parser_(config.frame_len),
      completion_(config.completion),
      done_(std::move(done)) {}

template <class Reader, class Writer>
void AsioQueueProxy<Reader, Writer>::start() {
  read(this->shared_from_this());
}

template <class Reader, class Writer>
void AsioQueueProxy<Reader, Writer>::stop() noexcept {
  close_quietly(in_);
  close_quietly(out_);
}

template <class Reader, class Writer>
void AsioQueueProxy<Reader, Writer>::read(Self self) {
  AsioQueueProxy& me = *self;
  auto inbox = net::dynamic_buffer(me.inbox_);
  const std::size_t unrouted = inbox.size();
  inbox.grow(me.read_bytes_);
  me.reading_ = true;
  me.in_.async_read_some(inbox.data(unrouted, me.read_bytes_),
                         [self = std::move(self)](net_error_code error, std::size_t bytes) mutable {
                           on_read(std::move(self), error, bytes);
                         });
}

template <class Reader, class Writer>
void AsioQueueProxy<Reader, Writer>::on_read(Self self, net_error_code error, std::size_t bytes) {
  AsioQueueProxy& me = *self;
  me.reading_ = false;
  net::dynamic_buffer(me.inbox_).shrink(me.read_bytes_ - bytes);
  if (me.over_) return me.report_if_over();
  me.input_ended_ = error == net::error::eof;
  if (error && !me.input_ended_) return me.finish(describe("read", error));
  me.route();
  if (me.too_long_) return me.finish(unfinished_frame_error(me.parser_.unfinished_limit()));
  if (!me.writing_ && !me.outbox_.empty()) write(self);
  go_on(std::move(self));
}

// Whatever is next for the one who reads.
template <class Reader, class Writer>
void AsioQueueProxy<Reader, Writer>::go_on(Self self) {
  AsioQueueProxy& me = *self;
  if (me.reading_ || me.open_tickets_ != 0) return;
  if (!me.input_ended_) return read(std::move(self));
  if (me.outbox_.empty()) me.finish(end_and_linger(me.out_));
}

template <class Reader, class Writer>
void AsioQueueProxy<Reader, Writer>::write(Self self) {
  AsioQueueProxy& me = *self;
  me.writing_ = true;
  net::async_write(me.out_, net::buffer(me.outbox_.front().bytes),
                   [self = std::move(self)](net_error_code error, std::size_t written) mutable {
                     on_written(std::move(self), error, written);
                   });
}

template <class Reader, class Writer>
void AsioQueueProxy<Reader, Writer>::on_written(Self self, net_error_code error,
                                                std::size_t bytes) {
  AsioQueueProxy& me = *self;
  me.writing_ = false;
  me.result_.forwarded_bytes += bytes;
  if (me.over_) return me.report_if_over();
  if (error) return me.finish(describe("write", error));
  const Item written = std::move(me.outbox_.front());
  me.outbox_.pop_front();
  if (!me.outbox_.empty()) write(self);
  if (written.on_written) written.on_written();
  go_on(std::move(self));
}

// Queues all that is complete.
template <class Reader, class Writer>
void AsioQueueProxy<Reader, Writer>::route() {
  auto unrouted = std::as_bytes(std::span(inbox_));
  while (const std::size_t bytes = find_unit(unrouted)) {
    push(unrouted.first(bytes));
    unrouted = unrouted.subspan(bytes);
  }
  net::dynamic_buffer(inbox_).consume(inbox_.size() - unrouted.size());
}

// The bytes at the front that can go; 0 when nothing is complete.
template <class Reader, class Writer>
std::size_t AsioQueueProxy<Reader, Writer>::find_unit(std::span<const std::byte> unrouted) {
  if (tunnel_) return unrouted.size();
  const auto unit = input_ended_ ? parser_.next_at_end(unrouted) : parser_.next(unrouted);
  tunnel_ = unit.found == RouteParser::Found::kMarker;
  too_long_ = unit.found == RouteParser::Found::kTooLong;
  return unit.bytes;
}

template <class Reader, class Writer>
void AsioQueueProxy<Reader, Writer>::push(std::span<const std::byte> unit) {
  Item& item = outbox_.emplace_back();
  item.bytes.assign(reinterpret_cast<const char*>(unit.data()), unit.size());
  if (completion_ == Completion::kFireAndForget) return;
  ++open_tickets_;
  item.on_written = [this] { --open_tickets_; };
}

template <class Reader, class Writer>
void AsioQueueProxy<Reader, Writer>::finish(std::string error) {
  over_ = true;
  result_.error = std::move(error);
  stop();
  report_if_over();
}

template <class Reader, class Writer>
void AsioQueueProxy<Reader, Writer>::report_if_over() {
  if (!reading_ && !writing_) std::exchange(done_, nullptr)(std::move(result_));
}

template class AsioQueueProxy<TcpStream, TcpStream>;
template class AsioQueueProxy<DuplexStream, DuplexStream>;
template class AsioQueueProxy<CachedSource, CountingSink>;

}  // namespace stream_harness
