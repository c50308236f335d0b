#include "contenders/handoff_coroutine_proxy.hpp"

#include <asio/use_awaitable.hpp>
#include <utility>
#include <vector>

#include "bytes_handoff.hpp"
#include "contenders/coroutine_proxy.hpp"

namespace stream_harness {
namespace {

using namespace bytes_handoff;  // NOLINT(google-build-using-namespace): the names of README
using net::awaitable;
using net::use_awaitable;

/// README's `route`, for streams of any type: what it calls `tcp::socket` is `Stream` here.
template <class Stream>
struct OfReadme {
  struct tcp {  // NOLINT(readability-identifier-naming)
    using socket = Stream;
  };
  static
#include "readme_route.hpp"
};

}  // namespace

template <class Reader, class Writer>
std::shared_ptr<Proxy> start_handoff_coroutine(Reader in, Writer out, const ProxyConfig& config,
                                               ProxyDone done) {
  return make_and_start<CoroutineProxy<Reader, Writer>>(std::move(in), std::move(out), config,
                                                        std::move(done), OfReadme<Reader>::route);
}

template std::shared_ptr<Proxy> start_handoff_coroutine(TcpStream, TcpStream, const ProxyConfig&,
                                                        ProxyDone);
template std::shared_ptr<Proxy> start_handoff_coroutine(DuplexStream, DuplexStream,
                                                        const ProxyConfig&, ProxyDone);
template std::shared_ptr<Proxy> start_handoff_coroutine(CachedSource, CountingSink,
                                                        const ProxyConfig&, ProxyDone);

}  // namespace stream_harness
