// The operations of a fan-out and of its subscribers' queues, against its model.
#include "model/fan_out_world.hpp"
#include "run_world.hpp"

namespace bytes_handoff::test {
namespace {

FanOutShape any_shape(GivenBytes& from) {
  FanOutShape shape;
  shape.config.max_bytes = from.between(1, 100);
  shape.config.max_entries = from.between(1, 30);
  shape.is_eager = from.one_in(2);
  return shape;
}

}  // namespace
}  // namespace bytes_handoff::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bytes_handoff::test;
  GivenBytes from({data, size});
  FanOutWorld world(any_shape(from));
  run_world(world, from, [](GivenBytes& bytes) {
    const auto kind = any_kind<FanOutOperation>(bytes);
    return FanOutOperation{kind, bytes.number()};
  });
  return 0;
}
