#include <utility>

#include "bytes_handoff/relay.hpp"
#include "bytes_handoff/testing/duplex.hpp"
#include "tokens/relaying/small_ends.hpp"
#include "tokens/run_case.hpp"

namespace bytes_handoff::test {
namespace {

template <class Out>
class RelayOperation : public SmallEnds<Out> {
 public:
  using SmallEnds<Out>::SmallEnds;

  template <class Token>
  auto start(Token&& token) {
    const RelayOptions options{.progress = &this->progress_};
    return async_relay(*this->buffer_, *this->a_, *this->b_, options, std::forward<Token>(token));
  }
};

TEST(Tokens, async_relay) {
  run_operation<RelayOperation<DuplexStream>>("async_relay");
  run_operation<RelayOperation<WriteHandoff>>("async_relay_to_a_queue");
}

}  // namespace
}  // namespace bytes_handoff::test
