#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "contenders/proxy.hpp"
#include "transports/lingering.hpp"
#include "transports/stream_end.hpp"

namespace stream_harness {

/// What the contenders without the library's queue share, and what is not compared: they own two
/// streams, count what they forward, and end as the harness wants it.
template <class Reader, class Writer>
class HandWrittenProxy : public Proxy {
 public:
  void stop() noexcept override {
    close_quietly(in_);
    close_quietly(out_);
  }

 protected:
  HandWrittenProxy(Reader in, Writer out, ProxyDone done)
      : in_(std::move(in)), out_(std::move(out)), done_(std::move(done)) {}

  /// All that has come is written: shuts down `out_`, which lingers by itself.
  void finish_in_order() { finish(end_and_linger(out_)); }

  /// Ends at once. No operation may be under way.
  virtual void finish(std::string error) {
    end(std::move(error));
    report();
  }

  /// The two halves of it, for those whose operations have to complete in between.
  void end(std::string error) {
    error_ = std::move(error);
    stop();
  }
  void report() { std::exchange(done_, nullptr)({forwarded_bytes_, std::move(error_)}); }

  Reader in_;
  Writer out_;
  std::uint64_t forwarded_bytes_ = 0;

 private:
  std::string error_;
  ProxyDone done_;
};

}  // namespace stream_harness
