// What becomes of the steps of a tunnel's two ways, against its promises.
#include "model/relaying/tunnel_world.hpp"
#include "run_world.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bytes_handoff::test;
  GivenBytes from({data, size});
  TunnelWorld world(any_tunnel_shape(from));
  run_world(world, from, [](GivenBytes& bytes) {
    const auto kind = any_kind<TunnelOperation>(bytes);
    return TunnelOperation{kind, bytes.number()};
  });
  return 0;
}
