#include "contenders/handoff_proxy.hpp"

#include <cstddef>
#include <utility>
#include <vector>

#include "bytes_handoff.hpp"
#include "contenders/library_proxy.hpp"
#include "workload/payload_shape.hpp"

namespace stream_harness {
namespace {

using namespace bytes_handoff;  // NOLINT(google-build-using-namespace): it is about these names

constexpr std::size_t kMaxBurst = 512;  // slices of one submission, and items that may be pending

template <class Reader, class Writer>
class HandoffProxy final : public LibraryProxy<Reader, Writer> {
  // The operation under way owns the proxy; each step passes it on to the next.
  using Self = std::shared_ptr<HandoffProxy>;

 public:
  HandoffProxy(Reader in, Writer out, const ProxyConfig& config, ProxyDone done)
      : LibraryProxy<Reader, Writer>(std::move(in), std::move(out), config, std::move(done),
                                     kMaxBurst),
        most_pending_(config.write_pending_bytes),
        has_tickets_(config.completion == Completion::kTicket) {}

  static void start(Self self) { wait_for_frames(std::move(self)); }

  void stop() noexcept override {
    this->out_.abort();
    close_quietly(this->in_);
  }

 private:
  static void wait_for_frames(Self self) {
    HandoffProxy& me = *self;
    me.buffer_.async_wait_frame(
        me.in_, me.lines_, [self = std::move(self)](net_error_code error, std::size_t n) mutable {
          const bool is_end = n == 0 && (!error || error == Errc::truncated_frame);
          if (is_end) return relay(std::move(self));
          if (error) return end(std::move(self), error);
          send_frames(std::move(self));
        });
  }

  // All frames of a read in one submission. What has no room now waits for it.
  static void send_frames(Self self) {
    HandoffProxy& me = *self;
    for (Bytes& frame : me.buffer_.frames(me.lines_)) {
      me.is_tunnel_ = frame.view() == kMarkerLine;
      me.burst_.push_back(std::move(frame));
      if (me.is_tunnel_ || me.burst_.size() == kMaxBurst) break;
    }
    if (me.is_tunnel_) me.burst_.push_back(me.buffer_.freeze_all());
    if (auto ticket = me.out_.try_write(me.burst_)) {
      return on_admitted(std::move(self), std::move(*ticket));
    }
    me.out_.async_send(me.burst_, may_cut,
                       [self = std::move(self)](net_error_code error, std::size_t) mutable {
                         if (error) return end(std::move(self), error);
                         on_admitted(std::move(self));
                       });
  }

  // Reads on if the budget has room for a block more: what is pending keeps the one that was read
  // into. With tickets it waits until all is written. No ticket: the submission has waited.
  static void on_admitted(Self self, WriteTicket ticket = {}) {
    HandoffProxy& me = *self;
    me.burst_.clear();
    const bool has_ticket = me.has_tickets_ && ticket.valid();
    if (has_ticket ? ticket.is_done() : me.has_budget_for_a_block()) {
      return go_on(std::move(self));
    }
    auto then = [self = std::move(self)](net_error_code error, std::size_t = 0) mutable {
      if (error) return end(std::move(self), error);
      go_on(std::move(self));
    };
    has_ticket ? ticket.async_wait(std::move(then)) : me.out_.async_flush(std::move(then));
  }

  [[nodiscard]] bool has_budget_for_a_block() const {
    const std::size_t pending = this->out_.pending_bytes();
    return pending == 0 || pending + this->buffer_.config().block_size <= most_pending_;
  }

  static void go_on(Self self) {
    self->is_tunnel_ ? relay(std::move(self)) : wait_for_frames(std::move(self));
  }

  // What is buffered, then all that comes; then the end.
  static void relay(Self self) {
    HandoffProxy& me = *self;
    async_relay(me.buffer_, me.in_, me.out_,
                [self = std::move(self)](net_error_code error, RelayCounts) mutable {
                  end(std::move(self), error);
                });
  }

  static void end(Self self, const net_error_code& error) {
    self->stop();
    HandoffProxy::finish(std::move(self), error);
  }

  const std::size_t most_pending_;
  DelimiterFramer lines_{"\n", {.keep_delimiter = true}};
  std::vector<Bytes> burst_;
  const bool has_tickets_;
  bool is_tunnel_ = false;
};

}  // namespace

template <class Reader, class Writer>
std::shared_ptr<Proxy> start_handoff(Reader in, Writer out, const ProxyConfig& config,
                                     ProxyDone done) {
  using Contender = HandoffProxy<Reader, Writer>;
  auto proxy = std::make_shared<Contender>(std::move(in), std::move(out), config, std::move(done));
  Contender::start(proxy);
  return proxy;
}

template std::shared_ptr<Proxy> start_handoff(TcpStream, TcpStream, const ProxyConfig&, ProxyDone);
template std::shared_ptr<Proxy> start_handoff(DuplexStream, DuplexStream, const ProxyConfig&,
                                              ProxyDone);
template std::shared_ptr<Proxy> start_handoff(CachedSource, CountingSink, const ProxyConfig&,
                                              ProxyDone);

}  // namespace stream_harness
