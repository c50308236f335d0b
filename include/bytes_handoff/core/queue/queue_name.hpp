#pragma once

#include <cstring>
#include <string_view>

#include "bytes_handoff/core/support/abi.hpp"

namespace bytes_handoff::detail {

/// The name of a queue. It takes a pointer, and memory only if there is one.
class QueueName {
 public:
  /// Up to its first null character.
  explicit QueueName(std::string_view name) {
    name = name.substr(0, name.find('\0'));
    if (!name.empty()) {
      char* const text = new char[name.size() + 1];
      std::memcpy(text, name.data(), name.size());
      text[name.size()] = '\0';
      text_ = text;
    }
  }
  QueueName(const QueueName&) = delete;
  QueueName& operator=(const QueueName&) = delete;
  ~QueueName() { delete[] text_; }

  /// For as long as this is there. Empty: none.
  [[nodiscard]] std::string_view view() const noexcept {
    return text_ == nullptr ? std::string_view() : std::string_view(text_);
  }

 private:
  const char* text_ = nullptr;
};

}  // namespace bytes_handoff::detail
