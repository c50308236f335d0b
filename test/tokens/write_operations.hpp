#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tokens/queue_operation.hpp"

namespace bytes_handoff::test {

/// A write of 4 bytes that finds room, or must wait for it; one that can never fit; one that finds
/// the queue aborted while it starts; one that is cancelled while it waits.
///
/// Its slices are in memory of their own, which goes where the end of the write is told: who
/// touches them later uses memory that has gone. By then they are empty, or what they were.
template <std::size_t kSlices>
class WriteOperation : public QueueOperation {
 public:
  static constexpr bool kHasErrorCode = true;
  static std::vector<std::string> states() {
    return {"room", "waits", "never_fits", "is_aborted", "is_cancelled"};
  }
  static bool is_meanwhile(unsigned state) { return state == 3; }
  static bool is_cancelled(unsigned state) { return state == 4; }
  static std::string expected(unsigned state) {
    switch (state) {
      case 2:
        return describe(Errc::can_never_fit);
      case 3:
        return describe(Errc::closed);
      case 4:
        return describe(net_error_code(net::error::operation_aborted));
      default:
        return "done, a ticket";
    }
  }

  WriteOperation(Environment& environment, unsigned state)
      : QueueOperation(environment), state_(state) {
    const std::string_view all = state == 2 ? "a write of 20 bytes." : "4 b.";
    const std::size_t of_each = all.size() / kSlices;
    for (std::size_t i = 0; i < kSlices; ++i) {
      (*slices_)[i] = text(all.substr(i * of_each, of_each));
      before_[i] = (*slices_)[i];
    }
    if (state == 1 || is_cancelled(state)) {
      static_cast<void>(fill());
    } else if (is_meanwhile(state)) {
      let_another_abort();
    }
  }

  /// Whether the write waits in line.
  bool is_waiting() { return out().statistics().waits != 0; }
  void go_on() {
    if (!is_cancelled(state_)) {
      read_all();
    }
  }
  WriteOperation(const WriteOperation&) = delete;
  WriteOperation& operator=(const WriteOperation&) = delete;
  ~WriteOperation() {
    if (slices_ != nullptr && state_ >= 2) {  // nobody was told
      expect_whose();
    }
  }
  void let_go() {
    expect_whose();
    slices_.reset();
    QueueOperation::let_go();
  }
  template <class Token>
  auto start(Token&& token) {
    if constexpr (kSlices == 1) {
      return out().async_write(slices_->front(), std::forward<Token>(token));
    } else {
      return out().async_write(*slices_, std::forward<Token>(token));
    }
  }

 private:
  using Slices = std::array<Bytes, kSlices>;

  void expect_whose() const {
    for (std::size_t i = 0; i < kSlices; ++i) {
      const Bytes& slice = (*slices_)[i];
      if (state_ < 2) {
        EXPECT_TRUE(slice.empty()) << "an admitted slice is still the caller's";
      } else {
        EXPECT_EQ(slice.data(), before_[i].data()) << "a refused slice was touched";
        EXPECT_EQ(slice.view(), before_[i].view()) << "a refused slice was touched";
      }
    }
  }

  const unsigned state_;
  std::unique_ptr<Slices> slices_ = std::make_unique<Slices>();
  Slices before_;
};

}  // namespace bytes_handoff::test
