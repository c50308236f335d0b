#pragma once

#include <cstddef>
#include <string>
#include <system_error>

#include "bytes_handoff/expected.hpp"

namespace stream_harness {

/// One line about the exception that is being handled. Call it from a handler only.
[[nodiscard]] std::string exception_text();

/// What `body` returns, which is an `expected` of a string; that text where it throws.
template <class Body>
[[nodiscard]] auto exceptions_as_errors(Body body) -> decltype(body()) {
  try {
    return body();
  } catch (...) {
    return bytes_handoff::unexpected<std::string>(exception_text());
  }
}

/// One line about threads that could not be started.
[[nodiscard]] std::string thread_error(std::size_t threads, const std::system_error& error);

}  // namespace stream_harness
