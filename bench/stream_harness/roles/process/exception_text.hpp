#pragma once

#include <string>

namespace stream_harness {

/// One line about the exception that is being handled. Call it from a handler only.
[[nodiscard]] std::string exception_text();

}  // namespace stream_harness
