// What becomes of the steps of a relay, against its promises.
#include "model/relaying/relay_world.hpp"
#include "run_world.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bytes_handoff::test;
  GivenBytes from({data, size});
  const RelayShape shape = any_relay_shape(from);
  RelayWorld world(shape, static_cast<RelayWorld::Finish>(from.between(0, 2)));
  run_world(world, from, [](GivenBytes& bytes) {
    const auto kind = any_kind<RelayOperation>(bytes);
    return RelayOperation{kind, bytes.number()};
  });
  return 0;
}
