#include "bytes_handoff/core/support/counted_pointer.hpp"

#include <gtest/gtest.h>

#include <utility>

#include "bytes_handoff/core/fan_out/subscriber.hpp"

namespace bytes_handoff::detail {
namespace {

struct Pointee {
  int count = 0;
};

struct PointeeCount {
  static void add(Pointee* object) noexcept { ++object->count; }
  static void drop(Pointee* object) noexcept { --object->count; }
};

using Pointer = CountedPointer<Pointee, PointeeCount>;

TEST(CountedPointer, CountsEachCopyOnce) {
  Pointee first;
  Pointee second;
  {
    const Pointer pointer(&first);
    Pointer copy(&second);
    copy = pointer;
    EXPECT_EQ(copy.get(), &first);
    EXPECT_EQ(first.count, 2);
    EXPECT_EQ(second.count, 0) << "it was given up";
    copy = Pointer(nullptr);
    EXPECT_FALSE(copy);
    EXPECT_EQ(first.count, 1);
  }
  EXPECT_EQ(first.count, 0);
}

TEST(CountedPointer, CountsOneMoreForAReference) {
  Pointee object;
  {
    const Pointer pointer(object);
    EXPECT_EQ(pointer.get(), &object);
    EXPECT_EQ(object.count, 1);
  }
  EXPECT_EQ(object.count, 0);
}

TEST(CountedPointer, KeepsWhatIsAssignedToItself) {
  Pointee object;
  Pointer pointer(&object);
  const Pointer& same = pointer;
  pointer = same;
  EXPECT_EQ(pointer.get(), &object);
  EXPECT_EQ(object.count, 1);
}

TEST(CountedPointer, WhatItReleasesStaysCountedUntilItIsAdopted) {
  Pointee object;
  Pointer pointer(&object);
  Pointee* const released = pointer.release();
  EXPECT_EQ(pointer.get(), nullptr);
  EXPECT_EQ(object.count, 1);
  { const Pointer adopted = Pointer::adopt(released); }
  EXPECT_EQ(object.count, 0);
}

/// Asks for one more reference when its last one has gone.
class AskedAtItsEnd final : public CountedObject {
 public:
  explicit AskedAtItsEnd(bool& was_given) noexcept : was_given_(was_given) {}

 private:
  ~AskedAtItsEnd() override { was_given_ = try_add_reference(); }
  bool& was_given_;
};

TEST(CountedObject, GivesNoReferenceOnceItIsBeingDestroyed) {
  bool was_given = true;
  auto* const object = new AskedAtItsEnd(was_given);
  ASSERT_TRUE(object->try_add_reference());
  object->drop_reference();
  EXPECT_TRUE(was_given) << "one reference is left";
  object->drop_reference();
  EXPECT_FALSE(was_given);
}

}  // namespace
}  // namespace bytes_handoff::detail
