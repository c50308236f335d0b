#pragma once

#include <mutex>
#include <string>

namespace stream_harness {

/// The first error of a run, of those that end it. Any thread.
class FirstError {
 public:
  void set(const std::string& error) {
    const std::lock_guard lock(mutex_);
    if (text_.empty()) text_ = error;
  }

  /// Empty where there is none.
  [[nodiscard]] std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

}  // namespace stream_harness
