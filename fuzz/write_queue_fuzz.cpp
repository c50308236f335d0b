// The operations of the write queue, against its model.
#include "model/write_queue_world.hpp"
#include "run_world.hpp"

namespace bytes_handoff::test {
namespace {

QueueWorldShape any_shape(GivenBytes& from) {
  QueueWorldShape shape;
  shape.config.max_items = from.between(1, 16);
  shape.config.max_pending_bytes = from.between(1, 64);
  const std::size_t line = from.between(0, 63);  // one byte decides about both of its limits
  shape.config.max_waiters = line % 8 < 4 ? line % 8 : SIZE_MAX;
  shape.config.max_waiting_bytes = line / 8 % 2 == 0 ? SIZE_MAX : line / 16 * 8;
  shape.config.stall_timeout = std::chrono::milliseconds(from.one_in(4) ? 200 : 0);
  const std::size_t end = from.between(0, 63);  // one byte decides about both limits of an end
  shape.config.close_timeout = std::chrono::milliseconds(end % 8 * 200);
  shape.config.close_limit = std::chrono::milliseconds(end / 8 * 1000);
  shape.join_at_most = from.one_in(4) ? from.between(1, 40) : 0;
  shape.max_step_items = line / 8 % 4 == 3 ? 1 + line % 2 : detail::kMaxStepItems;
  shape.ends_cleanly = from.one_in(2);
  return shape;
}

QueueOperation any_operation(GivenBytes& from) {
  using Kind = QueueOperation::Kind;
  QueueOperation operation{any_kind<QueueOperation>(from), from.between(0, UINT8_MAX), 0};
  if (operation.kind <= Kind::kCommit || operation.kind == Kind::kReply) {
    operation.b = from.number();
  }
  return operation;
}

}  // namespace
}  // namespace bytes_handoff::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bytes_handoff::test;
  GivenBytes from({data, size});
  QueueWorld world(any_shape(from));
  run_world(world, from, any_operation);
  return 0;
}
