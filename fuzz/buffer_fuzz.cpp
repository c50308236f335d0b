// The operations of HandoffBuffer, BytesMut and Bytes, against strings.
#include "model/handoff_buffer_world.hpp"
#include "run_world.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bytes_handoff::test;
  GivenBytes from({data, size});
  BufferWorld world(from.number());
  run_world(world, from, [](GivenBytes& bytes) {
    const auto kind = any_kind<BufferOperation>(bytes);
    const bool without_memory = bytes.one_in(16);
    return BufferOperation{kind, bytes.number(), without_memory};
  });
  return 0;
}
