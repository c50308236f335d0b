#include <chrono>
#include <optional>
#include <utility>

#include "bytes_handoff/testing/duplex.hpp"
#include "bytes_handoff/tunnel.hpp"
#include "tokens/relaying/small_ends.hpp"
#include "tokens/run_case.hpp"

namespace bytes_handoff::test {
namespace {

class TunnelOperation : public SmallEnds<DuplexStream> {
 public:
  using SmallEnds<DuplexStream>::SmallEnds;

  void let_go() {
    SmallEnds<DuplexStream>::let_go();
    back_.reset();
  }
  template <class Token>
  auto start(Token&& token) {
    const TunnelOptions options{.idle_timeout = std::chrono::hours(1), .a_to_b = &progress_};
    return async_tunnel(TunnelEnd(*buffer_, *a_), TunnelEnd(*back_, *b_), options,
                        std::forward<Token>(token));
  }

 private:
  std::optional<HandoffBuffer> back_{std::in_place};
};

TEST(Tokens, async_tunnel) { run_operation<TunnelOperation>("async_tunnel"); }

}  // namespace
}  // namespace bytes_handoff::test
