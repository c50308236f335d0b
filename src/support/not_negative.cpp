#include "bytes_handoff/core/support/not_negative.hpp"

#include <stdexcept>
#include <string>

namespace bytes_handoff::detail {

void require_not_negative(const char* member, std::chrono::nanoseconds value) {
  if (value < std::chrono::nanoseconds::zero()) {
    throw std::invalid_argument(std::string(member) + " is " + std::to_string(value.count()) +
                                " ns: it must not be negative");
  }
}

}  // namespace bytes_handoff::detail
