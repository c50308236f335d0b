#pragma once

#include <string>

#include "bytes_handoff/expected.hpp"
#include "command_line/options.hpp"
#include "report/report.hpp"

namespace stream_harness {

/// Runs the proxies alone: accepts at `service_addr`, connects each connection to `sink_addr` and
/// forwards, knowing nothing of what is to come. Ends when after the first connection none has been
/// open and none has come for the idle timeout, or on SIGINT and SIGTERM (see EndStages).
///
/// The error is one of the environment (the address, the ready file, threads, memory); connections
/// that fail are part of the result.
[[nodiscard]] bytes_handoff::expected<RunResult, std::string> run_service(const Options& options);

}  // namespace stream_harness
