#include "contenders/start_proxy.hpp"

#include <stdexcept>
#include <type_traits>
#include <utility>

#include "contenders/asio_queue_proxy.hpp"
#include "contenders/handoff_coroutine_proxy.hpp"
#include "contenders/handoff_proxy.hpp"
#include "contenders/manual_vec_proxy.hpp"
#include "contenders/raw_copy_proxy.hpp"
#include "contenders/splice_proxy.hpp"
#include "transports/cached_streams.hpp"
#include "transports/streams.hpp"

namespace stream_harness {

ProxyConfig proxy_config(const Options& options) {
  return {options.read_reserve, options.write_pending_bytes, options.frame_len,
          options.completion,   options.read_block,          options.gather_for};
}

template <class Reader, class Writer>
std::shared_ptr<Proxy> start_proxy(Implementation implementation, Reader in, Writer out,
                                   const ProxyConfig& config, ProxyDone done) {
  switch (implementation) {
    case Implementation::kHandoff:
      return start_handoff(std::move(in), std::move(out), config, std::move(done));
    case Implementation::kManualVec:
      return start_manual_vec(std::move(in), std::move(out), config, std::move(done));
    case Implementation::kHandoffCoroutine:
      return start_handoff_coroutine(std::move(in), std::move(out), config, std::move(done));
    case Implementation::kAsioQueue:
      return start_asio_queue(std::move(in), std::move(out), config, std::move(done));
    case Implementation::kRawCopy:
      return start_raw_copy(std::move(in), std::move(out), config, std::move(done));
    case Implementation::kSplice:
      if constexpr (std::is_same_v<Reader, TcpStream>) {
        return start_splice(std::move(in), std::move(out), config, std::move(done));
      }
      break;
  }
  throw std::invalid_argument("splice moves bytes between TCP sockets only");
}

template std::shared_ptr<Proxy> start_proxy(Implementation, TcpStream, TcpStream,
                                            const ProxyConfig&, ProxyDone);
template std::shared_ptr<Proxy> start_proxy(Implementation, DuplexStream, DuplexStream,
                                            const ProxyConfig&, ProxyDone);
template std::shared_ptr<Proxy> start_proxy(Implementation, CachedSource, CountingSink,
                                            const ProxyConfig&, ProxyDone);

}  // namespace stream_harness
