#pragma once

namespace programs {

/// A place in a ring, which it leaves with its destruction. A ring's owner has a place of its own:
/// what is behind that is first, and what is in front of it last.
class RingPlace {
 public:
  RingPlace() noexcept = default;
  RingPlace(const RingPlace&) = delete;
  RingPlace& operator=(const RingPlace&) = delete;
  ~RingPlace() { leave(); }

  [[nodiscard]] bool is_alone() const noexcept { return next_ == this; }
  [[nodiscard]] RingPlace* next() const noexcept { return next_; }

  /// As the last one of that ring. It must be alone.
  void join(RingPlace& of_owner) noexcept {
    previous_ = of_owner.previous_;
    next_ = &of_owner;
    previous_->next_ = next_->previous_ = this;
  }
  void leave() noexcept {
    previous_->next_ = next_;
    next_->previous_ = previous_;
    previous_ = next_ = this;
  }

 private:
  RingPlace* previous_ = this;
  RingPlace* next_ = this;
};

}  // namespace programs
