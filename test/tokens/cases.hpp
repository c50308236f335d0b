#pragma once

// The cases of the table.

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tokens/environment.hpp"

namespace bytes_handoff::test {

enum class Kind {
  callback,
  move_only,  ///< a callback that can only be moved
  unbound,    ///< a callback that is bound to nothing: it runs on the stream's executor
  concrete,   ///< a callback that is bound to an executor of its own type
  future,
  awaitable,
  as_tuple,        ///< as_tuple(use_awaitable)
  redirect_error,  ///< redirect_error(use_awaitable)
  deferred_once,   ///< started at once
  deferred_kept,   ///< started in a later turn
  detached,
};
inline constexpr std::array kKinds{Kind::callback,      Kind::move_only,      Kind::unbound,
                                   Kind::concrete,      Kind::future,         Kind::awaitable,
                                   Kind::as_tuple,      Kind::redirect_error, Kind::deferred_once,
                                   Kind::deferred_kept, Kind::detached};
[[nodiscard]] const char* name_of(Kind kind) noexcept;

struct CaseId {
  Kind kind = Kind::callback;
  /// Whether the token is bound to an executor, an allocator and a cancellation slot.
  bool is_dressed = false;
  Where where = Where::plain;

  [[nodiscard]] std::string name() const;
};

/// Runs a third of the cases of one operation, by the seed; all of them n times with
/// BYTES_HANDOFF_TEST_COUNT=n. Each has its name in the trace, and prints it beforehand.
/// BYTES_HANDOFF_TOKENS_ONLY=text takes those whose name has that text.
void run_cases(const std::string& operation, const std::vector<std::string>& states,
               bool has_error_code,
               const std::function<void(const CaseId&, unsigned state, std::uint64_t seed)>& run);

}  // namespace bytes_handoff::test
