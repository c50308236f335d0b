#pragma once

#include <string>
#include <vector>

#include "tokens/queue_operation.hpp"

namespace bytes_handoff::test {

/// A write of 4 bytes that finds room, or must wait for it; one that can never fit;
/// one that finds the queue aborted while it starts.
class WriteOperation : public QueueOperation {
 public:
  static constexpr bool kHasErrorCode = false;
  static std::vector<std::string> states() { return {"room", "waits", "never_fits", "is_aborted"}; }

  WriteOperation(Environment& environment, unsigned state)
      : QueueOperation(environment), state_(state) {
    if (state == 1) {
      static_cast<void>(fill());
    } else if (is_meanwhile(state)) {
      let_another_abort();
    }
  }
  static bool is_meanwhile(unsigned state) { return state == 3; }
  void go_on() { read_all(); }

 protected:
  [[nodiscard]] static std::string expected_of(unsigned state, const char* done) {
    return state == 2   ? "refused, 1, with 20 bytes"
           : state == 3 ? "refused, 0, with 4 bytes"
                        : done;
  }
  [[nodiscard]] Bytes bytes() const { return text(state_ == 2 ? "a write of 20 bytes." : "4 b."); }
  [[nodiscard]] std::vector<Bytes> slices() const {
    return state_ == 2 ? texts("a write of 20", " bytes.") : texts("4 ", "b.");
  }

 private:
  const unsigned state_;
};

}  // namespace bytes_handoff::test
