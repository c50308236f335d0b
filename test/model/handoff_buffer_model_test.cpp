// A HandoffBuffer under random use against a plain string, while every slice that it ever handed
// out must keep its content.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/detail/block.hpp"
#include "bytes_handoff/handoff_buffer.hpp"
#include "support/counting_resource.hpp"
#include "support/seed.hpp"

namespace bytes_handoff {
namespace {

class Model {
 public:
  explicit Model(std::uint64_t seed) : random_(seed) { replace_buffer(BytesMut(), ""); }

  void step() {
    failing_ = random_.one_in(40);
    source_.fail(failing_);
    const std::size_t choice = random_.between(0, 99);
    if (choice < 35) {
      read();
    } else if (choice < 55) {
      split();
    } else if (choice < 65) {
      split_mut();
    } else if (choice < 72) {
      advance();
    } else if (choice < 76) {
      reserve();
    } else if (choice < 79) {
      hand_tail_on();
    } else if (choice < 81) {
      freeze_all();
    } else if (choice < 83) {
      move();
    } else if (choice < 90) {
      use_a_region();
    } else {
      drop_or_derive_a_slice();
    }
    source_.fail(false);
    check_the_buffer();
    check_one_slice();
  }

  void check_everything() {
    for (const Held<Bytes>& each : slices_) {
      ASSERT_EQ(each.bytes.view(), each.expected);
    }
    for (const Held<BytesMut>& each : regions_) {
      ASSERT_EQ(each.bytes.view(), each.expected);
    }
    ASSERT_LE(source_.blocks_out(), slices_.size() + regions_.size() + 1);
  }

  void drop_everything() {
    slices_.clear();
    regions_.clear();
    buffer_ = HandoffBuffer();
    ASSERT_EQ(source_.blocks_out(), 0U);
  }

 private:
  template <class T>
  struct Held {
    T bytes;
    std::string expected;
  };

  static constexpr std::size_t kHeld = 40;

  HandoffBufferConfig random_config(std::size_t least_limit) {
    HandoffBufferConfig config;
    config.max_len = least_limit + random_.between(1, random_.one_in(2) ? 300 : 20'000);
    config.read_reserve = random_.between(1, random_.one_in(2) ? 64 : 5000);
    config.block_size = random_.between(1, random_.one_in(2) ? 256 : 16'384);
    config.prefix_policy = {random_.between(0, 100), random_.between(0, 1000)};
    config.block_source = &source_;
    return config;
  }

  // At its bounds more often than anywhere else.
  std::size_t size_up_to(std::size_t most) {
    switch (random_.between(0, 5)) {
      case 0:
        return most;
      case 1:
        return random_.between(most + 1, most + 3);
      default:
        return random_.between(0, random_.one_in(2) ? most : std::min<std::size_t>(most, 60));
    }
  }

  std::string random_text(std::size_t n) {
    std::string text(n, '\0');
    const std::uint64_t start = random_.bits();
    for (std::size_t i = 0; i < n; ++i) {
      text[i] = static_cast<char>((start + i * 37 + (i >> 8U)) & 0xffU);
    }
    return text;
  }

  void replace_buffer(BytesMut tail, std::string expected) {
    auto made = HandoffBuffer::from_tail(std::move(tail), random_config(expected.size()));
    ASSERT_TRUE(made);
    buffer_ = std::move(*made);
    model_ = std::move(expected);
  }

  template <class F>
  bool may_run_out_of_memory(F operation) {
    try {
      operation();
      return true;
    } catch (const std::bad_alloc&) {
      EXPECT_TRUE(failing_);
      return false;
    }
  }

  void read() {
    const HandoffBufferConfig& config = buffer_.config();
    const std::size_t may_add = config.max_len - model_.size();
    const bool pauses = random_.one_in(4);
    may_run_out_of_memory([&] {
      auto room = buffer_.begin_read();
      ASSERT_EQ(room.has_value(), may_add != 0);
      if (!room) {
        ASSERT_EQ(room.error(), (LimitExceeded{model_.size() + 1, config.max_len}));
        return;
      }
      if (pauses) {
        buffer_.pause_read();
        source_.fail(false);
        room = buffer_.begin_read();
      }
      ASSERT_GE(room->size(), std::min(config.read_reserve, may_add));
      ASSERT_EQ(room->size(), std::min(buffer_.capacity() - buffer_.len(), may_add));
      const std::string text = random_text(std::min(size_up_to(room->size()), room->size()));
      std::memcpy(room->data(), text.data(), text.size());
      buffer_.end_read(text.size());
      model_ += text;
    });
    ASSERT_FALSE(buffer_.is_reading());
  }

  void split() {
    const std::size_t n = size_up_to(model_.size());
    auto prefix = buffer_.split_prefix(n);
    ASSERT_EQ(prefix.has_value(), n <= model_.size());
    if (!prefix) {
      ASSERT_EQ(prefix.error(), (SplitOutOfBounds{n, model_.size()}));
      return;
    }
    hold(slices_, std::move(*prefix), model_.substr(0, n));
    model_.erase(0, n);
  }

  void split_mut() {
    const std::size_t n = size_up_to(model_.size());
    auto prefix = buffer_.split_prefix_mut(n);
    ASSERT_EQ(prefix.has_value(), n <= model_.size());
    if (prefix) {
      hold(regions_, std::move(*prefix), model_.substr(0, n));
      model_.erase(0, n);
    }
  }

  void advance() {
    const std::size_t n = size_up_to(model_.size());
    ASSERT_EQ(buffer_.advance(n).has_value(), n <= model_.size());
    model_.erase(0, n <= model_.size() ? n : 0);
  }

  void reserve() {
    const std::size_t may_add = buffer_.config().max_len - model_.size();
    const std::size_t n = size_up_to(may_add);
    may_run_out_of_memory([&] {
      const auto reserved = buffer_.reserve_read_capacity(n);
      ASSERT_EQ(reserved.has_value(), n <= may_add);
      ASSERT_TRUE(!reserved || buffer_.capacity() - buffer_.len() >= n);
    });
  }

  void hand_tail_on() {
    BytesMut tail = buffer_.take_tail();
    ASSERT_TRUE(buffer_.is_empty());
    ASSERT_EQ(buffer_.capacity(), 0U);
    replace_buffer(std::move(tail), std::exchange(model_, ""));
  }

  void freeze_all() { hold(slices_, buffer_.freeze_all(), std::exchange(model_, "")); }

  void move() {
    HandoffBuffer other = std::move(buffer_);
    ASSERT_TRUE(buffer_.is_empty());  // NOLINT(bugprone-use-after-move): that is what is promised
    buffer_ = std::move(other);
  }

  // Writes into a region, grows it, rejoins it with another, or freezes it.
  void use_a_region() {
    if (regions_.empty()) return;
    Held<BytesMut>& region = regions_[random_.between(0, regions_.size() - 1)];
    Held<BytesMut>& other = regions_[random_.between(0, regions_.size() - 1)];
    may_run_out_of_memory([&] {
      if (random_.one_in(3) && &region != &other) {
        region.bytes.unsplit(std::move(other.bytes));
        region.expected += std::exchange(other.expected, "");
      } else if (random_.one_in(3)) {
        hold(slices_, std::move(region.bytes).freeze(), std::exchange(region.expected, ""));
      } else if (random_.one_in(2)) {
        const std::string text = random_text(random_.between(0, 300));
        region.bytes.extend(text);
        region.expected += text;
      } else if (!region.expected.empty()) {
        const std::size_t at = random_.between(0, region.expected.size() - 1);
        region.bytes.span()[at] = std::byte{'!'};
        region.expected[at] = '!';
      }
    });
  }

  void drop_or_derive_a_slice() {
    if (slices_.empty()) return;
    Held<Bytes>& slice = slices_[random_.between(0, slices_.size() - 1)];
    const std::size_t offset = random_.between(0, slice.expected.size());
    const std::size_t size = random_.between(0, slice.expected.size() - offset);
    switch (random_.between(0, 3)) {
      case 0:
        std::swap(slice, slices_.back());
        slices_.pop_back();
        break;
      case 1:
        hold(slices_, slice.bytes.slice(offset, size).value(), slice.expected.substr(offset, size));
        break;
      case 2:
        slice.bytes = slice.bytes.compact();
        break;
      default:
        ASSERT_TRUE(slice.bytes.advance(offset));
        slice.expected.erase(0, offset);
    }
  }

  template <class T>
  void hold(std::vector<Held<T>>& held, T bytes, std::string expected) {
    ASSERT_EQ(bytes.view(), expected);
    if (held.size() < kHeld) {
      held.push_back({std::move(bytes), std::move(expected)});
    } else {
      held[random_.between(0, kHeld - 1)] = {std::move(bytes), std::move(expected)};
    }
  }

  void check_the_buffer() {
    ASSERT_EQ(buffer_.len(), model_.size());
    ASSERT_EQ(buffer_.is_empty(), model_.empty());
    ASSERT_GE(buffer_.capacity(), model_.size());
    ASSERT_LE(model_.size(), buffer_.config().max_len);
    ASSERT_TRUE(buffer_.peek_view() == model_);
  }

  void check_one_slice() {
    if (!slices_.empty()) {
      const Held<Bytes>& slice = slices_[random_.between(0, slices_.size() - 1)];
      ASSERT_TRUE(slice.bytes.view() == slice.expected);
    }
  }

  test::Random random_;
  test::CountingResource source_;
  bool failing_ = false;
  HandoffBuffer buffer_;
  std::string model_;
  std::vector<Held<Bytes>> slices_;
  std::vector<Held<BytesMut>> regions_;
};

TEST(HandoffBufferModel, BehavesAsAStringAndItsSlicesKeepTheirContent) {
  SCOPED_TRACE(test::seed_note());
#ifdef NDEBUG
  constexpr int kSteps = 300'000;
#else
  constexpr int kSteps = 60'000;  // these builds are many times slower
#endif
  Model model(test::seed());
  for (int step = 0; step < kSteps; ++step) {
    model.step();
    if (step % 500 == 0) {
      model.check_everything();
    }
    if (testing::Test::HasFailure()) {
      FAIL() << "at step " << step;
    }
  }
  model.check_everything();
  model.drop_everything();
}

}  // namespace
}  // namespace bytes_handoff
