// Bytes that somebody else's object holds: containers, and owners of any kind.
#include <gtest/gtest.h>

#include <array>
#include <list>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bytes_handoff/bytes.hpp"
#include "support/memory/allocation_counter.hpp"
#include "support/pattern.hpp"

namespace bytes_handoff {
namespace {

using test::pattern;

TEST(Bytes, AnOwnedContainerIsTakenInWithoutACopyOfItsBytes) {
  std::string text = pattern(1000);
  const std::string expected = text;
  const void* place = text.data();
  test::AllocationScope counted;
  const Bytes bytes = Bytes::from_owner(std::move(text));
  EXPECT_EQ(counted.allocations(), 1U);
  EXPECT_EQ(static_cast<const void*>(bytes.data()), place);
  EXPECT_EQ(bytes.view(), expected);
}

TEST(Bytes, AShortStringStaysValidInsideItsOwner) {
  Bytes bytes = Bytes::from_owner(std::string("tiny"));
  const Bytes moved = std::move(bytes);
  EXPECT_EQ(moved.view(), "tiny");
}

TEST(Bytes, VectorsAndArraysOfEachKindOfByteAreOwners) {
  EXPECT_EQ(Bytes::from_owner(std::vector<char>{'a', 'b'}).view(), "ab");
  EXPECT_EQ(Bytes::from_owner(std::vector<unsigned char>{'a', 'b'}).view(), "ab");
  EXPECT_EQ(Bytes::from_owner(std::vector<std::byte>{std::byte{'a'}}).view(), "a");
  EXPECT_EQ(Bytes::from_owner(std::array<char, 3>{'x', 'y', 'z'}).view(), "xyz");
  EXPECT_TRUE(Bytes::from_owner(std::vector<char>()).empty());
}

template <class T>
concept CanOwn = requires(T value) {
  Bytes::from_owner(std::forward<T>(value));
};

static_assert(CanOwn<std::string>);
static_assert(!CanOwn<std::string&>, "a container is moved in, never copied by accident");
static_assert(!CanOwn<const std::string>);
static_assert(!CanOwn<std::string_view>, "a view owns nothing");
static_assert(!CanOwn<std::span<const std::byte>>);
static_assert(!CanOwn<std::vector<int>>);
static_assert(!CanOwn<std::list<char>>);

struct Traced : std::vector<char> {
  Traced(std::vector<char> from, int* destroyed) : vector(std::move(from)), destroyed_(destroyed) {}
  Traced(Traced&& other) noexcept
      : vector(std::move(other)), destroyed_(std::exchange(other.destroyed_, nullptr)) {}
  Traced& operator=(Traced&&) = default;
  ~Traced() {
    if (destroyed_ != nullptr) ++*destroyed_;
  }

 private:
  int* destroyed_;
};

TEST(Bytes, AForeignOwnerIsDestroyedOnceWithTheLastSlice) {
  int destroyed = 0;
  Bytes whole = Bytes::from_owner(Traced({'a', 'b', 'c'}, &destroyed));
  Bytes part = whole.slice(1, 1).value();
  Bytes copy = part;
  whole.clear();
  part.clear();
  EXPECT_EQ(destroyed, 0);
  EXPECT_EQ(copy.view(), "b");
  copy.clear();
  EXPECT_EQ(destroyed, 1);
}

TEST(Bytes, AnOwnerOfAnyKindKeepsBytesThatAreNotItsOwnElements) {
  const auto memory = std::make_shared<std::vector<std::byte>>(100, std::byte{'m'});
  Bytes bytes = Bytes::from_owner(std::shared_ptr(memory), std::span(*memory).subspan(10, 3));
  EXPECT_EQ(bytes.view(), "mmm");
  EXPECT_EQ(bytes.data(), memory->data() + 10) << "copied";
  EXPECT_EQ(memory.use_count(), 2);
  Bytes part = bytes.slice(1, 1).value();
  bytes.clear();
  EXPECT_EQ(memory.use_count(), 2);
  part.clear();
  EXPECT_EQ(memory.use_count(), 1);
}

TEST(Bytes, AnOwnerWithoutBytesGoesAtOnce) {
  const auto memory = std::make_shared<int>(1);
  EXPECT_TRUE(Bytes::from_owner(std::shared_ptr(memory), {}).empty());
  EXPECT_EQ(memory.use_count(), 1);
}

TEST(Bytes, WhenAnOwnerCannotBeTakenInItIsUntouched) {
  std::string text = pattern(100);
  const std::string expected = text;
  {
    test::FailingAllocations no_memory;
    EXPECT_THROW(static_cast<void>(Bytes::from_owner(std::move(text))), std::bad_alloc);
  }
  EXPECT_EQ(text, expected);  // NOLINT(bugprone-use-after-move): that is what is promised
}

TEST(Bytes, AContainerWithoutBytesGoesAtOnce) {
  int destroyed = 0;
  Traced empty({}, &destroyed);
  EXPECT_TRUE(Bytes::from_owner(std::move(empty)).empty());
  EXPECT_EQ(destroyed, 1);
}

// Its bytes cannot be told once it has been moved.
struct ShyAfterAMove : Traced {
  using Traced::Traced;
  ShyAfterAMove(ShyAfterAMove&& other) noexcept : Traced(std::move(other)), is_shy_(true) {}
  ShyAfterAMove& operator=(ShyAfterAMove&&) = default;
  [[nodiscard]] char* data() { return vector::data(); }
  [[nodiscard]] const char* data() const {
    return is_shy_ ? throw std::runtime_error("shy") : vector::data();
  }

 private:
  bool is_shy_ = false;
};

TEST(Bytes, AnOwnerThatThrowsWhenAskedForItsBytesIsDestroyedOnce) {
  int destroyed = 0;
  {
    ShyAfterAMove owner({'a', 'b'}, &destroyed);
    EXPECT_THROW(static_cast<void>(Bytes::from_owner(std::move(owner))), std::runtime_error);
    EXPECT_EQ(destroyed, 1);
  }
  EXPECT_EQ(destroyed, 1);
}

}  // namespace
}  // namespace bytes_handoff
