#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "bytes_handoff/memory.hpp"
#include "command_line/options.hpp"
#include "transports/cached_streams.hpp"
#include "transports/stream_end.hpp"
#include "transports/streams.hpp"

namespace stream_harness {

class SplicePipe;

// A contender is a proxy and the function that starts it:
//
//   template <class Reader, class Writer>
//   std::shared_ptr<Proxy> start_NAME(Reader in, Writer out, const ProxyConfig& config,
//                                     ProxyDone done);
//
// The proxy owns both streams, keeps itself alive until it has ended, closes them, and then calls
// `done` once. It forwards from `in` to `out`. When `in` has ended and all is written it shuts down
// `out`, and has ended then; a socket lingers behind it. It does not look at what the reader of
// `out` sends.

struct ProxyConfig {
  std::size_t read_reserve = 0;  ///< the least room of a read, where there is no `read_block`
  std::size_t write_pending_bytes = 0;
  std::size_t frame_len = 0;  ///< the longest frame that must fit, before its newline
  Completion completion = Completion::kTicket;
  std::size_t read_block = 0;  ///< the room of every read; 0: what each contender has by itself
  std::chrono::microseconds gather_for{0};      ///< for `handoff`
  std::shared_ptr<SplicePipe> pipe = nullptr;   ///< for `splice`, where it was made beforehand
  bytes_handoff::MemoryBudget memory_budget{};  ///< for `handoff`, of all connections

  /// An unfinished frame, its newline included, may grow to this.
  [[nodiscard]] std::size_t longest_frame() const noexcept {
    return frame_len < kLeastLongestFrame ? kLeastLongestFrame : frame_len + (frame_len < SIZE_MAX);
  }
  static constexpr std::size_t kLeastLongestFrame = std::size_t{1} << 20;

  /// The block of a buffer of the library's.
  [[nodiscard]] std::size_t block_bytes() const noexcept {
    return read_block != 0 ? read_block : std::max(kUsualBlockBytes, read_reserve);
  }
  static constexpr std::size_t kUsualBlockBytes = 65536;

  /// The room of a read, for those that read into a buffer of a fixed size.
  [[nodiscard]] std::size_t read_bytes() const noexcept {
    return read_block != 0 ? read_block : read_reserve;
  }
};

struct ProxyResult {
  std::uint64_t forwarded_bytes = 0;  ///< written to `out`
  std::string error;                  ///< empty: the connection ended in order
};

using ProxyDone = std::function<void(ProxyResult)>;

/// A proxy that was started. Used on its streams' executor.
class Proxy {
 public:
  virtual ~Proxy() = default;

  /// Ends it before its time: it ends with an error, after this function has returned, and nothing
  /// more is forwarded. Does nothing when it has ended.
  virtual void stop() noexcept = 0;
};

/// Makes a contender, with these arguments, and starts it.
template <class Contender, class... Args>
[[nodiscard]] std::shared_ptr<Proxy> make_and_start(Args&&... args) {
  auto proxy = std::make_shared<Contender>(std::forward<Args>(args)...);
  proxy->start();
  return proxy;
}

}  // namespace stream_harness
