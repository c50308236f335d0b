// A relay from the source to a queue, or to a stream.

#include "fault/scenarios/scenarios.hpp"

namespace bytes_handoff::test {
namespace {

void start_relay(World& w, World::RelayTo to) {
  HandoffBufferConfig config;
  config.max_size = 64;
  config.read_reserve = 16;
  config.block_size = 64;
  w.open(config);
  w.relay(to);
}

constexpr Scenario kRelayScenarios[] = {
    {"a relay to a queue with room",
     [](World& w) {
       w.feed({"first", "and the second", "3"});
       w.spawn(limits(16, 200));
       start_relay(w, World::RelayTo::kQueue);
       w.settle();
     }},
    {"a relay to a queue without room",
     [](World& w) {
       w.feed({"first", "and the second", "3"});
       w.spawn(limits(2, 4));
       start_relay(w, World::RelayTo::kQueue);
       w.settle();
     }},
    {"a relay to a queue that is closed meanwhile",
     [](World& w) {
       w.feed({"first", "and the second", "3"});
       w.spawn(limits(2, 4));
       start_relay(w, World::RelayTo::kQueue);
       w.steps(6);
       w.close();
       w.settle();
     }},
    {"a relay to a stream",
     [](World& w) {
       w.feed({"first", "and the second", "3"});
       start_relay(w, World::RelayTo::kStream);
       w.settle();
     }},
    {"a relay whose source falls silent",
     [](World& w) {
       w.feed({"first", "and the second"}, false);
       start_relay(w, World::RelayTo::kStream);
       w.settle();
       w.cancel();
       w.settle();
     }},
    {"a relay that is cancelled and taken up",
     [](World& w) {
       w.feed({"first", "and the second", "3"});
       start_relay(w, World::RelayTo::kStream);
       w.steps(5);
       w.cancel();
       w.settle();
       w.relay(World::RelayTo::kStream);
       w.settle();
     }},
};

}  // namespace

std::span<const Scenario> relay_scenarios() { return kRelayScenarios; }

}  // namespace bytes_handoff::test
