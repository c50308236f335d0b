#pragma once

// A HandoffBuffer and its model, a plain string, side by side, while every slice and region that it
// ever handed out must keep its content.

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/handoff_buffer.hpp"
#include "support/memory/counting_resource.hpp"
#include "support/stepping/choices.hpp"
#include "support/stepping/random_runs.hpp"

namespace bytes_handoff::test {

struct BufferOperation {
  enum class Kind {
    kRead,
    kSplit,
    kSplitMut,
    kAdvance,
    kReserve,
    kHandTailOn,
    kRefuseTail,
    kFreezeAll,
    kMove,
    kUseRegion,
    kCutRegion,
    kUseSlice,
  };
  static constexpr const char* kNames[] = {"read",    "split",        "split_mut",   "advance",
                                           "reserve", "hand_tail_on", "refuse_tail", "freeze_all",
                                           "move",    "use_region",   "cut_region",  "use_slice"};

  [[nodiscard]] std::string text() const {
    return kNames[static_cast<std::size_t>(kind)] + ("(" + std::to_string(bits)) + ")" +
           (without_memory ? "!" : "");
  }

  Kind kind;
  std::uint64_t bits;   // sizes, contents, which slice
  bool without_memory;  // the source of blocks fails
};

class BufferWorld : public Expectations {
 public:
  explicit BufferWorld(std::uint64_t config_seed);

  void apply(const BufferOperation& operation);
  /// Checks every slice once more, and that nothing is left when they are dropped.
  void finish();
  [[nodiscard]] static bool is_lively() { return true; }

 private:
  template <class T>
  struct Held {
    T bytes;
    std::string expected;
  };

  // Operations on the buffer, in handoff_buffer_world.cpp.
  void act(BufferOperation::Kind kind, Choices& choices);
  [[nodiscard]] HandoffBufferConfig any_config(Choices& choices, std::size_t least_limit);
  void replace_buffer(Choices& choices, BytesMut tail, std::string expected);
  void read(Choices& choices);
  void split(Choices& choices);
  void split_mut(Choices& choices);
  void advance(Choices& choices);
  void take_lines(Choices& choices);
  void reserve(Choices& choices);
  void prepare(Choices& choices);
  void hand_tail_on(Choices& choices);
  void refuse_tail(Choices& choices);
  void move();
  void check();

  // On what it handed out, in handoff_buffer_world_slices.cpp.
  void use_region(Choices& choices);
  void cut_region(Choices& choices);
  void freeze_front(Held<BytesMut>& region, std::size_t n, Choices& choices);
  void use_slice(Choices& choices);
  void check_slices();

  /// Runs `operation`, which may throw std::bad_alloc where the source fails.
  template <class Operation>
  void may_run_out_of_memory(Operation operation) {
    try {
      operation();
    } catch (const std::bad_alloc&) {
      expect(is_failing_, "out of memory, with memory");
    }
  }

  template <class T>
  void hold(std::vector<Held<T>>& held, T bytes, std::string expected, Choices& choices) {
    expect(bytes.view() == expected, "what was handed out");
    if (held.size() < kHeld) {
      held.push_back({std::move(bytes), std::move(expected)});
    } else {
      held[choices.between(0, kHeld - 1)] = {std::move(bytes), std::move(expected)};
    }
  }

  /// Up to a little more than `most`; at its bounds more often than anywhere else.
  [[nodiscard]] static std::size_t size_up_to(Choices& choices, std::size_t most);
  [[nodiscard]] static std::string any_text(Choices& choices, std::size_t n);

  static constexpr std::size_t kHeld = 40;

  CountingResource source_;
  bool is_failing_ = false;
  std::size_t next_checked_ = 0;
  HandoffBuffer buffer_;
  std::string model_;
  static constexpr std::size_t kLongestLine = 300;
  DelimiterFramer lines_{"\n", {.max_content = kLongestLine}};  // of all buffers, one by one
  std::vector<Held<Bytes>> slices_;
  std::vector<Held<BytesMut>> regions_;
};

}  // namespace bytes_handoff::test
