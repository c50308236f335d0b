#include "contenders/splice_proxy.hpp"

#include <asio/post.hpp>
#include <string>
#include <utility>

#include "contenders/hand_written_proxy.hpp"
#include "contenders/splice_pipe.hpp"

namespace stream_harness {
namespace {

constexpr int kMaxInlineMoves = 16;

class SpliceProxy final : public HandWrittenProxy<TcpStream, TcpStream>,
                          public std::enable_shared_from_this<SpliceProxy> {
 public:
  SpliceProxy(TcpStream in, TcpStream out, const ProxyConfig& config, ProxyDone done)
      : HandWrittenProxy(std::move(in), std::move(out), std::move(done)),
        splice_bytes_(SplicePipe::bytes_for(config.read_block)),
        pipe_(config.pipe) {}

  void start() {
    net::post(in_.get_executor(), [self = shared_from_this()]() mutable {
      if (auto error = self->prepare(); !error.empty()) return self->finish(std::move(error));
      move_on(std::move(self));
    });
  }

 private:
  // The operation under way owns the proxy; each step passes it on to the next.
  using Self = std::shared_ptr<SpliceProxy>;

  // The error that prevents it.
  [[nodiscard]] std::string prepare() {
    net_error_code error;
    in_.non_blocking(true, error);
    if (!error) out_.non_blocking(true, error);
    if (error) return describe("non-blocking mode", error);
    if (!pipe_) pipe_ = std::make_shared<SplicePipe>();
    if (!pipe_->is_open()) error = pipe_->open(splice_bytes_);
    return error ? describe("pipe", error) : std::string();
  }

  // Moves bytes until one of the sockets makes it wait, or others must have their turn. The pipe is
  // filled only when it is empty, so a fill that would block means that nothing has come.
  static void move_on(Self self) {
    SpliceProxy& me = *self;
    for (int moves = 0; moves < kMaxInlineMoves; ++moves) {
      net_error_code error;
      if (me.pipe_->held_bytes() == 0) {
        me.pipe_->fill_from(me.in_.native_handle(), me.splice_bytes_, error);
        if (error == net::error::would_block) {
          return wait(std::move(self), me.in_, TcpStream::wait_read);
        }
        if (error == net::error::eof) return me.finish_in_order();
        if (error) return me.finish(describe("read", error));
      }
      me.forwarded_bytes_ += me.pipe_->drain_to(me.out_.native_handle(), error);
      if (error == net::error::would_block) {
        return wait(std::move(self), me.out_, TcpStream::wait_write);
      }
      if (error) return me.finish(describe("write", error));
    }
    const auto executor = me.in_.get_executor();
    net::post(executor, [self = std::move(self)]() mutable { move_on(std::move(self)); });
  }

  static void wait(Self self, TcpStream& stream, TcpStream::wait_type what) {
    stream.async_wait(what, [self = std::move(self)](net_error_code error) mutable {
      if (error) return self->finish(describe("wait", error));
      move_on(std::move(self));
    });
  }

  // Descriptors are free when it is told.
  void finish(std::string error) override {
    if (pipe_) pipe_->close();
    HandWrittenProxy::finish(std::move(error));
  }

  std::size_t splice_bytes_;
  std::shared_ptr<SplicePipe> pipe_;
};

}  // namespace

std::shared_ptr<Proxy> start_splice(TcpStream in, TcpStream out, const ProxyConfig& config,
                                    ProxyDone done) {
  return make_and_start<SpliceProxy>(std::move(in), std::move(out), config, std::move(done));
}

}  // namespace stream_harness
