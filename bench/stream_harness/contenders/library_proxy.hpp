#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "bytes_handoff/handoff_buffer.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "contenders/proxy.hpp"

namespace stream_harness {

/// What the contenders with the library's buffer and queue share, and what is not compared: how the
/// flags set them up, and how the harness is told the end.
template <class Reader, class Writer>
class LibraryProxy : public Proxy {
 protected:
  LibraryProxy(Reader in, Writer out, const ProxyConfig& config, ProxyDone done,
               std::size_t max_items = bytes_handoff::WriteHandoffConfig{}.max_items)
      : in_(std::move(in)),
        buffer_({.max_size = std::max(config.longest_frame(), config.read_bytes()),
                 .read_reserve = config.read_bytes(),
                 .block_size = config.block_bytes(),
                 .gather_for = config.gather_for,
                 .memory_budget = config.memory_budget}),
        out_(std::move(out), {.max_items = max_items,
                              .max_pending_bytes = config.write_pending_bytes,
                              .memory_budget = config.memory_budget}),
        done_(std::move(done)) {}

  /// Ends the queue as the drop of its last handle does, if it has not ended. Tells the harness
  /// once the queue has let go of its socket: then its descriptor is free.
  static void finish(std::shared_ptr<LibraryProxy> self, const net_error_code& error) {
    LibraryProxy& me = *self;
    std::string text = me.describe_error(error);
    me.out_.abort(bytes_handoff::after_written);
    me.out_.async_closed([self = std::move(self), text = std::move(text)](net_error_code) mutable {
      std::exchange(self->done_, nullptr)({self->out_.statistics().written_bytes, std::move(text)});
    });
  }

  Reader in_;
  bytes_handoff::HandoffBuffer buffer_;
  bytes_handoff::WriteHandoff out_;

 private:
  [[nodiscard]] std::string describe_error(const net_error_code& error) const {
    using bytes_handoff::Errc;
    if (!error) return {};
    const net_error_code of_out = out_.first_error();
    if (error == Errc::closed || error == of_out) return describe("write", of_out);
    const std::string text = describe("read", error);
    if (error != Errc::limit_exceeded) return text;
    return text + ": a frame is longer than " + std::to_string(buffer_.config().max_size) +
           " bytes";
  }

  ProxyDone done_;
};

}  // namespace stream_harness
