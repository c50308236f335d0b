#pragma once

#include <string>

#include "bytes_handoff/expected.hpp"
#include "command_line/options.hpp"
#include "report/report.hpp"

namespace stream_harness {

/// Runs clients, proxies and sinks in this process: waves of connections, each wave started when
/// all of the one before have ended, until both the configured number of waves and the configured
/// time have passed. SIGINT and SIGTERM let the wave that runs be the last.
///
/// The error is one of the environment (descriptors, memory, threads); connections that fail are
/// part of the result.
[[nodiscard]] bytes_handoff::expected<RunResult, std::string> run_integrated(
    const Options& options);

}  // namespace stream_harness
