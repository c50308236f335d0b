#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "delivery.hpp"
#include "stream_end.hpp"
#include "streams.hpp"
#include "workload.hpp"

namespace stream_harness {

/// Writes one connection's payload in fragments, one write each, then shuts down its sending side
/// and closes once all is delivered. Made with std::make_shared; keeps itself alive until it has
/// called `done`, once, with what went wrong (empty: nothing).
template <class Stream>
class Client : public std::enable_shared_from_this<Client<Stream>> {
 public:
  using Done = std::function<void(std::string error)>;

  Client(Stream stream, PayloadCursor payload, std::size_t fragment_bytes, Done done)
      : stream_(std::move(stream)),
        payload_(std::move(payload)),
        fragment_bytes_(fragment_bytes),
        done_(std::move(done)) {}

  void start() { write_fragment(this->shared_from_this()); }

 private:
  // The operation under way owns the client; each step passes it on to the next.
  using Self = std::shared_ptr<Client>;

  static void write_fragment(Self self) {
    Client& me = *self;
    const PayloadPiece& piece = me.payload_.next(me.fragment_bytes_);
    if (piece.bytes() == 0) return end(std::move(self));
    me.first_ = 0;
    me.count_ = piece.buffers().size();
    std::transform(piece.buffers().begin(), piece.buffers().end(), me.unwritten_.begin(),
                   [](auto bytes) { return net::const_buffer(bytes.data(), bytes.size()); });
    write_rest(std::move(self));
  }

  static void write_rest(Self self) {
    Client& me = *self;
    auto on_written = [self = std::move(self)](net_error_code error, std::size_t bytes) mutable {
      Client& writer = *self;
      if (error) return writer.finish(describe("write", error));
      writer.consume(bytes);
      if (writer.first_ < writer.count_) return write_rest(std::move(self));
      write_fragment(std::move(self));
    };
    // A single buffer takes the cheaper system call.
    if (me.count_ - me.first_ == 1) {
      me.stream_.async_write_some(me.unwritten_[me.first_], std::move(on_written));
    } else {
      const std::span<const net::const_buffer> all(me.unwritten_);
      me.stream_.async_write_some(all.subspan(me.first_, me.count_ - me.first_),
                                  std::move(on_written));
    }
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
};

}  // namespace stream_harness
