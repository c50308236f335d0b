#include "bytes_handoff/core/fan_out/subscriber.hpp"

#include <gtest/gtest.h>

#include <optional>

namespace bytes_handoff::test {
namespace {

/// Notes whether it could be held while it was destroyed.
struct HeldAtItsEnd final : detail::CountedObject {
  explicit HeldAtItsEnd(std::optional<bool>& into) : held(&into) {}
  ~HeldAtItsEnd() override { *held = try_add_reference(); }

  std::optional<bool>* held;
};

TEST(CountedObject, is_held_until_its_last_reference_is_dropped) {
  std::optional<bool> held;
  auto* const object = new HeldAtItsEnd(held);
  EXPECT_TRUE(object->try_add_reference());
  object->drop_reference();
  EXPECT_FALSE(held.has_value()) << "destroyed with a reference left";
  object->drop_reference();
  EXPECT_EQ(held, false) << "not destroyed, or held behind its end";
}

}  // namespace
}  // namespace bytes_handoff::test
