#include "contenders/proxy_factory.hpp"

#include <memory>
#include <stdexcept>
#include <utility>

#include "contenders/asio_queue_proxy.hpp"
#include "contenders/handoff_proxy.hpp"
#include "contenders/manual_vec_proxy.hpp"
#include "contenders/raw_copy_proxy.hpp"
#include "contenders/splice_proxy.hpp"

namespace stream_harness {
namespace {

template <template <class, class> class Contender, class Reader, class Writer>
std::shared_ptr<Proxy> start(Reader in, Writer out, const ProxyConfig& config, ProxyDone done) {
  auto proxy = std::make_shared<Contender<Reader, Writer>>(std::move(in), std::move(out), config,
                                                           std::move(done));
  proxy->start();
  return proxy;
}

template <class Reader, class Writer>
std::shared_ptr<Proxy> start_named(Implementation implementation, Reader in, Writer out,
                                   const ProxyConfig& config, ProxyDone done) {
  switch (implementation) {
    case Implementation::kHandoff:
      return start<HandoffProxy>(std::move(in), std::move(out), config, std::move(done));
    case Implementation::kManualVec:
      return start<ManualVecProxy>(std::move(in), std::move(out), config, std::move(done));
    case Implementation::kAsioQueue:
      return start<AsioQueueProxy>(std::move(in), std::move(out), config, std::move(done));
    case Implementation::kRawCopy:
      return start<RawCopyProxy>(std::move(in), std::move(out), config, std::move(done));
    case Implementation::kSplice:
      break;
  }
  throw std::invalid_argument("splice moves bytes between TCP sockets only");
}

}  // namespace

std::shared_ptr<Proxy> start_proxy(Implementation implementation, TcpStream in, TcpStream out,
                                   const ProxyConfig& config, ProxyDone done) {
  if (implementation == Implementation::kSplice) {
    auto proxy =
        std::make_shared<SpliceProxy>(std::move(in), std::move(out), config, std::move(done));
    proxy->start();
    return proxy;
  }
  return start_named(implementation, std::move(in), std::move(out), config, std::move(done));
}

std::shared_ptr<Proxy> start_proxy(Implementation implementation, DuplexStream in, DuplexStream out,
                                   const ProxyConfig& config, ProxyDone done) {
  return start_named(implementation, std::move(in), std::move(out), config, std::move(done));
}

std::shared_ptr<Proxy> start_proxy(Implementation implementation, CachedSource in, CountingSink out,
                                   const ProxyConfig& config, ProxyDone done) {
  return start_named(implementation, std::move(in), std::move(out), config, std::move(done));
}

}  // namespace stream_harness
