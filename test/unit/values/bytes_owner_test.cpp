// Bytes that somebody else's object holds: containers, and owners of any kind.
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <list>
#include <memory>
#include <memory_resource>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/bytes/into_container.hpp"
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

// A container that is more than a small string, with room.
std::string roomy_text() {
  std::string text = pattern(1000);
  text.reserve(5000);
  return text;
}

TEST(IntoContainer, GivesBackTheContainerThatNobodyElseHolds) {
  std::string text = roomy_text();
  const std::string expected = text;
  const char* const place = text.data();
  const std::size_t capacity = text.capacity();
  Bytes bytes = Bytes::from_owner(std::move(text));
  Bytes part = bytes.slice(10, 10).value();
  part.clear();
  test::AllocationScope counted;
  const std::string back = into_container<std::string>(std::move(bytes));
  EXPECT_EQ(counted.allocations(), 0U);
  EXPECT_EQ(counted.deallocations(), 1U) << "what held the container goes";
  EXPECT_EQ(back.data(), place);
  EXPECT_EQ(back.capacity(), capacity);
  EXPECT_EQ(back, expected);
  EXPECT_TRUE(bytes.empty());  // NOLINT(bugprone-use-after-move): the state that is promised
}

TEST(IntoContainer, GivesBackContainersOfEachKindOfByte) {
  std::vector<std::byte> bytes(100, std::byte{'b'});
  std::vector<unsigned char> octets(100, 'o');
  const void* const places[] = {bytes.data(), octets.data()};
  bytes = into_container<std::vector<std::byte>>(Bytes::from_owner(std::move(bytes)));
  octets = into_container<std::vector<unsigned char>>(Bytes::from_owner(std::move(octets)));
  EXPECT_EQ(bytes.data(), places[0]);
  EXPECT_EQ(octets.data(), places[1]);
}

TEST(IntoContainer, CopiesWhatAnotherSliceStillHolds) {
  Bytes bytes = Bytes::from_owner(roomy_text());
  const Bytes kept = bytes.slice(0, 1).value();
  const void* const place = bytes.data();
  const std::string copy = into_container<std::string>(std::move(bytes));
  EXPECT_NE(static_cast<const void*>(copy.data()), place);
  EXPECT_EQ(copy, pattern(1000));
  EXPECT_EQ(kept.view(), pattern(1));
  EXPECT_EQ(static_cast<const void*>(kept.data()), place);
}

TEST(IntoContainer, CopiesAPartAndLetsGoOfTheRest) {
  for (const bool front : {true, false}) {
    Bytes part = Bytes::from_owner(roomy_text()).slice(front ? 0 : 1, 999).value();
    EXPECT_EQ(into_container<std::string>(std::move(part)), pattern(999, front ? 0 : 1));
  }
}

TEST(IntoContainer, CopiesWhatIsNoContainerOfThatType) {
  EXPECT_EQ(into_container<std::string>(Bytes::from_owner(std::vector<char>(100, 'v'))),
            std::string(100, 'v'));
  EXPECT_EQ(into_container<std::string>(Bytes::from_static("literal")), "literal");
  EXPECT_EQ(into_container<std::string>(Bytes()), "");
  // Bytes that a container keeps alive, and that are not its elements.
  const std::string other = pattern(10);
  Bytes bytes = Bytes::from_owner(std::string("owner"), test::bytes_of(other));
  EXPECT_EQ(into_container<std::string>(std::move(bytes)), other);
}

TEST(IntoContainer, ThatCannotCopyLeavesTheBytes) {
  Bytes bytes = Bytes::copy_of(pattern(1000));
  {
    test::FailingAllocations no_memory;
    EXPECT_THROW(static_cast<void>(into_container<std::string>(std::move(bytes))), std::bad_alloc);
  }
  EXPECT_EQ(bytes.view(), pattern(1000));  // NOLINT(bugprone-use-after-move): what is promised
}

template <class T>
concept CanBeMade = requires(Bytes bytes) {
  into_container<T>(std::move(bytes));
};
static_assert(CanBeMade<std::pmr::vector<std::byte>> && CanBeMade<std::string>);
static_assert(!CanBeMade<std::vector<int>>, "its elements are no bytes");
static_assert(!CanBeMade<std::array<char, 3>>, "its size is fixed");
static_assert(!CanBeMade<std::string_view>, "a view owns nothing");
template <class B>
concept CanBeTurned = requires(B bytes) {
  into_container<std::string>(static_cast<B>(bytes));
};
static_assert(CanBeTurned<Bytes&&> && !CanBeTurned<Bytes&>, "bytes are moved, never by accident");

}  // namespace
}  // namespace bytes_handoff
