#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tokens/queue_operation.hpp"
#include "tokens/run_case.hpp"

namespace bytes_handoff::test {
namespace {

/// A burst that finds room, or is larger than the queue; one with a slice that can never fit in
/// whole; one that finds the queue aborted while it starts; one that is cancelled when a part of it
/// is admitted.
///
/// Its slices are in memory of their own, which goes where the end of the burst is told: who
/// touches them later uses memory that has gone. By then they are what is left to the caller.
template <bool kMayCut>
class SendOperation : public QueueOperation {
 public:
  static constexpr bool kHasErrorCode = true;
  static std::vector<std::string> states() {
    return {"room", "waits", "larger_than_all", "is_aborted", "is_cancelled"};
  }
  static bool is_meanwhile(unsigned state) { return state == 3; }
  static bool is_cancelled(unsigned state) { return state == 4; }
  static std::string expected(unsigned state) {
    switch (state) {
      case 0:
        return describe(2);
      case 1:
        return describe(3);
      case 2:
        return kMayCut ? describe(2) : describe(Errc::can_never_fit);
      case 3:
        return describe(Errc::closed);
      default:
        return describe(net_error_code(net::error::operation_aborted));
    }
  }

  SendOperation(Environment& environment, unsigned state)
      : QueueOperation(environment), state_(state) {
    for (const std::string_view each : texts(state)) {
      slices_->push_back(text(each));
    }
    if (is_meanwhile(state)) {
      let_another_abort();
    }
  }
  SendOperation(const SendOperation&) = delete;
  SendOperation& operator=(const SendOperation&) = delete;
  ~SendOperation() {
    if (slices_ != nullptr && state_ >= 3) {  // nobody was told
      expect_whose();
    }
  }

  /// Whether the burst waits in line.
  bool is_waiting() { return out().statistics().waits != 0; }
  void go_on() {
    if (!is_cancelled(state_)) {
      read_all();
    }
  }
  void let_go() {
    expect_whose();
    slices_.reset();
    QueueOperation::let_go();
  }
  template <class Token>
  auto start(Token&& token) {
    if constexpr (kMayCut) {
      return out().async_send(*slices_, may_cut, std::forward<Token>(token));
    } else {
      return out().async_send(*slices_, std::forward<Token>(token));
    }
  }

 private:
  using Texts = std::vector<std::string_view>;

  static Texts texts(unsigned state) {
    switch (state) {
      case 1:
        return {"more than 8.", "again so 12.", "and 12 more."};
      case 2:
        return {"4 b.", "a slice of 20 bytes."};
      case 4:
        return kMayCut ? Texts{"a slice of 20 bytes.", "last"}
                       : Texts{"more than 8.", "again so 12."};
      default:
        return {"4", " b."};
    }
  }
  static Texts left(unsigned state) {
    switch (state) {
      case 2:
        return kMayCut ? Texts{"", ""} : texts(state);
      case 3:
        return texts(state);
      case 4:
        return kMayCut ? Texts{"tes.", "last"} : Texts{"", "again so 12."};
      default:
        return Texts(texts(state).size());
    }
  }
  void expect_whose() const {
    const Texts expected = left(state_);
    ASSERT_EQ(slices_->size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ((*slices_)[i].view(), expected[i]) << "slice " << i;
    }
  }

  const unsigned state_;
  std::unique_ptr<std::vector<Bytes>> slices_ = std::make_unique<std::vector<Bytes>>();
};

TEST(WriteHandoffTokens, async_send_of_slices) {
  run_operation<SendOperation<false>>("async_send_of_slices");
}
TEST(WriteHandoffTokens, async_send_of_slices_may_cut) {
  run_operation<SendOperation<true>>("async_send_of_slices_may_cut");
}

}  // namespace
}  // namespace bytes_handoff::test
