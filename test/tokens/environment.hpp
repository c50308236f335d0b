#pragma once

// Where the handlers of the table run, and their streams.

#include <array>
#include <cstdint>
#include <memory>

#include "support/asio.hpp"

namespace bytes_handoff::test {

/// What the handler's executor is. The streams' is a context of theirs, with a thread where the
/// handlers have threads; but for `within`.
enum class Where {
  plain,        ///< the streams' own, stepped by the test
  late,         ///< `Hostility::late`: its work runs when the streams have nothing to do
  shuffled,     ///< `Hostility::shuffled`: it and the streams' executor take turns by seed
  elsewhere,    ///< `Hostility::elsewhere`
  within,       ///< likewise, and the streams' is a strand of another one: what an initiating
                ///< function submits to that runs, and what follows from it, before it goes on
  pool,         ///< a `thread_pool` of two
  pool_strand,  ///< a strand of that
};
inline constexpr std::array kEverywhere{Where::plain,      Where::late,   Where::shuffled,
                                        Where::elsewhere,  Where::within, Where::pool,
                                        Where::pool_strand};
[[nodiscard]] const char* name_of(Where where) noexcept;

/// A context with streams, and an executor for handlers.
class Environment {
 public:
  [[nodiscard]] static std::unique_ptr<Environment> make(Where where, std::uint64_t seed);

  Environment() = default;
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  virtual ~Environment() = default;

  [[nodiscard]] virtual net::any_io_executor executor() = 0;
  /// Whether this thread may run handlers of `executor`.
  [[nodiscard]] virtual bool is_on_executor() = 0;
  [[nodiscard]] virtual net::any_io_executor streams() = 0;
  [[nodiscard]] virtual bool is_on_streams() = 0;

  /// Runs something of what is ready, or lets other threads do so.
  virtual void turn() = 0;
  /// Runs everything to its end; no thread is left. A failure where that does not come.
  virtual void settle() = 0;
};

}  // namespace bytes_handoff::test
