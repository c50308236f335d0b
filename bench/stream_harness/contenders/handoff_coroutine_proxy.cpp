#include "contenders/handoff_coroutine_proxy.hpp"

#include <algorithm>
#include <asio/awaitable.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/use_awaitable.hpp>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/handoff_buffer.hpp"
#include "bytes_handoff/relay.hpp"
#include "bytes_handoff/write_handoff.hpp"

namespace stream_harness {
namespace {

using bytes_handoff::after_written;
using bytes_handoff::HandoffBuffer;
using bytes_handoff::HandoffBufferConfig;
using bytes_handoff::WriteHandoff;
using bytes_handoff::WriteHandoffConfig;

/// README's `route`, for streams of any type: what it calls `tcp::socket` is `Stream` here.
template <class Stream>
struct OfReadme {
  using Bytes = bytes_handoff::Bytes;
  using DelimiterFramer = bytes_handoff::DelimiterFramer;
  struct tcp {  // NOLINT(readability-identifier-naming): README's
    using socket = Stream;
  };
  template <class Result>
  using awaitable = net::awaitable<Result>;  // NOLINT(readability-identifier-naming): README's
  static constexpr net::use_awaitable_t<> use_awaitable{};  // NOLINT
  static constexpr bytes_handoff::MayCut may_cut{};         // NOLINT

  static
#include "readme_route.hpp"
};

HandoffBuffer make_buffer_of(const ProxyConfig& config) {
  HandoffBufferConfig buffer;
  buffer.read_reserve = config.read_bytes();
  if (config.read_block != 0) buffer.block_size = config.read_block;
  buffer.max_size = std::max(config.longest_frame(), buffer.read_reserve);
  return HandoffBuffer(buffer);
}

template <class Reader, class Writer>
class HandoffCoroutineProxy final
    : public Proxy,
      public std::enable_shared_from_this<HandoffCoroutineProxy<Reader, Writer>> {
 public:
  HandoffCoroutineProxy(Reader in, Writer out, const ProxyConfig& config, ProxyDone done)
      : in_(std::move(in)),
        buffer_(make_buffer_of(config)),
        limit_(buffer_.config().max_size),
        out_(std::move(out), queue_config(config)),
        done_(std::move(done)) {}

  void start() {
    const auto executor = in_.get_executor();
    net::co_spawn(executor, OfReadme<Reader>::route(std::move(in_), std::move(buffer_), out_),
                  net::bind_cancellation_slot(
                      stop_.slot(), [self = this->shared_from_this()](std::exception_ptr failure) {
                        self->finish(failure);
                      }));
  }

  void stop() noexcept override {
    out_.abort();
    stop_.emit(net::cancellation_type::terminal);
  }

 private:
  static WriteHandoffConfig queue_config(const ProxyConfig& config) {
    WriteHandoffConfig queue;
    queue.max_pending_bytes = config.write_pending_bytes;
    return queue;
  }

  // Does what the drop of the last handle does, which this one holds up.
  void finish(const std::exception_ptr& failure) {
    std::string error = what_went_wrong(failure);
    out_.abort(after_written);
    out_.async_closed(
        [self = this->shared_from_this(), error = std::move(error)](net_error_code) mutable {
          std::exchange(self->done_,
                        nullptr)({self->out_.statistics().written_bytes, std::move(error)});
        });
  }

  [[nodiscard]] std::string what_went_wrong(const std::exception_ptr& failure) const {
    try {
      if (failure) std::rethrow_exception(failure);
      return "";
    } catch (const net::system_error& caught) {
      if (out_.first_error()) return describe("write", out_.first_error());
      const std::string error = describe("read", caught.code());
      return caught.code() == bytes_handoff::Errc::limit_exceeded
                 ? error + ": a frame is longer than " + std::to_string(limit_) + " bytes"
                 : error;
    } catch (const std::exception& caught) {
      return caught.what();
    }
  }

  Reader in_;
  HandoffBuffer buffer_;
  std::size_t limit_;
  WriteHandoff out_;
  net::cancellation_signal stop_;
  ProxyDone done_;
};

}  // namespace

template <class Reader, class Writer>
std::shared_ptr<Proxy> start_handoff_coroutine(Reader in, Writer out, const ProxyConfig& config,
                                               ProxyDone done) {
  return make_and_start<HandoffCoroutineProxy<Reader, Writer>>(std::move(in), std::move(out),
                                                               config, std::move(done));
}

template std::shared_ptr<Proxy> start_handoff_coroutine(TcpStream, TcpStream, const ProxyConfig&,
                                                        ProxyDone);
template std::shared_ptr<Proxy> start_handoff_coroutine(DuplexStream, DuplexStream,
                                                        const ProxyConfig&, ProxyDone);
template std::shared_ptr<Proxy> start_handoff_coroutine(CachedSource, CountingSink,
                                                        const ProxyConfig&, ProxyDone);

}  // namespace stream_harness
