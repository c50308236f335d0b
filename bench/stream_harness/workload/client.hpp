#pragma once

#include <algorithm>
#include <array>
#include <asio/post.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include "transports/lingering.hpp"
#include "transports/stream_end.hpp"
#include "transports/streams.hpp"
#include "workload/workload.hpp"

namespace stream_harness {

/// Writes one connection's payload in fragments, then shuts down its sending side and closes once
/// the peer has ended too. Each write offers the stream a whole fragment, in one call; what a
/// stream does not take of it is offered again, alone. It writes on for as long as the stream takes
/// whole fragments at once, and lets others have a turn now and then. Made with std::make_shared;
/// keeps itself alive until it has called `done`, once, with what went wrong (empty: nothing).
template <class Stream>
class Client : public std::enable_shared_from_this<Client<Stream>> {
 public:
  using Done = std::function<void(std::string error)>;
  using Sent = std::function<void()>;

  /// `sent`, if there is one, is called when the stream has taken the last byte; not after an
  /// error.
  Client(Stream stream, PayloadCursor payload, std::size_t fragment_bytes, Done done,
         Sent sent = nullptr)
      : stream_(std::move(stream)),
        payload_(std::move(payload)),
        fragment_bytes_(fragment_bytes),
        done_(std::move(done)),
        sent_(std::move(sent)) {}

  void start() {
    net_error_code error;
    stream_.non_blocking(true, error);
    if (error) return finish(describe("write", error));
    write_on(this->shared_from_this());
  }

 private:
  // The operation under way owns the client; each step passes it on to the next.
  using Self = std::shared_ptr<Client>;

  static constexpr unsigned kMaxWritesATurn = 128;
  // In memory the peer takes nothing before this turn is over, and what lies about until then only
  // falls out of the cache. A socket's peer is at work meanwhile.
  static constexpr std::size_t kMaxBytesATurn =
      std::is_same_v<Stream, DuplexStream> ? std::size_t{16} * 1024 : SIZE_MAX;

  static void write_on(Self self) {
    Client& me = *self;
    std::size_t written = 0;
    for (unsigned writes = 0; writes < kMaxWritesATurn && written < kMaxBytesATurn; ++writes) {
      if (me.first_ == me.count_ && !me.take_fragment()) return end(std::move(self));
      net_error_code error;
      const std::size_t bytes = me.write([&](const auto& buffers) {  //
        return me.stream_.write_some(buffers, error);
      });
      if (error) {
        if (error == net::error::interrupted) continue;
        if (error == net::error::would_block) return wait_and_write(std::move(self));
        return me.finish(describe("write", error));
      }
      me.consume(bytes);
      written += bytes;
    }
    net::post(me.stream_.get_executor(),
              [self = std::move(self)]() mutable { write_on(std::move(self)); });
  }

  static void wait_and_write(Self self) {
    Client& me = *self;
    me.write([&](const auto& buffers) {
      me.stream_.async_write_some(
          buffers, [self = std::move(self)](net_error_code error, std::size_t bytes) mutable {
            if (error) return self->finish(describe("write", error));
            self->consume(bytes);
            write_on(std::move(self));
          });
    });
  }

  // False behind the last one.
  bool take_fragment() {
    const PayloadPiece& piece = payload_.next(fragment_bytes_);
    first_ = 0;
    count_ = piece.buffers().size();
    std::transform(piece.buffers().begin(), piece.buffers().end(), unwritten_.begin(),
                   [](auto bytes) { return net::const_buffer(bytes.data(), bytes.size()); });
    return count_ != 0;
  }

  // A single buffer takes the cheaper system call.
  template <class Write>
  auto write(Write write) {
    if (count_ - first_ == 1) return write(unwritten_[first_]);
    return write(std::span<const net::const_buffer>(unwritten_).subspan(first_, count_ - first_));
  }

  void consume(std::size_t bytes) {
    while (first_ < count_ && bytes >= unwritten_[first_].size()) {
      bytes -= unwritten_[first_].size();
      ++first_;
    }
    if (first_ < count_) unwritten_[first_] += bytes;
  }

  static void end(Self self) {
    Client& me = *self;
    if (me.sent_) std::exchange(me.sent_, nullptr)();
    async_end_sending(me.stream_, [self = std::move(self)](std::string error) {
      self->finish(std::move(error));
    });
  }

  void finish(std::string error) {
    close_quietly(stream_);
    std::exchange(done_, nullptr)(std::move(error));
  }

  Stream stream_;
  PayloadCursor payload_;
  std::size_t fragment_bytes_;
  std::array<net::const_buffer, PayloadPiece::kMaxBuffers> unwritten_;
  std::size_t first_ = 0;
  std::size_t count_ = 0;
  Done done_;
  Sent sent_;
};

}  // namespace stream_harness
