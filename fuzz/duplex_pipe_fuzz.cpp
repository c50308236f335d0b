// The operations of the in-memory duplex's pipe, against a deque.
#include "model/duplex_pipe_world.hpp"
#include "run_world.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bytes_handoff::test;
  GivenBytes from({data, size});
  PipeWorld world(from.between(1, 20));
  run_world(world, from, [](GivenBytes& bytes) {
    const auto kind = any_kind<PipeOperation>(bytes);
    return PipeOperation{kind, bytes.number()};
  });
  return 0;
}
