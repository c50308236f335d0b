#include "proxy_factory.hpp"

#include <memory>
#include <utility>

#include "handoff_proxy.hpp"
#include "manual_vec_proxy.hpp"
#include "raw_copy_proxy.hpp"

namespace stream_harness {
namespace {

template <template <class, class> class Proxy, class Stream>
void start(Stream in, Stream out, const ProxyConfig& config, ProxyDone done) {
  std::make_shared<Proxy<Stream, Stream>>(std::move(in), std::move(out), config, std::move(done))
      ->start();
}

template <class Stream>
void start_named(Implementation implementation, Stream in, Stream out, const ProxyConfig& config,
                 ProxyDone done) {
  switch (implementation) {
    case Implementation::kHandoff:
      return start<HandoffProxy>(std::move(in), std::move(out), config, std::move(done));
    case Implementation::kManualVec:
      return start<ManualVecProxy>(std::move(in), std::move(out), config, std::move(done));
    case Implementation::kRawCopy:
      return start<RawCopyProxy>(std::move(in), std::move(out), config, std::move(done));
  }
}

}  // namespace

void start_proxy(Implementation implementation, TcpStream in, TcpStream out,
                 const ProxyConfig& config, ProxyDone done) {
  start_named(implementation, std::move(in), std::move(out), config, std::move(done));
}

void start_proxy(Implementation implementation, DuplexStream in, DuplexStream out,
                 const ProxyConfig& config, ProxyDone done) {
  start_named(implementation, std::move(in), std::move(out), config, std::move(done));
}

}  // namespace stream_harness
