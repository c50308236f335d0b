#include "contenders/asio_queue_proxy.hpp"

#include <asio/buffer.hpp>
#include <asio/write.hpp>
#include <deque>
#include <functional>
#include <span>
#include <string>
#include <utility>

#include "contenders/hand_written_proxy.hpp"
#include "contenders/unit_finder.hpp"
#include "transports/cached_streams.hpp"
#include "transports/streams.hpp"

namespace stream_harness {
namespace {

template <class Reader, class Writer>
class AsioQueueProxy final : public HandWrittenProxy<Reader, Writer>,
                             public std::enable_shared_from_this<AsioQueueProxy<Reader, Writer>> {
 public:
  AsioQueueProxy(Reader in, Writer out, const ProxyConfig& config, ProxyDone done)
      : HandWrittenProxy<Reader, Writer>(std::move(in), std::move(out), std::move(done)),
        read_bytes_(config.read_bytes()),
        units_(config.frame_len),
        completion_(config.completion) {}

  void start() { read(this->shared_from_this()); }

 private:
  // The operations under way own the proxy: at most one read and one write.
  using Self = std::shared_ptr<AsioQueueProxy>;

  struct Item {
    std::string bytes;
    std::function<void()> on_written;  // empty: nobody waits for it
  };

  static void read(Self self) {
    AsioQueueProxy& me = *self;
    auto inbox = net::dynamic_buffer(me.inbox_);
    const std::size_t unrouted = inbox.size();
    inbox.grow(me.read_bytes_);
    me.reading_ = true;
    me.in_.async_read_some(
        inbox.data(unrouted, me.read_bytes_),
        [self = std::move(self)](net_error_code error, std::size_t bytes) mutable {
          on_read(std::move(self), error, bytes);
        });
  }

  static void on_read(Self self, net_error_code error, std::size_t bytes) {
    AsioQueueProxy& me = *self;
    me.reading_ = false;
    net::dynamic_buffer(me.inbox_).shrink(me.read_bytes_ - bytes);
    if (me.over_) return me.report_if_over();
    me.input_ended_ = error == net::error::eof;
    if (error && !me.input_ended_) return me.finish(describe("read", error));
    me.route();
    if (me.units_.is_too_long()) return me.finish(me.units_.too_long_error());
    if (!me.writing_ && !me.outbox_.empty()) write(self);
    read_on_or_end(std::move(self));
  }

  // Queues all that is complete.
  void route() {
    auto unrouted = std::as_bytes(std::span(inbox_));
    while (const std::size_t bytes = units_.find(unrouted, input_ended_)) {
      push(unrouted.first(bytes));
      unrouted = unrouted.subspan(bytes);
    }
    net::dynamic_buffer(inbox_).consume(inbox_.size() - unrouted.size());
  }

  void push(std::span<const std::byte> unit) {
    Item& item = outbox_.emplace_back();
    item.bytes.assign(reinterpret_cast<const char*>(unit.data()), unit.size());
    if (completion_ == Completion::kFireAndForget) return;
    ++open_tickets_;
    item.on_written = [this] { --open_tickets_; };
  }

  static void write(Self self) {
    AsioQueueProxy& me = *self;
    me.writing_ = true;
    net::async_write(me.out_, net::buffer(me.outbox_.front().bytes),
                     [self = std::move(self)](net_error_code error, std::size_t written) mutable {
                       on_written(std::move(self), error, written);
                     });
  }

  static void on_written(Self self, net_error_code error, std::size_t bytes) {
    AsioQueueProxy& me = *self;
    me.writing_ = false;
    me.forwarded_bytes_ += bytes;
    if (me.over_) return me.report_if_over();
    if (error) return me.finish(describe("write", error));
    const Item written = std::move(me.outbox_.front());
    me.outbox_.pop_front();
    if (!me.outbox_.empty()) write(self);
    if (written.on_written) written.on_written();
    read_on_or_end(std::move(self));
  }

  static void read_on_or_end(Self self) {
    AsioQueueProxy& me = *self;
    if (me.reading_ || me.open_tickets_ != 0) return;
    if (!me.input_ended_) return read(std::move(self));
    if (me.outbox_.empty()) me.finish_in_order();
  }

  // Its operations may still have to complete.
  void finish(std::string error) override {
    over_ = true;
    this->end(std::move(error));
    report_if_over();
  }

  void report_if_over() {
    if (!reading_ && !writing_) this->report();
  }

  std::size_t read_bytes_;
  std::string inbox_;
  std::deque<Item> outbox_;  // the first is being written
  UnitFinder units_;
  Completion completion_;
  std::size_t open_tickets_ = 0;
  bool input_ended_ = false;
  bool reading_ = false;
  bool writing_ = false;
  bool over_ = false;
};

}  // namespace

template <class Reader, class Writer>
std::shared_ptr<Proxy> start_asio_queue(Reader in, Writer out, const ProxyConfig& config,
                                        ProxyDone done) {
  return make_and_start<AsioQueueProxy<Reader, Writer>>(std::move(in), std::move(out), config,
                                                        std::move(done));
}

template std::shared_ptr<Proxy> start_asio_queue(TcpStream, TcpStream, const ProxyConfig&,
                                                 ProxyDone);
template std::shared_ptr<Proxy> start_asio_queue(DuplexStream, DuplexStream, const ProxyConfig&,
                                                 ProxyDone);
template std::shared_ptr<Proxy> start_asio_queue(CachedSource, CountingSink, const ProxyConfig&,
                                                 ProxyDone);

}  // namespace stream_harness
