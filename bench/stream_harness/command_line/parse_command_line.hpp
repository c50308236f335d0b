#pragma once

#include "bytes_handoff/expected.hpp"
#include "command_line/flags.hpp"
#include "command_line/options.hpp"

namespace stream_harness {

/// Reads the command line (without dependence on the order of flags; the last of a repeated flag
/// counts). The early exit is the usage text, or one line that names the flag, the value and the
/// rule that it breaks.
[[nodiscard]] bytes_handoff::expected<Options, EarlyExit> parse_command_line(
    int argc, const char* const* argv);

}  // namespace stream_harness
