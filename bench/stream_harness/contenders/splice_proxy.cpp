#include "contenders/splice_proxy.hpp"

#include <asio/post.hpp>
#include <utility>

#include "transports/lingering.hpp"
#include "transports/stream_end.hpp"

namespace stream_harness {

SpliceProxy::SpliceProxy(TcpStream in, TcpStream out, const ProxyConfig& config, ProxyDone done)
    : in_(std::move(in)),
      out_(std::move(out)),
      splice_bytes_(SplicePipe::bytes_for(config.read_block)),
      pipe_(config.pipe),
      done_(std::move(done)) {}

void SpliceProxy::start() {
  net::post(in_.get_executor(), [self = shared_from_this()]() mutable {
    if (auto error = self->prepare(); !error.empty()) return self->finish(std::move(error));
    move_on(std::move(self));
  });
}

void SpliceProxy::stop() noexcept {
  close_quietly(in_);
  close_quietly(out_);
}

// The error that prevents it.
std::string SpliceProxy::prepare() {
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
void SpliceProxy::move_on(Self self) {
  SpliceProxy& me = *self;
  for (int moves = 0; moves < kMaxInlineMoves; ++moves) {
    net_error_code error;
    if (me.pipe_->held_bytes() == 0) {
      me.pipe_->fill_from(me.in_.native_handle(), me.splice_bytes_, error);
      if (error == net::error::would_block) {
        return wait(std::move(self), me.in_, TcpStream::wait_read);
      }
      if (error == net::error::eof) return me.finish(end_and_linger(me.out_));
      if (error) return me.finish(describe("read", error));
    }
    me.result_.forwarded_bytes += me.pipe_->drain_to(me.out_.native_handle(), error);
    if (error == net::error::would_block) {
      return wait(std::move(self), me.out_, TcpStream::wait_write);
    }
    if (error) return me.finish(describe("write", error));
  }
  const auto executor = me.in_.get_executor();
  net::post(executor, [self = std::move(self)]() mutable { move_on(std::move(self)); });
}

void SpliceProxy::wait(Self self, TcpStream& stream, TcpStream::wait_type what) {
  stream.async_wait(what, [self = std::move(self)](net_error_code error) mutable {
    if (error) return self->finish(describe("wait", error));
    move_on(std::move(self));
  });
}

void SpliceProxy::finish(std::string error) {
  result_.error = std::move(error);
  stop();
  if (pipe_) pipe_->close();
  std::exchange(done_, nullptr)(std::move(result_));
}

}  // namespace stream_harness
